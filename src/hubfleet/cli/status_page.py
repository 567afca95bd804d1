"""`hubfleet status-page`: the public status as files, for a host that stays up when this falls."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hubfleet.cli import options, output

app = typer.Typer(
    name="status-page",
    help="The public status page as files.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.callback()
def _group() -> None:
    pass


@app.command("export")
def export(
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="Where to write it.")],
    fleet: options.Fleet = None,
    state: options.State = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Look at the fleet, then write the status page, its feed and summary.json as files."""
    from hubfleet.cli.serve import open_office, prepare
    from hubfleet.office.site.installed import require_office

    require_office()
    desk, launch, _ = prepare(fleet, state, None, 0)
    open_office(desk, launch)
    from django.db import connections

    from hubfleet.office.console import status_pages
    from hubfleet.office.watching import observing

    try:
        observing.look()
        written = status_pages.export(to)
    finally:
        connections.close_all()
    if as_json:
        output.print_json({"files": [str(path) for path in written]})
    elif not quiet:
        output.say(f"{output.counted(len(written), 'file')} written; begin at {to / 'index.html'}")

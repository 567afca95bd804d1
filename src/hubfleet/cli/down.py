"""`hubfleet down`: stop everything on this machine; nothing is deleted."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from hubfleet.cli import exits, options, output


def down(
    state: options.State = None,
    keep_hubs: Annotated[
        bool,
        typer.Option("--keep-hubs", help="End only the keeper, for instance after an upgrade."),
    ] = False,
    yes: options.Yes = False,
    quiet: options.Quiet = False,
) -> None:
    """Stop people's servers, all hubs, the proxy and the keeper. Files stay where they are."""
    from hubfleet import wiring
    from hubfleet.kit.errors import failure

    local = wiring.local_platform(state)
    people = [] if keep_hubs else local.working_people()
    if people and not yes:
        if not sys.stdin.isatty():
            raise failure(
                "people-are-working",
                f"{len(people)} servers of people are running",
                why="`down` stops them, and what people have not saved is lost",
                hint="add --yes to stop them, or --keep-hubs to end only the keeper",
            )
        if not typer.confirm(f"{len(people)} servers are running. Stop them too?", err=True):
            raise typer.Exit(exits.FAILED)
    with wiring.lease_of(state, "hubfleet down"):
        stopped = local.stop_all(keep_hubs=keep_hubs)
    if not quiet:
        output.say(stopped)

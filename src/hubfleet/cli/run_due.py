"""`hubfleet run-due`: do what is due once, for a cron job beside `serve --no-schedules`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hubfleet.cli import exits, options, output

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubfleet.office.schedules.running import Done

NamesArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="NAME", help="Only these, as `hubfleet schedules` names them."),
]


def run_due(
    names: NamesArgument = None,
    fleet: options.Fleet = None,
    state: options.State = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Look at the fleet, do once what is due now, and end; ends 1 when something failed."""
    from hubfleet.cli.serve import open_office, prepare
    from hubfleet.office.site.installed import require_office

    require_office()
    desk, launch, _ = prepare(fleet, state, None, 0)
    open_office(desk, launch)
    refuse_unknown(names or [])
    done = _done(names or [])
    if as_json:
        output.print_json({"runs": [one.as_json() for one in done]})
    elif not quiet:
        for one in done:
            word = "done" if one.ok else "failed"
            told = f": {one.said}" if one.said else ""
            output.say(f"{word:<7} {one.name:<14} {one.seconds:6.2f} s{told}")
        if not done:
            output.say("Nothing is due.")
    if not all(one.ok for one in done):
        raise typer.Exit(exits.FAILED)


def refuse_unknown(names: Sequence[str]) -> None:
    """Raises `unknown-schedule`."""
    from hubfleet.fleet.words import nearest
    from hubfleet.kit.errors import failure
    from hubfleet.office.site.loops import scheduled

    known = [name for name, _ in scheduled()]
    for name in names:
        if name not in known:
            near = nearest(name, known)
            raise failure(
                "unknown-schedule",
                f"nothing is due under the name '{name}'",
                hint=f"did you mean {near}?" if near else f"known: {', '.join(known)}",
            )


def _done(names: Sequence[str]) -> list[Done]:
    """Raises `schedules-held`."""
    from django.db import connections

    from hubfleet.office.schedules.lease import Lease, LostError, held, holder
    from hubfleet.office.schedules.running import run_due as run_what_is_due
    from hubfleet.office.site.loops import duties
    from hubfleet.office.watching import observing

    lease = Lease()
    try:
        if not lease.hold():
            raise held(holder())
        # What is due asks what was seen last, and this process has seen nothing yet.
        observing.look()
        return run_what_is_due(duties(names), lease)
    except LostError:
        raise held(holder()) from None
    finally:
        lease.let_go()
        connections.close_all()

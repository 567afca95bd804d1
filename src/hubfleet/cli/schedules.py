"""`hubfleet schedules`: what the service does by itself; when last, when next, and how it went."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hubfleet.cli import options, output

if TYPE_CHECKING:
    from hubfleet.office.schedules.showing import Board

NameArgument = Annotated[
    str | None, typer.Argument(metavar="NAME", help="One of them: show its last runs as well.")
]


def schedules(
    name: NameArgument = None,
    fleet: options.Fleet = None,
    state: options.State = None,
    failed: Annotated[
        bool, typer.Option("--failed", help="Show the last runs that failed or were cut off.")
    ] = False,
    lines: Annotated[
        int, typer.Option("--lines", "-n", min=1, max=10_000, help="At most so many runs.")
    ] = 20,
    as_json: options.Json = False,
) -> None:
    """Show what is due when, who does it, how the last runs went, and how long they took."""
    from hubfleet.cli.run_due import refuse_unknown
    from hubfleet.cli.serve import open_office, prepare
    from hubfleet.office.site.installed import require_office

    require_office()
    desk, launch, _ = prepare(fleet, state, None, 0)
    open_office(desk, launch)
    refuse_unknown([name] if name else [])
    from django.db import connections

    from hubfleet.office.schedules import showing
    from hubfleet.office.site.loops import scheduled

    try:
        wanted = [one for one in scheduled() if name in (None, one[0])]
        board = showing.board(wanted)
        asked = name is not None or failed
        rows = showing.runs(name or "", failed=failed)[:lines] if asked else ()
        runs = [showing.run_as_json(row) for row in rows]
    finally:
        connections.close_all()
    if as_json:
        output.print_json({**board.as_json(), "runs": runs})
        return
    _print(board, runs)


def _print(board: Board, runs: list[dict[str, Any]]) -> None:
    from hubfleet.kit.clock import timestamp

    output.say(f"Done by {board.holder}" if board.holder else "Nobody does what is due now.")
    output.say(f"{'NAME':<16}{'EVERY':>7}  {'LAST':<21}{'NEXT':<21}{'TOOK':>8}  RESULT")
    for one in board.jobs:
        last = timestamp(one.last_at) if one.last_at else "-"
        following = timestamp(one.next_at) if one.next_at else "-"
        took = f"{one.seconds:.2f} s" if one.last_at else "-"
        result = f"{one.result}{', late' if one.late else ''}" or "-"
        told = f": {one.said}" if one.said else ""
        output.say(
            f"{one.name:<16}{one.every:>6g}s  {last:<21}{following:<21}{took:>8}  {result}{told}"
        )
    for run in runs:
        ended, times = run["ended_at"] or "still runs", run["times"]
        more = f" ({times} times)" if times > 1 else ""
        told = f": {run['said']}" if run["said"] else ""
        output.say(f"{run['started_at']} - {ended}  {run['name']} {run['result']}{more}{told}")

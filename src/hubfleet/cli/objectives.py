"""`hubfleet objectives`: how available was each hub in a month, and what is left of its budget?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from hubfleet.cli import options, output

_COLOURS = {"missed": "red", "at risk": "yellow", "kept": "green"}

HubArgument = Annotated[
    str | None, typer.Argument(metavar="[HUB]", help="community/hub; default: all.")
]
MonthOption = Annotated[
    str, typer.Option("--month", metavar="YYYY-MM", help="The month; default: the present one.")
]


def objectives(
    hub: HubArgument = None,
    month: MonthOption = "",
    fleet: options.Fleet = None,
    state: options.State = None,
    remote: options.Remote = None,
    as_json: options.Json = False,
) -> None:
    """Show the measured availability of a month, and what is left of the error budgets."""
    if remote:
        from hubfleet.cli.remote import signed_in

        asked = {"month": month, **({"hub": [hub]} if hub else {})}
        found = signed_in(remote).get("/objectives", **asked)
        if hub and not found["hubs"]:
            raise _unknown(hub, why="It does not exist there, or its budget is not yours to see.")
    else:
        found = _measured(hub, month, fleet, state)
    if as_json:
        output.print_json(found)
    else:
        _print(found, whole=hub is not None)


def _measured(
    hub: str | None, month: str, fleet: Path | None, state: Path | None
) -> dict[str, Any]:
    from zoneinfo import ZoneInfo

    from hubfleet.cli.serve import open_office, prepare
    from hubfleet.kit.clock import today
    from hubfleet.office.site.installed import require_office

    require_office()
    desk, launch, _ = prepare(fleet, state, None, 0)
    declared = desk.fleet()
    if hub is not None and hub not in declared.hubs:
        raise _unknown(hub, declared.hubs)
    open_office(desk, launch)
    from django.db import connections

    from hubfleet.office.watching.budgets import DEFINITION, Month
    from hubfleet.office.watching.measured import budgets_of

    zone = ZoneInfo(declared.service.timezone)
    wanted = Month.named(month, zone) if month else Month.of(today(zone.key), zone)
    try:
        budgets = budgets_of(declared, [hub] if hub else declared.hubs, wanted)
    finally:
        connections.close_all()
    return {
        "month": str(wanted),
        "timezone": zone.key,
        "definition": DEFINITION,
        "hubs": [one.as_json() for one in budgets],
    }


def _unknown(hub: str, known: Iterable[str] = (), why: str = "") -> Exception:
    from hubfleet.fleet.words import nearest
    from hubfleet.kit.errors import failure

    near = nearest(hub, list(known))
    return failure(
        "unknown-hub",
        f"there is no hub '{hub}'",
        why=why,
        hint=f"did you mean {near}?" if near else "`hubfleet objectives` lists all of them",
    )


def _print(found: Mapping[str, Any], *, whole: bool) -> None:
    output.say(f"{found['month']} in {found['timezone']}")
    _print_table(found["hubs"])
    if whole:
        for one in found["hubs"][0]["excluded"]:
            output.say(f"excused: {one['title']}, from {one['from']} until {one['until']}")
    output.tell(f"note: {found['definition']}")


def _print_table(rows: Sequence[Mapping[str, Any]]) -> None:
    from rich.table import Table
    from rich.text import Text

    from hubfleet.office.watching.budgets import in_budget, in_time

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("hub", "target", "available", "down", "excused", "budget left", "burns", "state"):
        table.add_column(name, overflow="fold")
    for row in rows:
        cells = (
            row["hub"],
            "-" if row["target"] is None else f"{row['target']:g} %",
            "-" if row["availability"] is None else f"{row['availability']:.3f} %",
            in_time(row["down_seconds"]),
            in_time(row["excused_seconds"]),
            in_budget(row["left_seconds"], row["budget_seconds"]),
            "-" if row["burn"] is None else f"{row['burn']:g} times",
            Text(row["state"], style=_COLOURS.get(row["state"], "dim")),
        )
        table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in cells))
    output.stdout_console().print(table)

"""`hubfleet availability`: how much of a month did each hub work, and what was left out?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hubfleet.cli import options, output

if TYPE_CHECKING:
    from hubfleet.office.watching.availability import Month


def availability(
    hubs: options.HubsArgument = None,
    month: Annotated[
        str | None,
        typer.Option("--month", metavar="YYYY-MM", help="Which month; default: the present one."),
    ] = None,
    fleet: options.Fleet = None,
    state: options.State = None,
    as_json: options.Json = False,
) -> None:
    """Show the measured availability of hubs in a month, with the maintenances left out of it."""
    from zoneinfo import ZoneInfo

    from hubfleet.cli.choosing import declared_hubs
    from hubfleet.cli.serve import open_office, prepare
    from hubfleet.kit.clock import today
    from hubfleet.office.site.installed import require_office

    require_office()
    desk, launch, _ = prepare(fleet, state, None, 0)
    declared = desk.fleet()
    names = declared_hubs(declared, hubs or [])
    open_office(desk, launch)
    from django.db import connections

    from hubfleet.office.watching.months import as_json as month_as_json
    from hubfleet.office.watching.months import months, parse_month

    zone = declared.service.timezone
    wanted = parse_month(month) if month else today(zone)
    try:
        found = months(names, wanted, ZoneInfo(zone))
    finally:
        connections.close_all()
    if as_json:
        shown = {"month": f"{wanted:%Y-%m}", "timezone": zone}
        output.print_json({**shown, "hubs": [month_as_json(one) for one in found]})
        return
    for one in found:
        _print(one)


def _print(one: Month) -> None:
    from hubfleet.kit.clock import timestamp
    from hubfleet.office.watching.availability import in_time

    told = f"{one.down} down, {one.excused} excused, {in_time(one.unseen)} not seen"
    output.say(f"{one.percent:>12}  {one.hub}  {told}")
    for window in one.excluded:
        end = timestamp(window.end) if window.end else "?"
        output.say(f"{'':>14}left out: {timestamp(window.start)} - {end}  {window.title}")

"""Measured availability by month, read from the days."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from hubfleet.kit.clock import now, timestamp
from hubfleet.kit.errors import failure
from hubfleet.office.watching.availability import Month, Share, Window, bounds, month_of
from hubfleet.office.watching.maintenance import windows
from hubfleet.office.watching.models import HubDay

_MONTH = re.compile(r"^(\d{4})-(0[1-9]|1[0-2])$")


def parse_month(text: str) -> date:
    """The first day of `2026-11`; raises `month-not-understood`."""
    match = _MONTH.match(text)
    if match is None or int(match[1]) < 1:
        raise failure(
            "month-not-understood",
            f"{text!r} is no month",
            hint="write one such as 2026-11",
        )
    return date(int(match[1]), int(match[2]), 1)


def months(
    hubs: Sequence[str], month: date, zone: ZoneInfo, at: datetime | None = None
) -> list[Month]:
    """This month of these hubs, in two queries; `month` is any day of it."""
    begin, end = bounds(month, zone)
    first, last = begin.astimezone(zone).date(), end.astimezone(zone).date()
    rows = HubDay.objects.filter(hub__in=list(hubs), day__gte=first, day__lt=last)
    days: dict[str, dict[date, Share]] = {hub: {} for hub in hubs}
    for hub, day, *seconds in rows.values_list("hub", "day", "up", "down", "excused"):
        days[hub][day] = Share(*seconds)
    known = windows(begin, end)
    return [month_of(hub, month, days[hub], known, zone, at or now()) for hub in hubs]


def as_json(found: Month) -> dict[str, Any]:
    """The shape that `availability --json` promises for each hub."""
    part = found.part
    return {
        "hub": found.hub,
        "month": found.month,
        "availability": None if part is None else int(part * 1_000_000) / 1_000_000,
        "up_seconds": round(found.share.up),
        "down_seconds": round(found.share.down),
        "excused_seconds": round(found.share.excused),
        "unseen_seconds": round(found.unseen),
        "excluded": [_window(window) for window in found.excluded],
    }


def _window(window: Window) -> dict[str, str]:
    return {
        "title": window.title,
        "start": timestamp(window.start),
        "end": timestamp(window.end) if window.end else "",
    }

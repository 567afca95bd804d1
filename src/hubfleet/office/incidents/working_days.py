"""When working days are over. A working day is 24 hours from Monday to Friday in a zone. Pure.

Days are counted on the clock on the wall: five working days after Thursday at 15:00 it is Thursday
at 15:00, also when clocks were changed in between.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

_SATURDAY = 5


def after(start: datetime, days: int, zone: ZoneInfo) -> datetime:
    """The moment (UTC) when so many working days have passed; time at a weekend counts for none."""
    wall = _working(start.astimezone(zone).replace(tzinfo=None, fold=0))
    for _ in range(days):
        wall += timedelta(days=1)
        while wall.weekday() >= _SATURDAY:
            wall += timedelta(days=1)
    return wall.replace(tzinfo=zone).astimezone(UTC)


def _working(wall: datetime) -> datetime:
    """The same moment, or the beginning of Monday."""
    while wall.weekday() >= _SATURDAY:
        wall = datetime.combine(wall.date() + timedelta(days=1), time())
    return wall

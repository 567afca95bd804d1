"""The arithmetic of availability. Pure; knows no Django.

A hub is up while it runs and answers, and down while it ought to and does not, or while the checks
say so. Trouble in a maintenance that was announced is excused: it counts for neither. Nor does time
that nobody watched, so that a console that was away makes no hub look bad or good.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

UP = frozenset({"running"})

Word = Literal["good", "warn", "bad", "quiet"]
Worth = Literal["up", "down", "excused"]
"""As what a second of a hub counts."""

GOOD, FAIR = 0.999, 0.99
"""Shares of a day from which it counts as good, and as fair."""


@dataclass(frozen=True, slots=True)
class Share:
    """Seconds up and down of a day, or of several."""

    up: float = 0.0
    down: float = 0.0
    excused: float = 0.0
    """It did not work, in a maintenance that was announced."""

    @property
    def seen(self) -> float:
        return self.up + self.down

    @property
    def part(self) -> float | None:
        """0 to 1; None when nobody watched."""
        return self.up / self.seen if self.seen > 0 else None

    @property
    def word(self) -> Word:
        if self.part is None:
            return "quiet"
        if self.part >= GOOD:
            return "good"
        return "warn" if self.part >= FAIR else "bad"

    def __add__(self, other: Share) -> Share:
        excused = self.excused + other.excused
        return Share(self.up + other.up, self.down + other.down, excused)


@dataclass(frozen=True, slots=True)
class Day:
    """One bar of a history."""

    day: date
    share: Share


def worth(state: str, *, down: bool, maintained: bool) -> Worth:
    """As what time counts in which the platform shows `state`; `down` is what the checks say."""
    if state in UP and not down:
        return "up"
    return "excused" if maintained else "down"


def by_day(start: datetime, end: datetime, zone: ZoneInfo) -> Iterator[tuple[date, float]]:
    """The seconds between two moments, by day of the zone; nothing when the end is no later.

    A day of 23 or 25 hours has as many seconds as it has.
    """
    # In UTC: two moments of one zone are subtracted by their faces, not by what lies between them.
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    while start < end:
        day = start.astimezone(zone).date()
        midnight = datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
        until = min(end, midnight)
        yield day, (until - start).total_seconds()
        start = until


def total(shares: Iterable[Share]) -> Share:
    result = Share()
    for share in shares:
        result += share
    return result


def history(days: Mapping[date, Share], last: date, count: int) -> tuple[Day, ...]:
    """The last so many days, the oldest first; days without a record are empty."""
    wanted = [last - timedelta(days=back) for back in range(count - 1, -1, -1)]
    return tuple(Day(day, days.get(day, Share())) for day in wanted)


def in_percent(part: float | None) -> str:
    """`99.95 %`, cut and never rounded up: 99.999 is not 100."""
    if part is None:
        return "not measured"
    if part >= 1:
        return "100 %"
    return f"{int(part * 10000) / 100:.2f} %"


def together(histories: Sequence[tuple[Day, ...]]) -> tuple[Day, ...]:
    """Several hubs as one: their seconds added day by day."""
    return tuple(
        Day(days[0].day, total(day.share for day in days)) for days in zip(*histories, strict=True)
    )

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
class Window:
    """A maintenance; `community` is empty for all hubs, `end` None while nobody knows it."""

    start: datetime
    end: datetime | None
    community: str
    title: str

    def covers(self, hub: str, at: datetime) -> bool:
        mine = self.community in ("", hub.partition("/")[0])
        return mine and self.start <= at and (self.end is None or at < self.end)

    def within(self, hub: str, start: datetime, end: datetime) -> Window | None:
        """The part of it that lies between two moments, for this hub; None without one."""
        begin, last = max(self.start, start), min(self.end or end, end)
        if self.community not in ("", hub.partition("/")[0]) or begin >= last:
            return None
        return Window(begin, last, self.community, self.title)


@dataclass(frozen=True, slots=True)
class Month:
    """A hub's measured availability in one month of the service's time zone.

    `part` is time up as a share of time up and down: what is excused, and what nobody watched,
    counts for neither. `excluded` are the announced maintenances, cut to the month.
    """

    hub: str
    month: str
    share: Share
    unseen: float
    excluded: tuple[Window, ...]

    @property
    def part(self) -> float | None:
        return self.share.part

    @property
    def percent(self) -> str:
        return in_percent(self.part)

    @property
    def down(self) -> str:
        return in_time(self.share.down)

    @property
    def excused(self) -> str:
        return in_time(self.share.excused)


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


def in_time(seconds: float) -> str:
    """`40 s`, `95 min`, `12.3 h`."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 2 * 3600 else f"{seconds / 3600:.1f} h"


def together(histories: Sequence[tuple[Day, ...]]) -> tuple[Day, ...]:
    """Several hubs as one: their seconds added day by day."""
    return tuple(
        Day(days[0].day, total(day.share for day in days)) for days in zip(*histories, strict=True)
    )


def bounds(month: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """When the month of this day begins and ends in the zone, in UTC."""
    first = month.replace(day=1)
    following = (first + timedelta(days=31)).replace(day=1)
    begin, end = (datetime.combine(day, time(), zone).astimezone(UTC) for day in (first, following))
    return begin, end


def month_of(
    hub: str,
    month: date,
    days: Mapping[date, Share],
    windows: Iterable[Window],
    zone: ZoneInfo,
    at: datetime,
) -> Month:
    """The month of a hub from its days; of the present month only what has passed until `at`."""
    begin, end = bounds(month, zone)
    until = max(begin, min(end, at))
    first = begin.astimezone(zone).date()
    share = total(
        found for day, found in days.items() if (day.year, day.month) == (first.year, first.month)
    )
    passed = (until - begin).total_seconds()
    unseen = max(0.0, passed - share.seen - share.excused)
    cut = (window.within(hub, begin, end) for window in windows)
    excluded = tuple(window for window in cut if window is not None)
    return Month(hub, f"{first:%Y-%m}", share, unseen, excluded)

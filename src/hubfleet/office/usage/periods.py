"""The periods in which people are counted once: days, ISO weeks, months and years of UTC. Pure.

UTC and not the service's zone, because bills are made by months of UTC, and so days add up to what
is billed. None of them is an hour shorter or longer.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, get_args

Kind = Literal["day", "week", "month", "year", "billed"]
"""`billed` is the month of UTC again, in which only who started a server counts."""

KINDS: tuple[Kind, ...] = get_args(Kind)
PRESENT: tuple[Kind, ...] = ("day", "week", "month", "year")
"""Those in which everybody counts who had a server running."""

_A_DAY = timedelta(days=1)


def start_of(kind: Kind, day: date) -> date:
    """The first day of the period that the day belongs to."""
    if kind == "day":
        return day
    if kind == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if kind in ("month", "billed") else day.replace(month=1, day=1)


def last_of(kind: Kind, start: date) -> date:
    """The last day of the period that begins on `start`."""
    if kind == "day":
        return start
    if kind == "week":
        return start + timedelta(days=6)
    if kind == "year":
        return start.replace(month=12, day=31)
    return (start + timedelta(days=31)).replace(day=1) - _A_DAY


def kind_of(first: date, last: date) -> Kind | None:
    """The period that is exactly this range of days; None where it is none."""
    for kind in PRESENT:
        if start_of(kind, first) == first and last_of(kind, first) == last:
            return kind
    return None


def month_of(text: str) -> tuple[date, date]:
    """The first and the last day of `2026-11`; ValueError for anything else."""
    first = date.fromisoformat(f"{text}-01")
    return first, last_of("month", first)


LONGEST = 3700
"""Days that one answer is about."""


def days_asked(first: date | None, last: date | None, today: date) -> tuple[date, date]:
    """A range out of what was said, without one the month that it is; ten years at most."""
    if first is None:
        first = start_of("month", last or today)
        return first, last or last_of("month", first)
    last = max(first, last or today)
    return max(first, last - timedelta(days=LONGEST)), last


def days_between(first: date, last: date) -> list[date]:
    """All days, both ends included."""
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def by_day(start: datetime, end: datetime) -> Iterator[tuple[date, float]]:
    """The seconds between two moments, by day of UTC; nothing when the end is no later."""
    # In UTC first: two moments of one zone are subtracted by their faces, not by what lies between.
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    while start < end:
        midnight = datetime.combine(start.date() + _A_DAY, time(), UTC)
        until = min(end, midnight)
        yield start.date(), (until - start).total_seconds()
        start = until


def days_touched(start: datetime, end: datetime) -> list[date]:
    """The days of UTC in which some of the time lies; one moment lies in its day."""
    first, last = start.astimezone(UTC).date(), end.astimezone(UTC).date()
    return days_between(first, max(first, last))

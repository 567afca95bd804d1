"""Use by months, for whoever takes a hub along: sums and counts of a hub or of a whole community.

The tables of days and of counts alone are read: no person, no hash, no session, and nothing of any
other community.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Min

from hubfleet.kit.clock import now
from hubfleet.office.usage.models import Reading, UseDay
from hubfleet.office.usage.numbers import Scope, report
from hubfleet.office.usage.periods import last_of, start_of
from hubfleet.replicate.bundle.use import Month, OfHub, Use

MOST = 12
"""Months that are told, the present one among them."""


@dataclass(frozen=True, slots=True)
class _Known:
    """From which day a scope is known, and up to which moment it was read."""

    first: date
    until: datetime


def use_of(names: Sequence[str]) -> Use | None:
    """The last months of these hubs of one community; None where nothing was ever measured.

    With several hubs their community is told too, in which a person counts once.
    """
    known = {name: found for name in names if (found := _known(name)) is not None}
    if not known:
        return None
    hubs = {
        name.partition("/")[2]: OfHub(months=_months(name, known[name]) if name in known else [])
        for name in names
    }
    together: list[Month] = []
    if len(names) > 1:
        first = min(found.first for found in known.values())
        until = max(found.until for found in known.values())
        together = _months(names[0].partition("/")[0], _Known(first, until))
    return Use(hubs=hubs, community=together)


def _known(hub: str) -> _Known | None:
    first = UseDay.objects.filter(scope=hub).aggregate(first=Min("day"))["first"]
    if first is None:
        return None
    read = Reading.objects.filter(hub=hub).exclude(at=None).values_list("at", flat=True).first()
    # A hub that has ended is not read any more: then its last day is the last that is known.
    return _Known(first, read or _end_of_last_day(hub))


def _end_of_last_day(hub: str) -> datetime:
    last = UseDay.objects.filter(scope=hub).order_by("-day").values_list("day", flat=True)[0]
    moment = now()
    return moment.replace(year=last.year, month=last.month, day=last.day, hour=23, minute=59)


def _months(name: str, known: _Known) -> list[Month]:
    """The oldest first, up to the last reading."""
    found: list[Month] = []
    start = start_of("month", known.until.date())
    while len(found) < MOST and last_of("month", start) >= known.first:
        found.append(_month(name, start, known))
        start = start_of("month", start - timedelta(days=1))
    return found[::-1]


def _month(name: str, start: date, known: _Known) -> Month:
    end = last_of("month", start)
    total = report(Scope(name), start, end).total
    first, last = max(start, known.first), min(end, known.until.date())
    return Month.model_validate(
        {
            **total.as_json(),
            "first": first,
            "last": last,
            "complete": first == start and known.until.date() > end,
        }
    )

"""What was used: totals of a hub, a community or the fleet in a range of days, and by parts.

Reads the tables of days and of counts, never the people behind them: so it answers also when these
are long deleted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db.models import F, Max, Q, QuerySet, Sum

from hubfleet.kit.clock import now
from hubfleet.meters.counters import merged, quantile
from hubfleet.meters.samples import Buckets
from hubfleet.office.usage.models import People, Reading, UseDay
from hubfleet.office.usage.periods import PRESENT, Kind, kind_of, last_of, start_of
from hubfleet.office.usage.shapes import By, Numbers, Report


@dataclass(frozen=True, slots=True)
class Scope:
    """A hub (`community/hub`), a community, or the fleet (empty)."""

    name: str = ""

    @property
    def is_hub(self) -> bool:
        return "/" in self.name

    def hubs(self, rows: QuerySet[UseDay]) -> QuerySet[UseDay]:
        """The rows of its hubs, which add up."""
        if self.is_hub:
            return rows.filter(scope=self.name)
        rows = rows.filter(community=self.name) if self.name else rows
        return rows.exclude(scope="").exclude(scope=F("community"))

    def own(self) -> Q:
        """The rows of people that add up to its own: a community's, or those of all of them."""
        return Q(scope=self.name) if self.name else Q(scope=F("community"))


@dataclass(frozen=True, slots=True)
class _Sums:
    """What the rows of days of a scope add up to."""

    hours: Mapping[str, float]
    spawns: Buckets
    peak: int


_ADDED = ("sessions", "server_hours", "requested", "used", "measured", "cpu", "failed", "rejected")


def report(scope: Scope, first: date, last: date, by: By | None = None) -> Report:
    """All that is known of these days, both ends included."""
    total = _numbers(scope, first, last)
    parts: dict[str, Numbers] = {}
    if by == "day":
        parts = _by_day(scope, first, last)
    elif by is not None:
        parts = {
            name: _numbers(Scope(name), first, last) for name in _names(scope, first, last, by)
        }
    return Report(scope.name, first, last, total, by, parts, troubles(scope))


def troubles(scope: Scope) -> dict[str, str]:
    """Hubs of the scope that could not be read the last time."""
    rows = Reading.objects.exclude(trouble="")
    if scope.name:
        rows = rows.filter(Q(hub=scope.name) | Q(hub__startswith=f"{scope.name}/"))
    return dict(rows.order_by("hub").values_list("hub", "trouble"))


def _numbers(scope: Scope, first: date, last: date) -> Numbers:
    rows = scope.hubs(UseDay.objects.filter(day__range=(first, last)))
    return _joined(_sums(rows, _peak(scope, first, last)), _people(scope, first, last))


def _sums(rows: QuerySet[UseDay], peak: int) -> _Sums:
    hours = rows.aggregate(**{name: Sum(name) for name in _ADDED})
    histograms = rows.exclude(spawns=[]).values_list("spawns", flat=True)
    return _Sums(
        {name: float(hours[name] or 0) for name in _ADDED},
        merged(map(_buckets, histograms)),
        peak,
    )


def _buckets(stored: Iterable[Sequence[Any]]) -> Buckets:
    return tuple((float(bound), float(count)) for bound, count in stored)


def _peak(scope: Scope, first: date, last: date) -> int:
    rows = UseDay.objects.filter(scope=scope.name, day__range=(first, last))
    return int(rows.aggregate(most=Max("peak"))["most"] or 0)


def _people(scope: Scope, first: date, last: date) -> dict[str, Any]:
    """People cannot be added up: they are known for whole periods, and for no other range."""
    days = counts(scope, "day", first, last)
    begun = (min(last, now().date()) - first).days + 1
    found: dict[str, Any] = {
        "users_by_day": sum(days.values()) / max(begun, 1),
        "most_users_of_a_day": max(days.values(), default=0),
        "most_users_of_a_week": max(counts(scope, "week", first, last).values(), default=0),
    }
    whole = kind_of(first, last)
    if whole is not None:
        found["users"] = counts(scope, whole, first, last).get(first, 0)
    if whole == "month":
        found["billed_users"] = counts(scope, "billed", first, last).get(first, 0)
    return found


def counts(scope: Scope, kind: Kind, first: date, last: date) -> dict[date, int]:
    """People by the start of each period that begins in the range; without any it is left out."""
    rows = People.objects.filter(scope.own(), kind=kind, start__range=(first, last))
    found = rows.values("start").annotate(people=Sum("count")).order_by("start")
    return {row["start"]: int(row["people"]) for row in found}


def _joined(sums: _Sums, people: Mapping[str, Any]) -> Numbers:
    hours, measured = sums.hours, sums.hours["measured"] > 0
    share = hours["measured"] / hours["server_hours"] if hours["server_hours"] else 0.0
    return Numbers(
        **people,
        sessions=int(hours["sessions"]),
        server_hours=hours["server_hours"],
        memory_hours_requested=hours["requested"],
        memory_hours_used=hours["used"] if measured else None,
        measured_share=min(1.0, share),
        cpu_hours=hours["cpu"] if measured else None,
        peak=sums.peak,
        starts=int(sums.spawns[-1][1]) if sums.spawns else 0,
        start_seconds_half=quantile(sums.spawns, 0.5),
        start_seconds_most=quantile(sums.spawns, 0.95),
        failed=int(hours["failed"]),
        rejected=int(hours["rejected"]),
    )


def _names(scope: Scope, first: date, last: date, by: By) -> list[str]:
    """The hubs, or the communities, of which anything is known in these days."""
    rows = scope.hubs(UseDay.objects.filter(day__range=(first, last)))
    column = "scope" if by == "hub" else "community"
    return sorted(rows.values_list(column, flat=True).distinct())


def _by_day(scope: Scope, first: date, last: date) -> dict[str, Numbers]:
    """Every day that anything is known of; the number of queries is the same for any range."""
    rows = scope.hubs(UseDay.objects.filter(day__range=(first, last)))
    summed = rows.values("day").annotate(**_sum_names())
    added: dict[date, Mapping[str, Any]] = {row["day"]: row for row in summed}
    histograms: dict[date, list[Buckets]] = {}
    for day, stored in rows.exclude(spawns=[]).values_list("day", "spawns"):
        histograms.setdefault(day, []).append(_buckets(stored))
    own = UseDay.objects.filter(scope=scope.name, day__range=(first, last))
    peaks = dict(own.values_list("day", "peak"))
    people = counts(scope, "day", first, last)
    found: dict[str, Numbers] = {}
    nothing: Mapping[str, Any] = {}
    for day in sorted({*added, *people}):
        hours = added.get(day, nothing)
        sums = _Sums(
            {name: float(hours.get(f"sum_{name}") or 0) for name in _ADDED},
            merged(histograms.get(day, [])),
            peaks.get(day, 0),
        )
        count = people.get(day, 0)
        known = {"users": count, "users_by_day": float(count), "most_users_of_a_day": count}
        found[day.isoformat()] = _joined(sums, known)
    return found


def _sum_names() -> dict[str, Sum]:
    return {f"sum_{name}": Sum(name) for name in _ADDED}


@dataclass(frozen=True, slots=True)
class DayOfUse:
    """One day of a chart."""

    day: date
    users: int = 0
    peak: int = 0
    requested: float = 0.0
    used: float = 0.0


def days_of_use(scope: Scope, last: date, count: int) -> tuple[DayOfUse, ...]:
    """So many days up to `last`, the oldest first; three queries, for whatever scope."""
    first = last - timedelta(days=count - 1)
    within = UseDay.objects.filter(day__range=(first, last))
    sums = scope.hubs(within).values("day").annotate(Sum("requested"), Sum("used"))
    hours: dict[date, Mapping[str, Any]] = {row["day"]: row for row in sums}
    nothing: Mapping[str, Any] = {}
    peaks = dict(within.filter(scope=scope.name).values_list("day", "peak"))
    people = counts(scope, "day", first, last)
    return tuple(
        DayOfUse(
            day,
            people.get(day, 0),
            peaks.get(day, 0),
            float(hours.get(day, nothing).get("requested__sum") or 0),
            float(hours.get(day, nothing).get("used__sum") or 0),
        )
        for day in (first + timedelta(days=number) for number in range(count))
    )


def current(scope: Scope, today: date) -> dict[Kind, int]:
    """People of the day, week, month and year that it is, and of the month as it is billed."""
    kinds: tuple[Kind, ...] = (*PRESENT, "billed")
    found: dict[Kind, int] = {}
    for kind in kinds:
        start = start_of(kind, today)
        found[kind] = counts(scope, kind, start, last_of(kind, start)).get(start, 0)
    return found

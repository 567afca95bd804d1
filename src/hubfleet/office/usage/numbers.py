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


_ADDED = ("sessions", "server_hours", "requested", "used", "measured", "cpu", "failed", "rejected")
_SUMS = {f"sum_{name}": Sum(name) for name in _ADDED}
_Hours = Mapping[str, Any]
_NOTHING: _Hours = {}


def report(scope: Scope, first: date, last: date, by: By | None = None) -> Report:
    """All that is known of these days, both ends included.

    The number of queries depends on nothing but `by`.
    """
    days = UseDay.objects.filter(day__range=(first, last))
    within = scope.hubs(days)
    total = _joined(
        _renamed(within.aggregate(**_SUMS)),
        _starts(days.filter(scope=scope.name)).get(scope.name, ()),
        _peaks(days.filter(scope=scope.name)).get(scope.name, 0),
        _people(People.objects.filter(scope.own()), first, last).get("", {}),
    )
    parts: dict[str, Numbers] = {}
    if by == "day":
        parts = _by_day(scope, first, last)
    elif by is not None:
        parts = _by_scope(within, days, first, last, "scope" if by == "hub" else "community")
    return Report(scope.name, first, last, total, by, parts, troubles(scope))


def _by_scope(
    within: QuerySet[UseDay], days: QuerySet[UseDay], first: date, last: date, column: str
) -> dict[str, Numbers]:
    """The hubs or the communities of which anything is known in these days."""
    sums = {str(row[column]): _renamed(row) for row in within.values(column).annotate(**_SUMS)}
    own = days.filter(scope__in=within.values(column))
    starts, peaks = _starts(own), _peaks(own)
    rows = People.objects.filter(scope__in=within.values(column))
    people = _people(rows, first, last, each=True)
    return {
        name: _joined(
            sums[name],
            starts.get(name, ()),
            peaks.get(name, 0),
            people.get(name) or _of_people({}, first, 1, kind_of(first, last)),
        )
        for name in sorted(sums)
    }


def _renamed(row: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(row.get(f"sum_{name}") or 0) for name in _ADDED}


def _starts(own: QuerySet[UseDay]) -> dict[str, Buckets]:
    """The histograms of starts by scope."""
    found: dict[str, list[Buckets]] = {}
    for name, stored in own.exclude(spawns=[]).values_list("scope", "spawns"):
        found.setdefault(name, []).append(_buckets(stored))
    return {name: merged(histograms) for name, histograms in found.items()}


def _peaks(own: QuerySet[UseDay]) -> dict[str, int]:
    rows = own.values("scope").annotate(most=Max("peak"))
    return {row["scope"]: int(row["most"] or 0) for row in rows}


def troubles(scope: Scope) -> dict[str, str]:
    """Hubs of the scope that could not be read the last time."""
    rows = Reading.objects.exclude(trouble="")
    if scope.name:
        rows = rows.filter(Q(hub=scope.name) | Q(hub__startswith=f"{scope.name}/"))
    return dict(rows.order_by("hub").values_list("hub", "trouble"))


def _buckets(stored: Iterable[Sequence[Any]]) -> Buckets:
    return tuple((float(bound), float(count)) for bound, count in stored)


def _people(
    rows: QuerySet[People], first: date, last: date, *, each: bool = False
) -> dict[str, dict[str, Any]]:
    """By scope with `each`, else of all together, as ''.

    People cannot be added up: they are known for whole periods, and for no other range.
    """
    whole = kind_of(first, last)
    kinds = {"day", "week", *([whole] if whole else []), *(["billed"] if whole == "month" else [])}
    counted: dict[str, dict[str, dict[date, int]]] = {}
    wanted = rows.filter(kind__in=kinds, start__range=(first, last))
    if not each:
        wanted_rows = wanted.values("kind", "start").annotate(people=Sum("count"))
    else:
        wanted_rows = wanted.values("kind", "start", "scope").annotate(people=Sum("count"))
    for row in wanted_rows:
        of_scope = counted.setdefault(str(row.get("scope", "")), {})
        of_scope.setdefault(row["kind"], {})[row["start"]] = int(row["people"])
    if not each:
        counted.setdefault("", {})
    begun = max((min(last, now().date()) - first).days + 1, 1)
    return {name: _of_people(found, first, begun, whole) for name, found in counted.items()}


def _of_people(
    counted: Mapping[str, Mapping[date, int]], first: date, begun: int, whole: Kind | None
) -> dict[str, Any]:
    nobody: Mapping[date, int] = {}
    days, weeks = counted.get("day", nobody), counted.get("week", nobody)
    found: dict[str, Any] = {
        "users_by_day": sum(days.values()) / begun,
        "most_users_of_a_day": max(days.values(), default=0),
        "most_users_of_a_week": max(weeks.values(), default=0),
    }
    if whole is not None:
        found["users"] = counted.get(whole, nobody).get(first, 0)
    if whole == "month":
        found["billed_users"] = counted.get("billed", nobody).get(first, 0)
    return found


def counts(scope: Scope, kind: Kind, first: date, last: date) -> dict[date, int]:
    """People by the start of each period that begins in the range; without any it is left out."""
    rows = People.objects.filter(scope.own(), kind=kind, start__range=(first, last))
    found = rows.values("start").annotate(people=Sum("count")).order_by("start")
    return {row["start"]: int(row["people"]) for row in found}


def _joined(
    hours: Mapping[str, float], starts: Buckets, peak: int, people: Mapping[str, Any]
) -> Numbers:
    measured = hours["measured"] > 0
    share = hours["measured"] / hours["server_hours"] if hours["server_hours"] else 0.0
    return Numbers(
        **people,
        sessions=int(hours["sessions"]),
        server_hours=hours["server_hours"],
        memory_hours_requested=hours["requested"],
        memory_hours_used=hours["used"] if measured else None,
        measured_share=min(1.0, share),
        cpu_hours=hours["cpu"] if measured else None,
        peak=peak,
        starts=int(starts[-1][1]) if starts else 0,
        start_seconds_half=quantile(starts, 0.5),
        start_seconds_most=quantile(starts, 0.95),
        failed=int(hours["failed"]),
        rejected=int(hours["rejected"]),
    )


def _by_day(scope: Scope, first: date, last: date) -> dict[str, Numbers]:
    """Every day that anything is known of."""
    within = UseDay.objects.filter(day__range=(first, last))
    summed = scope.hubs(within).values("day").annotate(**_SUMS)
    hours: dict[date, _Hours] = {row["day"]: row for row in summed}
    own = {row.day: row for row in within.filter(scope=scope.name)}
    people = counts(scope, "day", first, last)
    found: dict[str, Numbers] = {}
    for day in sorted({*hours, *people}):
        row, count = own.get(day), people.get(day, 0)
        known = {"users": count, "users_by_day": float(count), "most_users_of_a_day": count}
        starts = _buckets(row.spawns) if row else ()
        peak = row.peak if row else 0
        found[day.isoformat()] = _joined(_renamed(hours.get(day, _NOTHING)), starts, peak, known)
    return found


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
    hours: dict[date, _Hours] = {row["day"]: row for row in sums}
    peaks = dict(within.filter(scope=scope.name).values_list("day", "peak"))
    people = counts(scope, "day", first, last)
    return tuple(
        DayOfUse(
            day,
            people.get(day, 0),
            peaks.get(day, 0),
            float(hours.get(day, _NOTHING).get("requested__sum") or 0),
            float(hours.get(day, _NOTHING).get("used__sum") or 0),
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

"""Adds to what stays: the days of hubs, the numbers of people, and the peaks of communities."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from datetime import date

from django.db.models import Count

from hubfleet.kit.clock import now
from hubfleet.meters.counters import merged
from hubfleet.meters.samples import SpawnCounters
from hubfleet.office.usage.days import Hours
from hubfleet.office.usage.models import People, Presence, Reading, UseDay


def count_again(community: str, hub: str, kind: str, start: date) -> None:
    """Bring the numbers of people of a period up to its rows, on the hub and in the community."""
    rows = Presence.objects.filter(community=community, kind=kind, start=start)
    found = {
        hub: rows.filter(hub=hub).count(),
        community: rows.aggregate(people=Count("person", distinct=True))["people"],
    }
    People.objects.bulk_create(
        [
            People(community=community, scope=scope, kind=kind, start=start, count=count)
            for scope, count in found.items()
        ],
        update_conflicts=True,
        unique_fields=["scope", "kind", "start"],
        update_fields=["count"],
    )


def add_to_day(
    hub: str, day: date, hours: Hours, running: int = 0, spawns: SpawnCounters | None = None
) -> None:
    """Add hours and starts to the day of a hub; `running` servers may be its new peak."""
    if not running and spawns is None and hours == Hours():
        return
    community = hub.partition("/")[0]
    row, _ = UseDay.objects.get_or_create(scope=hub, day=day, defaults={"community": community})
    for name, value in asdict(hours).items():
        setattr(row, name, getattr(row, name) + value)
    row.peak = max(row.peak, running)
    if spawns is not None:
        row.failed += spawns.failed
        row.rejected += spawns.rejected
    row.save()
    if spawns is not None:
        for scope in (hub, community, ""):
            _add_starts(scope, day, spawns)


def _add_starts(scope: str, day: date, spawns: SpawnCounters) -> None:
    """Histograms of many hubs are too much to add up for a page: they are kept added up."""
    community = scope.partition("/")[0]
    row, _ = UseDay.objects.get_or_create(scope=scope, day=day, defaults={"community": community})
    earlier = tuple((float(bound), float(count)) for bound, count in row.spawns)
    row.spawns = [[str(bound), count] for bound, count in merged([earlier, spawns.buckets])]
    row.save(update_fields=["spawns"])


def keep_peaks(hubs: Collection[str]) -> None:
    """The most servers at once of each community and of the fleet, as of the last readings."""
    day = now().date()
    read = Reading.objects.filter(hub__in=hubs, trouble="").exclude(at=None)
    running: dict[str, int] = {}
    for hub, count in read.values_list("hub", "running"):
        community = hub.partition("/")[0]
        running[community] = running.get(community, 0) + count
    running[""] = sum(running.values())
    known = dict(UseDay.objects.filter(scope__in=running, day=day).values_list("scope", "peak"))
    higher = {scope: count for scope, count in running.items() if count > known.get(scope, 0)}
    UseDay.objects.bulk_create(
        [
            UseDay(scope=scope, day=day, community=scope, peak=peak)
            for scope, peak in higher.items()
        ],
        update_conflicts=True,
        unique_fields=["scope", "day"],
        update_fields=["peak"],
    )

"""One look at the fleet: what is seen is kept for pages, changes are written down, days counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction

from hubfleet.kit.clock import now
from hubfleet.office.ports import desk
from hubfleet.office.watching import latest
from hubfleet.office.watching.availability import Worth, by_day, worth
from hubfleet.office.watching.counting import Counted, add, worth_of
from hubfleet.office.watching.maintenance import covered, now_of
from hubfleet.office.watching.models import Condition, Look, Sighting
from hubfleet.planning.observation import ObservedHub

GAP = timedelta(seconds=60)
"""Two looks further apart than this had nobody watching between them."""

COUNT_EVERY = timedelta(minutes=5)
"""So often a hub whose state does not change has its days brought up to date."""


def look() -> None:
    """Called every few seconds; safe to be called by several processes at once."""
    fleet = desk().fleet()
    observations = tuple(desk().observe())
    people = desk().people()
    at = now()
    latest.put(latest.Latest(at, observations, people))
    hubs = {hub.name: hub for seen in observations for hub in seen.hubs.values()}
    write_down(hubs, people, at, ZoneInfo(fleet.service.timezone))


def write_down(
    hubs: Mapping[str, ObservedHub],
    people: Mapping[str, Sequence[str]],
    at: datetime,
    zone: ZoneInfo,
) -> None:
    """Store what changed since the last look, and when the look was."""
    with transaction.atomic():
        before = Look.objects.select_for_update().filter(id=1).first()
        watched_to = at if before and at - before.at <= GAP else (before.at if before else at)
        if before is not None and at <= before.at:
            return
        known = {row.hub: row for row in Sighting.objects.all()}
        days: Counted = {}
        count_as = _worths(at)
        changed = [
            row
            for name in sorted({*hubs, *known})
            if (row := _row(known.get(name), hubs.get(name), people.get(name, ()), at, count_as))
            and _counts(row, known.get(name), at, watched_to, zone, days)
        ]
        gone = [name for name in known if name not in hubs]
        _store(changed, gone, days)
        Look.objects.update_or_create(id=1, defaults={"at": at})


def _worths(at: datetime) -> Callable[[str, str], Worth]:
    """As what a hub in some state counts now."""
    down = set(Condition.objects.filter(state="down").values_list("hub", flat=True))
    windows = now_of(at)

    def count_as(hub: str, state: str) -> Worth:
        return worth(state, down=hub in down, maintained=covered(hub, at, windows))

    return count_as


def _row(
    old: Sighting | None,
    seen: ObservedHub | None,
    people: Sequence[str],
    at: datetime,
    count_as: Callable[[str, str], Worth],
) -> Sighting | None:
    """The row as it ought to be now; None for a hub that is gone."""
    if seen is None:
        return None
    same = old is not None and old.state == seen.state
    return Sighting(
        hub=seen.name,
        cluster=seen.cluster,
        state=seen.state,
        since=old.since if same and old is not None else at,
        revision=seen.revision,
        url=seen.url,
        users=len(people),
        note=seen.note,
        counted_to=old.counted_to if old is not None else at,
        counts=count_as(seen.name, seen.state),
    )


def _counts(
    row: Sighting,
    old: Sighting | None,
    at: datetime,
    watched_to: datetime,
    zone: ZoneInfo,
    days: Counted,
) -> bool:
    """Adds the time in the old state to `days` when it is due; whether the row must be written."""
    if old is None:
        return True
    word = worth_of(old)
    late = watched_to < at or at - old.counted_to >= COUNT_EVERY
    if word != row.counts or old.state != row.state or late:
        for day, seconds in by_day(old.counted_to, watched_to, zone):
            key = (row.hub, day, word)
            days[key] = days.get(key, 0.0) + seconds
        row.counted_to = at
    fields = ("cluster", "state", "revision", "url", "users", "note", "counted_to", "counts")
    return any(getattr(row, name) != getattr(old, name) for name in fields)


def _store(changed: Sequence[Sighting], gone: Iterable[str], days: Counted) -> None:
    Sighting.objects.bulk_create(
        changed,
        update_conflicts=True,
        unique_fields=["hub"],
        update_fields=[
            "cluster", "state", "since", "revision", "url", "users", "note", "counted_to",
            "counts",
        ],
    )  # fmt: skip
    Sighting.objects.filter(hub__in=list(gone)).delete()
    add(days)

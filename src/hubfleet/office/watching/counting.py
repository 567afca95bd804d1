"""How the time of a hub is counted into its days, and counted again once it is known better.

A look (`observing`) counts what the platform shows. The checks are sure of trouble only after some
failures, and then say since when: what was counted as up since then becomes down.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.db.models import F
from django.db.models.functions import Greatest

from hubfleet.office.watching.availability import Worth, by_day, worth
from hubfleet.office.watching.maintenance import covered, now_of
from hubfleet.office.watching.models import HubDay, Look, Sighting

Counted = dict[tuple[str, date, Worth], float]
"""Seconds by hub, day and what they count as."""


def worth_of(row: Sighting) -> Worth:
    """As what the row's time counts."""
    for word in ("up", "down", "excused"):
        if row.counts == word:
            return word
    return worth(row.state, down=False, maintained=False)


def add(counted: Counted) -> None:
    """Add the seconds to the days."""
    HubDay.objects.bulk_create(
        [HubDay(hub=hub, day=day) for hub, day, _ in counted], ignore_conflicts=True
    )
    for (hub, day, word), seconds in counted.items():
        # Clamped: what is taken away here was once added, but perhaps not all of it.
        HubDay.objects.filter(hub=hub, day=day).update(**{word: Greatest(F(word) + seconds, 0.0)})


def spans(hub: str, word: Worth, parts: Iterable[tuple[date, float]], sign: int = 1) -> Counted:
    return {(hub, day, word): sign * seconds for day, seconds in parts}


def recount(hub: str, *, down: bool, since: datetime, at: datetime, zone: ZoneInfo) -> None:
    """The checks are sure: since that moment the hub was down, or was not. In a transaction."""
    # In the order in which a look takes them, so that neither waits for the other for ever.
    Look.objects.select_for_update().filter(id=1).first()
    row = Sighting.objects.select_for_update().filter(hub=hub).first()
    if row is None:
        return
    before = worth_of(row)
    after = worth(row.state, down=down, maintained=covered(hub, at, now_of(at)))
    if row.counted_to < since:
        add(spans(hub, before, by_day(row.counted_to, since, zone)))
        row.counted_to = since
    elif before != after:
        parts = list(by_day(since, row.counted_to, zone))
        add(spans(hub, before, parts, -1))
        add(spans(hub, after, parts))
    row.counts = after
    row.save(update_fields=["counts", "counted_to"])

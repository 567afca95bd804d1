"""Measured availability of hubs, day by day."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from hubfleet.kit.clock import now
from hubfleet.office.watching.availability import Share
from hubfleet.office.watching.models import HubDay

LONGEST = 400
"""Days that are ever shown."""


def days_of(hubs: Iterable[str] | None) -> dict[str, dict[date, Share]]:
    """By hub and day; one query. None for all hubs; a hub that was never seen has no days."""
    since = (now() - timedelta(days=LONGEST)).date()
    rows = HubDay.objects.filter(day__gte=since)
    names = None if hubs is None else list(hubs)
    if names is not None:
        rows = rows.filter(hub__in=names)
    found: dict[str, dict[date, Share]] = {name: {} for name in names or ()}
    for hub, day, *seconds in rows.values_list("hub", "day", "up", "down", "excused"):
        found.setdefault(hub, {})[day] = Share(*seconds)
    return found

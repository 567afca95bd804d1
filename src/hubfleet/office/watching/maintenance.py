"""Declared maintenance: when, and of which hubs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db.models import Q

from hubfleet.office.watching.availability import Window as Window  # noqa: PLC0414, theirs too
from hubfleet.office.watching.models import Announcement


def windows(start: datetime, end: datetime) -> tuple[Window, ...]:
    """Every maintenance that lies between the two moments, at least in part; oldest first."""
    rows = Announcement.objects.filter(
        Q(ends_at__gt=start) | Q(ends_at=None),
        kind=Announcement.Kind.MAINTENANCE,
        starts_at__lt=end,
    ).order_by("starts_at", "id")
    return tuple(
        Window(row.starts_at, row.ends_at, row.community, row.title)
        for row in rows
        if row.ends_at is None or row.ends_at > row.starts_at
    )


def now_of(at: datetime) -> tuple[Window, ...]:
    """Every maintenance that is going on."""
    rows = Announcement.objects.filter(
        Q(ends_at__gt=at) | Q(ends_at=None),
        kind=Announcement.Kind.MAINTENANCE,
        starts_at__lte=at,
    )
    return tuple(Window(row.starts_at, row.ends_at, row.community, row.title) for row in rows)


def covered(hub: str, at: datetime, known: Sequence[Window] | Iterable[Window]) -> bool:
    """Whether the hub is in a maintenance at that moment."""
    return any(window.covers(hub, at) for window in known)

"""Who was there: how many people had a server on some hubs in a span of time."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from hubfleet.office.usage.models import Reading, Session

BEFORE = timedelta(minutes=5)
"""A server that was seen so shortly before the span ran when it began: hubs are read each minute,
and one that is down cannot be read.
"""


def people_present(hubs: Collection[str], start: datetime, end: datetime) -> int | None:
    """Distinct people; None where none of the hubs is measured, or its sessions are forgotten.

    Somebody whose servers were started in two months counts twice, as hashes tell no more.
    """
    read = Reading.objects.filter(hub__in=hubs).exclude(at=None)
    if not read.exists():
        return None
    there = Session.objects.filter(hub__in=hubs, started__lte=end, counted_to__gte=start - BEFORE)
    return there.values("person").distinct().count()

"""How long is kept what was seen: `service.checks.keep` and `keep_days`."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Max

from hubfleet.kit.clock import now
from hubfleet.office.ports import desk
from hubfleet.office.watching.checking import SCHEDULE
from hubfleet.office.watching.due import Pace
from hubfleet.office.watching.models import Finding, HubDay, ProbeRecord, Turn

KEEP_QUIET = timedelta(days=2)
"""Paths that were walked by schedule and found nothing: 96 a day for each hub."""


def forget(at: datetime | None = None) -> None:
    """Delete what is old; called every hour. The last turn of a hub is kept: it still holds."""
    moment = at or now()
    pace = Pace.of(desk().fleet().service.checks)
    long_ago = moment - timedelta(days=pace.keep_days)
    Finding.objects.filter(at__lt=moment - pace.keep).delete()
    walked = ProbeRecord.objects.filter(asked_by=SCHEDULE)
    quiet = moment - min(KEEP_QUIET, pace.keep)
    walked.filter(verdict="healthy", at__lt=quiet).delete()
    walked.filter(at__lt=moment - pace.keep).delete()
    ProbeRecord.objects.filter(at__lt=long_ago).delete()
    HubDay.objects.filter(day__lt=long_ago.date()).delete()
    newest = Turn.objects.values("hub").annotate(last=Max("id")).values("last").order_by()
    old = Turn.objects.filter(at__lt=long_ago).exclude(reacted_at=None)
    old.exclude(id__in=list(newest.values_list("last", flat=True))).delete()

"""Old runs are forgotten."""

from __future__ import annotations

from datetime import datetime, timedelta

from hubfleet.kit.clock import now
from hubfleet.office.schedules.models import Job, Run

KEEP = timedelta(days=30)
"""How long runs are kept."""
KEEP_QUIET = timedelta(days=2)
"""Those that went well and said nothing."""


def forget(at: datetime | None = None) -> None:
    """Delete what is old; called every hour."""
    moment = at or now()
    ended = Run.objects.exclude(ended_at=None)
    ended.filter(started_at__lt=moment - KEEP).delete()
    quiet = ended.filter(result=Run.Result.OK, said="")
    quiet.filter(started_at__lt=moment - KEEP_QUIET).delete()
    # What no version does any more.
    Job.objects.filter(due_at__lt=moment - KEEP).delete()

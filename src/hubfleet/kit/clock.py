"""The only place that asks what time it is. Times are UTC everywhere inside hubfleet."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo


def now() -> datetime:
    """The present moment, with its time zone (UTC)."""
    return datetime.now(UTC)


def timestamp(moment: datetime | None = None) -> str:
    """ISO 8601 in UTC, to the second: `2026-03-01T09:30:00Z`."""
    moment = moment or now()
    # Not strftime: a rollout asks some ten times for each hub, and this is six times as quick.
    return moment.astimezone(UTC).isoformat(timespec="seconds")[:19] + "Z"


def today(timezone: str) -> date:
    """The day that it is now in a zone (an IANA name)."""
    return now().astimezone(ZoneInfo(timezone)).date()

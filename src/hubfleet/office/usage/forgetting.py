"""Deletes what tells people apart, once it has served: the numbers stay.

Hashes of days, weeks and years are there to count and go soon after the period; those of months
explain a bill, and stay as long as `service.use.retention` says.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from hubfleet.fleet.use import Use
from hubfleet.kit.units import parse_duration
from hubfleet.office.usage.days import LONGEST_BACK
from hubfleet.office.usage.models import Presence, Reading, Session
from hubfleet.office.usage.periods import KINDS, Kind, start_of

COUNTED = LONGEST_BACK + timedelta(days=1)
"""So long after its end nobody is counted in a period any more."""

_EVIDENCE: tuple[Kind, ...] = ("month", "billed")


def forget_what_is_due(use: Use, at: datetime) -> None:
    """Called again and again; the second call finds nothing to delete."""
    for kind, first in kept_from(use, at).items():
        Presence.objects.filter(kind=kind, start__lt=first).delete()
    oldest = at - timedelta(seconds=parse_duration(use.sessions))
    Session.objects.filter(ended__lt=oldest).delete()


def kept_from(use: Use, at: datetime) -> dict[Kind, date]:
    """The start of the earliest period of each kind in which people can still be counted."""
    return {kind: first_kept(kind, use, at) for kind in KINDS}


def first_kept(kind: Kind, use: Use, at: datetime) -> date:
    """The start of the earliest period of which hashes are kept: it ended not long enough ago."""
    longest = parse_duration(use.retention) if kind in _EVIDENCE else 0
    return start_of(kind, (at - max(timedelta(seconds=longest), COUNTED)).date())


def forget_hub(hub: str) -> None:
    """Delete every trace of people of a hub that has ended; its numbers stay."""
    Session.objects.filter(hub=hub).delete()
    Presence.objects.filter(hub=hub).delete()
    Reading.objects.filter(hub=hub).delete()

"""Whether the clocks of a hub and of this machine agree."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

from hubfleet.kit.clock import now

SKEW = 120.0
"""Seconds between two clocks from which signing in elsewhere is in danger."""


def skew(told: str) -> str:
    """How far the clock of an answer (its `Date`) is from ours, where that hinders people.

    Other services sign people in with statements that are good for a few minutes.
    """
    try:
        apart = (parsedate_to_datetime(told) - now()).total_seconds()
    except (TypeError, ValueError):
        return ""
    if abs(apart) < SKEW:
        return ""
    way = "ahead of" if apart > 0 else "behind"
    return f"the hub's clock is {abs(apart):.0f} s {way} this machine's"

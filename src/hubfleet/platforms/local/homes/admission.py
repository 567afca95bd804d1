"""The check before a person's server starts: is their home small enough?"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from hubfleet.kit.clock import now
from hubfleet.platforms.local.homes.measuring import measure_home_apart
from hubfleet.platforms.local.homes.people import numbers_of
from hubfleet.platforms.local.homes.quota import Verdict, judge_quota
from hubfleet.platforms.local.homes.usage import (
    Effort,
    HomeUsage,
    HubUsage,
    TooMuchWorkError,
    measure_home,
    stored_usage,
)

FRESH = timedelta(minutes=5)
NEAR = 0.8
"""From this share of the quota on, a stored measurement is not believed: files may have gone."""

QUICK_LOOKS, QUICK_SECONDS = 4000, 0.2
"""A home with fewer entries (each is looked at twice) is measured at once, in hundredths of a
second: a process of its own takes a tenth to begin."""

PATIENCE = 3.0
"""Seconds for measuring at a start; a home that takes longer is judged by what is stored."""


def check_before_start(
    folder: Path, user: str, quota: int | None, *, ask: str = "the admins of this hub"
) -> Verdict:
    """Judge one home of the hub in `folder`; `quota` in bytes, None for no limit.

    Blocks for up to `PATIENCE` seconds while another process measures a home with many files: call
    it in a thread. A home that cannot be measured is let in, because a server that starts is how
    its owner mends it.
    """
    number = numbers_of(folder).get(user)
    if quota is None or number is None:
        return judge_quota(0, quota, ask=ask)
    usage = stored_usage(folder)
    known = usage.homes.get(user) if usage else None
    if usage is None or known is None or not trusted(usage, known, quota, now()):
        known = _measured(folder, number) or known
    return judge_quota(known.bytes if known else 0, quota, ask=ask)


def _measured(folder: Path, number: int) -> HomeUsage | None:
    try:
        return measure_home(folder, number, Effort(QUICK_LOOKS, QUICK_SECONDS))
    except TooMuchWorkError:
        return measure_home_apart(folder, number, seconds=PATIENCE)


def trusted(usage: HubUsage, known: HomeUsage, quota: int, moment: datetime) -> bool:
    """Whether a stored measurement is young enough and far enough from the limits."""
    try:
        age = moment - datetime.fromisoformat(usage.at)
    except ValueError:
        return False
    # A measurement from the future is one from before the clock was set back.
    return timedelta(0) <= age < FRESH and known.bytes < quota * NEAR

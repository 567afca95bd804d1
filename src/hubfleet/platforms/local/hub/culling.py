"""Stopping servers that nobody uses, with jupyterhub-idle-culler's own coroutine.

It usually runs as a process for each hub; here it runs on the hub's own loop and talks to the
hub's loopback address, which costs no memory.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

import logging
import math

from hubfleet.fleet.model import Culling
from hubfleet.kit.units import parse_duration

CULLER_SCOPES = ("list:users", "read:users:activity", "read:servers", "delete:servers")
"""The least with which servers can be found and stopped."""

_LONGEST_PERIOD = 300
_ACTIVITY_REPORTS = 60


def culling_period(culling: Culling) -> int | None:
    """Seconds between two looks, a half of the shortest time; None when nothing is ever culled."""
    times = [t for t in (parse_duration(culling.idle), parse_duration(culling.max_age)) if t]
    return min(_LONGEST_PERIOD, max(1, min(times) // 2)) if times else None


def activity_interval(culling: Culling) -> int:
    """Seconds between two reports of activity; must be well below the idle time."""
    idle = parse_duration(culling.idle)
    return min(_ACTIVITY_REPORTS, max(1, idle // 3)) if idle else _ACTIVITY_REPORTS


async def cull(culling: Culling, *, api: str, token: str, log: logging.Logger) -> None:
    """One look at all servers; a failure is logged, the next look comes anyway."""
    from jupyterhub_idle_culler import cull_idle

    try:
        await cull_idle(
            api,
            token,
            inactive_limit=parse_duration(culling.idle) or math.inf,
            max_age=parse_duration(culling.max_age),
            logger=log,
        )
    except Exception:
        log.exception("Looking for idle servers failed")

"""Which hubs are checked, and when next. Pure; knows no Django.

Checks are spread over their period by the hub's name, so that the machine works evenly and a
restart moves nothing: the same hub is due at the same moments of the clock.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b

from hubfleet.fleet.model import Fleet
from hubfleet.fleet.monitoring import Checks
from hubfleet.kit.units import parse_duration
from hubfleet.office.watching.turning import Standing, Thresholds
from hubfleet.planning.observation import Observation

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
CALMER = 3
"""A hub that is known to be down or degraded has its path walked so many times as often."""


@dataclass(frozen=True, slots=True)
class Pace:
    """The declared checks as numbers."""

    light: timedelta
    retry: timedelta
    path: timedelta
    keep: timedelta
    keep_days: int
    certificate_days: int
    at_once: int
    thresholds: Thresholds

    @classmethod
    def of(cls, checks: Checks) -> Pace:
        def span(text: str) -> timedelta:
            return timedelta(seconds=parse_duration(text))

        return cls(
            light=span(checks.light),
            retry=min(span(checks.retry), span(checks.light)),
            path=span(checks.path),
            keep=span(checks.keep),
            keep_days=checks.keep_days,
            certificate_days=checks.certificate_days,
            at_once=checks.at_once or os.cpu_count() or 1,
            thresholds=Thresholds(checks.down_after, checks.up_after),
        )


@dataclass(frozen=True, slots=True)
class Subject:
    """A hub that ought to work."""

    hub: str
    cluster: str
    url: str
    revision: int


def subjects(
    fleet: Fleet, observations: Iterable[Observation], known: Mapping[str, str]
) -> dict[str, Subject]:
    """The hubs that ought to work, by name; `known` are hubs that once did, and their addresses.

    A hub that was never created, that never came up, or that is about to be removed is left out.
    One that once worked and that its platform does not show any more is not.
    """
    seen = {hub.name: hub for one in observations for hub in one.hubs.values()}
    found = {}
    for name, declared in fleet.hubs.items():
        hub = seen.get(name)
        if hub is None:
            if name in known:
                found[name] = Subject(name, declared.cluster, known[name], 0)
        elif hub.came_up and not hub.closing:
            found[name] = Subject(name, hub.cluster or declared.cluster, hub.url, hub.revision)
    return found


def slot(hub: str, at: datetime, period: timedelta) -> datetime:
    """The hub's next moment after `at`; of many hubs, evenly over the period."""
    number = int.from_bytes(blake2b(hub.encode(), digest_size=8).digest())
    offset = period * (number / 2**64)
    passed = (at - _EPOCH - offset) // period
    return _EPOCH + offset + period * (passed + 1)


def next_light(hub: str, standing: Standing, at: datetime, pace: Pace) -> datetime:
    """Soon while the last result is not what the hub is known for."""
    usual = slot(hub, at, pace.light)
    return min(usual, at + pace.retry) if standing.in_doubt else usual


def next_path(hub: str, standing: Standing, at: datetime, pace: Pace) -> datetime:
    """In its quarter of an hour; after a minute while in doubt; more often while there is trouble.

    Walking a path costs a server's start, so that doubt about it is slower than about an answer.
    """
    usual = slot(hub, at, pace.path)
    if standing.in_doubt:
        return min(usual, at + pace.light)
    return usual if standing.state == "up" else min(usual, at + pace.path / CALMER)


def shared(cause: str) -> bool:
    """Whether a failure of this cause is likely that of other hubs of the cluster, too."""
    return cause in ("proxy", "network", "certificate")


def alike(cluster: str, failing: Collection[str], hubs: Collection[str]) -> str:
    """Says that hubs of a cluster fail in the same way at once; empty where one fails alone."""
    if len(failing) < 2 or len(failing) * 2 < len(hubs):
        return ""
    return f"{len(failing)} of {len(hubs)} hubs of the cluster `{cluster}` fail in the same way"

"""What a reading returns: plain values, in UTC. Names of people are in no `repr`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

Buckets = tuple[tuple[float, float], ...]
"""A histogram: how many took at most so many seconds, `inf` for all; the bounds ascend."""


@dataclass(frozen=True, slots=True)
class ServerSample:
    """One person's server that runs.

    `server` is empty for a person's first one. `requested` and `used` are bytes of memory, and
    `cpu_seconds` is what it has used since it started; None where the platform does not tell.
    """

    user: str = field(repr=False)
    server: str = field(repr=False)
    started: datetime
    requested: int | None = None
    used: int | None = None
    cpu_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class BriefServer:
    """A server that has started and ended since the last reading."""

    user: str = field(repr=False)
    server: str = field(repr=False)
    ended: datetime


@dataclass(frozen=True, slots=True)
class SpawnCounters:
    """How starts of servers went since `since`, when the hub's own process began (0: not told).

    `buckets` are the starts that succeeded; `failed` are crashes and `rejected` are starts that the
    hub refused, which JupyterHub before 6 counts as failed.
    """

    since: float = 0.0
    buckets: Buckets = ()
    failed: float = 0.0
    rejected: float = 0.0

    @property
    def started(self) -> float:
        """Starts that succeeded."""
        return self.buckets[-1][1] if self.buckets else 0.0

    def as_json(self) -> dict[str, Any]:
        bounds = [[str(bound), count] for bound, count in self.buckets]
        return {
            "since": self.since,
            "buckets": bounds,
            "failed": self.failed,
            "rejected": self.rejected,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        buckets = tuple((float(bound), float(count)) for bound, count in value["buckets"])
        return cls(value["since"], buckets, value["failed"], value["rejected"])


@dataclass(frozen=True, slots=True)
class HubSample:
    """One reading of one hub. `spawns` is None where the hub does not show its numbers."""

    hub: str
    at: datetime
    servers: tuple[ServerSample, ...]
    spawns: SpawnCounters | None = None
    brief: tuple[BriefServer, ...] = ()


@dataclass(frozen=True, slots=True)
class Since:
    """What was read last: by it a reading knows whether it missed a server."""

    at: datetime
    spawns: SpawnCounters | None

"""The last look at the fleet, for pages: they never wait for a platform."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from hubfleet.planning.observation import Observation


@dataclass(frozen=True, slots=True)
class Latest:
    """What one look saw."""

    at: datetime
    observations: tuple[Observation, ...]
    people: Mapping[str, Sequence[str]]


_latest: list[Latest] = []


def get() -> Latest | None:
    """None before the first look of this process."""
    return _latest[0] if _latest else None


def put(seen: Latest) -> None:
    _latest[:] = [seen]

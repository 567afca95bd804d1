"""A revision as a value, and what differs between two. Knows nothing of Django."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hubfleet.kit.clock import timestamp


@dataclass(frozen=True, slots=True)
class RevisionRecord:
    """One revision as it was written down."""

    id: int
    rollout: str
    hub: str
    number: int
    action: str
    declaration: str
    values: Mapping[str, Any]
    environment: str
    software: Mapping[str, str]
    who: str
    why: str
    began: datetime
    at: datetime
    seconds: float
    snapshot: str
    verdict: str
    probe: Mapping[str, Any]
    restored_from: int | None = None

    @property
    def name(self) -> str:
        """`ant/prod@3`."""
        return f"{self.hub}@{self.number}"

    def row(self) -> dict[str, Any]:
        """What a list shows, as JSON."""
        return {
            "id": self.id,
            "hub": self.hub,
            "revision": self.number,
            "at": timestamp(self.at),
            "who": self.who,
            "why": self.why,
            "action": self.action,
            "verdict": self.verdict or None,
        }

    def as_json(self) -> dict[str, Any]:
        """All of it."""
        return {
            **self.row(),
            "rollout": self.rollout,
            "began": timestamp(self.began),
            "seconds": self.seconds,
            "declaration": self.declaration,
            "environment": self.environment,
            "software": dict(self.software),
            "snapshot": self.snapshot,
            "restored_from": self.restored_from,
            "values": dict(self.values),
            "probe": dict(self.probe),
        }


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that two revisions do not have in common; None for what one of them lacks."""

    key: str
    old: Any
    new: Any

    def as_json(self) -> dict[str, Any]:
        return {"key": self.key, "old": self.old, "new": self.new}


def differences(old: RevisionRecord | None, new: RevisionRecord) -> tuple[Difference, ...]:
    """Values first, then software and environment, each in order of the key.

    Values that an earlier hubfleet did not write down differ from nothing, and so does a removal.
    """
    if new.action == "remove":
        return ()
    return (
        *_values_between(old, new),
        *_between(
            {f"software.{name}": version for name, version in old.software.items()} if old else {},
            {f"software.{name}": version for name, version in new.software.items()},
        ),
        *_between(
            {"environment": old.environment or None} if old else {},
            {"environment": new.environment or None},
        ),
    )


def _values_between(old: RevisionRecord | None, new: RevisionRecord) -> Iterator[Difference]:
    if not new.values or (old is not None and not old.values):
        return iter(())
    return _between(old.values if old else {}, new.values)


def _between(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Difference]:
    for key in sorted({*old, *new}):
        if old.get(key) != new.get(key):
            yield Difference(key, old.get(key), new.get(key))

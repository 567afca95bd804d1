"""What a hub runs since an act, as the entry that is kept for good. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hubfleet.kit.clock import timestamp
from hubfleet.kit.digest import digest
from hubfleet.planning.observation import ObservedHub
from hubfleet.planning.steps import action
from hubfleet.platforms.platform import Outcome
from hubfleet.rollout.ports import Act, ActIntended, RevisionMade, RolloutBegun
from hubfleet.rollout.walk import Item


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one hub in one rollout. `seen` is the hub after a rollback.

    `outcome` is None where a killed run did the act: then `seen` tells of it.
    """

    item: Item
    begun: RolloutBegun
    outcome: Outcome | None
    seen: ObservedHub | None = None
    software: Mapping[str, str] = field(default_factory=dict)
    probe: Mapping[str, Any] = field(default_factory=dict)
    snapshot: str = ""
    began: str = ""
    seconds: float = 0.0
    rolled_back: bool = False
    restored_from: int = 0

    @property
    def counts(self) -> bool:
        """Whether anything was changed, or may have been by a killed run of the same rollout."""
        resumed = self.item.earlier is not None and self.begun.resumed
        return resumed or (self.outcome is not None and self.outcome.changed)

    @property
    def number(self) -> int:
        """The revision's; a hub's removal is the last of its revisions."""
        reached = self.outcome or self.seen
        return (reached.revision if reached else 0) + (self.item.hub is None)

    @property
    def act(self) -> Act:
        if self.rolled_back:
            return "roll-back"
        if self.item.step:
            return action(self.item.step)
        return self.item.earlier.action if self.item.earlier else "update"


def revision_made(change: Change) -> RevisionMade | None:
    """The entry; None where there is nothing to write down, or it stands there already."""
    item, begun = change.item, change.begun
    if not change.counts or change.number == item.recorded:
        return None
    values: Mapping[str, Any] = {} if item.hub is None else item.hub.flat()
    software = {} if item.hub is None else change.software
    if change.rolled_back and change.seen:
        values, software = change.seen.values, change.seen.software
    return RevisionMade(
        begun.rollout,
        timestamp(),
        item.name,
        change.number,
        change.act,
        begun.declaration,
        values,
        environment_digest(values) if values else "",
        software,
        begun.who,
        begun.why,
        change.began,
        change.seconds,
        change.snapshot,
        change.probe,
        change.restored_from,
    )


def gone(begun: RolloutBegun, removal: ActIntended) -> RevisionMade:
    """The end of a hub that a killed run removed: its number is the memory's to know."""
    return RevisionMade(
        begun.rollout,
        timestamp(),
        removal.hub,
        0,
        "remove",
        begun.declaration,
        {},
        "",
        {},
        begun.who,
        begun.why,
        removal.at,
        0.0,
    )


def environment_digest(values: Mapping[str, Any]) -> str:
    """One digest for all that the declaration says about a hub's software."""
    return digest({key: value for key, value in values.items() if key.startswith("environment")})

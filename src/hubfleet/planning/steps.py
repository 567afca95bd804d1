"""Steps: the closed set of acts that a plan may hold.

Whoever handles a step matches all of them and ends in `assert_never`, so that
the type checker finds every place that a new step must reach.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, assert_never

from hubfleet.fleet.model import Hub
from hubfleet.kit.errors import Place

Action = Literal["create", "update", "start", "remove"]


@dataclass(frozen=True, slots=True)
class Reason:
    """One effective value that differs, and where the new one is declared.

    `old` is None for what did not exist; `place` is None where no file says it
    (the hub's state, the software it runs, a removed hub).
    """

    key: str
    old: Any
    new: Any
    place: Place | None = None

    def as_json(self) -> dict[str, Any]:
        place = None if self.place is None else str(self.place)
        return {"key": self.key, "old": self.old, "new": self.new, "place": place}


@dataclass(frozen=True, slots=True)
class CreateHub:
    """A declared hub that its cluster does not hold."""

    hub: Hub
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class UpdateHub:
    """A hub whose effective values, or the software it runs, differ from the declaration."""

    hub: Hub
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class StartHub:
    """A hub with the declared values that is not running."""

    hub: Hub
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class RemoveHub:
    """A hub that a cluster holds and nobody declares. People's files are kept.

    `values` are those that it was started with.
    """

    name: str
    cluster: str
    reasons: tuple[Reason, ...]
    values: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)


Step = CreateHub | UpdateHub | StartHub | RemoveHub


def hub_name(step: Step) -> str:
    """`community/hub`."""
    return step.name if isinstance(step, RemoveHub) else step.hub.name


def cluster_name(step: Step) -> str:
    """The cluster on which the step acts."""
    return step.cluster if isinstance(step, RemoveHub) else step.hub.cluster


def action(step: Step) -> Action:
    """The word for the step in plans and JSON."""
    match step:
        case CreateHub():
            return "create"
        case UpdateHub():
            return "update"
        case StartHub():
            return "start"
        case RemoveHub():
            return "remove"
        case _:
            assert_never(step)

"""The plan: what must happen so that the world is as declared, and why.

`make_plan` compares effective values, never files, so that a comment plans nothing.
`Plan.only` narrows it, `refusals` says what is too dangerous to do unasked, and the
fingerprint lets exactly the reviewed plan be applied.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urlsplit

from hubfleet.fleet.model import Fleet, Hub
from hubfleet.kit.digest import digest
from hubfleet.kit.errors import Problem
from hubfleet.planning.observation import Observation, ObservedHub
from hubfleet.planning.steps import (
    CreateHub,
    Reason,
    RemoveHub,
    StartHub,
    Step,
    UpdateHub,
    action,
    cluster_name,
    hub_name,
)

MIGRATION = "database schema"
"""The key of the reason that a hub's next start migrates its database."""

MOST_CHANGED = 0.3
"""A larger share of the existing hubs is not changed or removed without `--force`. The number and
the next one are those of octodns, where they have proved themselves."""

OF_THE_ROLLOUT = frozenset({"gate", "stage"})
"""Fields that say when a hub is changed, not what it runs: no running hub has to know of them, so a
change of nothing else plans nothing."""

FEW_HUBS = 10
"""Below this many hubs a share says nothing, and nothing is refused for its size."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in the order in which they would be begun.

    `existing` is the number of hubs that were observed: the base of the shares in `refusals`.
    """

    steps: tuple[Step, ...]
    existing: int = 0

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that stand for exactly these changes to exactly this world."""
        return digest([_identity(step) for step in self.steps])[:16]

    def only(self, patterns: Iterable[str]) -> Plan:
        """The part for the hubs that match: `community/hub`, `community`, or a `*` pattern."""
        wanted = tuple(patterns)
        if not wanted:
            return self
        steps = tuple(step for step in self.steps if matches(hub_name(step), wanted))
        return replace(self, steps=steps)

    def count(self, *kinds: type[Step]) -> int:
        return sum(isinstance(step, kinds) for step in self.steps)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What the operator said may be done beyond the ordinary."""

    removals: bool = False
    force: bool = False


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Whether a hub is meant by one of the patterns."""
    return any(
        fnmatchcase(name, pattern if "/" in pattern else f"{pattern}/*") for pattern in patterns
    )


def make_plan(fleet: Fleet, observations: Iterable[Observation]) -> Plan:
    """The difference between the declaration and what was observed, in a stable order.

    Hubs that are being restarted after a crash count as not running, and so do those that hang;
    hubs that are starting are left alone.
    """
    seen: dict[str, ObservedHub] = {}
    places: dict[str, Observation] = {}
    for observation in observations:
        seen.update(observation.hubs)
        places[observation.cluster] = observation
    steps = [
        step
        for hub in fleet.hubs.values()
        if (step := _step_for(hub, seen.get(hub.name), places.get(hub.cluster)))
    ]
    steps += [_removal(hub) for name, hub in seen.items() if name not in fleet.hubs]
    return Plan(tuple(sorted(steps, key=_order)), existing=len(seen))


def declaration_digest(fleet: Fleet) -> str:
    """Stands for everything declared about every hub; layout and comments do not count."""
    hubs = {name: hub.flat() for name, hub in fleet.hubs.items()}
    return digest([hubs, fleet.rollout.model_dump(mode="json")])


def refusals(
    plan: Plan,
    allowance: Allowance = Allowance(),
    people: Mapping[str, Sequence[str]] = {},
) -> tuple[Problem, ...]:
    """Why this plan is not carried out as it stands; empty when it may be.

    `people` are those who work on the hubs to be removed, by hub.
    """
    found = []
    removals = plan.count(RemoveHub)
    if removals and not allowance.removals:
        names = ", ".join(hub_name(step) for step in plan.steps if isinstance(step, RemoveHub))
        found.append(
            Problem(
                "removal-not-allowed",
                f"the plan removes {_hubs(removals)}: {names}",
                why=f"they exist, but the fleet no longer declares them{_at_work(people)}",
                hint="add --allow-removals, or declare them again; "
                "people's files are kept in the state folder",
            )
        )
    if not allowance.force and plan.existing >= FEW_HUBS:
        found += _too_much(plan.count(UpdateHub), plan.existing, "changes")
        found += _too_much(removals, plan.existing, "removes")
    return tuple(found)


def _at_work(people: Mapping[str, Sequence[str]]) -> str:
    return "".join(
        f"; {len(names)} work on {hub} now ({', '.join(names)})"
        for hub, names in sorted(people.items())
    )


def _too_much(count: int, existing: int, verb: str) -> Iterator[Problem]:
    if count / existing > MOST_CHANGED:
        yield Problem(
            "too-much-change",
            f"the plan {verb} {count} of {existing} hubs ({count / existing:.0%})",
            why=f"more than {MOST_CHANGED:.0%} at once is often a mistake in a shared layer",
            hint="look at the plan; narrow it with --only, or add --force if it is meant",
        )


def _hubs(count: int) -> str:
    return "1 hub" if count == 1 else f"{count} hubs"


def _step_for(hub: Hub, seen: ObservedHub | None, place: Observation | None) -> Step | None:
    if seen is None or not seen.came_up:
        return CreateHub(hub, tuple(_reasons_to_create(hub)))
    place = place or Observation(hub.cluster)
    state = tuple(_state_reason(seen))
    differences = (
        *_differences(hub, seen),
        *_software_changes(seen, place.software),
        *_port_change(seen, place.port),
        *_migration(seen),
    )
    if differences:
        return UpdateHub(hub, differences + state)
    return StartHub(hub, state) if state else None


def _reasons_to_create(hub: Hub) -> Iterator[Reason]:
    """All that somebody wrote down for this hub; product defaults go without saying."""
    for key, effective in sorted(hub.effective.items()):
        if effective.layer != "product" and effective.value is not None:
            yield Reason(key, None, effective.value, effective.place or hub.place)


def _differences(hub: Hub, seen: ObservedHub) -> Iterator[Reason]:
    for key in sorted({*hub.effective, *seen.values}):
        effective = hub.effective.get(key)
        new = effective.value if effective else None
        old = seen.values.get(key)
        if new != old and key not in OF_THE_ROLLOUT:
            yield Reason(key, old, new, (effective and effective.place) or hub.place)


def _software_changes(seen: ObservedHub, software: Mapping[str, str]) -> Iterator[Reason]:
    for name in sorted({*software, *seen.software}):
        old, new = seen.software.get(name), software.get(name)
        if old != new:
            yield Reason(f"software.{name}", old, new)


def _port_change(seen: ObservedHub, port: int | None) -> Iterator[Reason]:
    if seen.url and port and (old := urlsplit(seen.url).port) != port:
        yield Reason("port", old, port)


def _migration(seen: ObservedHub) -> Iterator[Reason]:
    """A start that migrates the database is a change: with snapshot, gate and a way back."""
    if seen.migration is not None:
        yield Reason(MIGRATION, *seen.migration)


def _state_reason(seen: ObservedHub) -> Iterator[Reason]:
    if seen.closing:
        yield Reason("state", f"closing at {seen.closing}", "running")
        return
    if seen.state in ("hanging", "stopped", "crashed"):
        yield Reason("state", seen.state, "running")


def _removal(seen: ObservedHub) -> RemoveHub:
    return RemoveHub(seen.name, seen.cluster, (Reason("hub", "declared", None),), seen.values)


def _order(step: Step) -> tuple[int, int, str, str]:
    """Staging before production, removals last, then by cluster and name."""
    if isinstance(step, RemoveHub):
        return (2, 0, step.cluster, step.name)
    stage = 0 if step.hub.stage == "staging" else 1
    gated = 0 if step.hub.gate in (None, "none") else 1
    return (stage, gated, step.hub.cluster, step.hub.name)


def _identity(step: Step) -> list[Any]:
    """What makes a step this step: not where it is written, but what it changes from and to."""
    reasons = [[reason.key, reason.old, reason.new] for reason in step.reasons]
    return [action(step), hub_name(step), cluster_name(step), reasons]

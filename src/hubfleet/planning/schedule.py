"""When each step of a plan may begin: its group, its gates, and what it waits for. Pure.

Groups follow each other; one begins when every step of those before it has an end, good or bad:

1. hubs that only have to be started again (nothing about them changes),
2. staging hubs,
3. canaries,
4. the waves of production hubs, by the policy's sizes, in each cluster and over the fleet,
5. removals.

Inside and across groups a step waits for its gates: a hub of the plan must have come through, a
hub outside of it is probed first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil

from hubfleet.fleet.model import Hub, Rollout
from hubfleet.planning.plan import Plan
from hubfleet.planning.steps import RemoveHub, StartHub, Step, cluster_name, hub_name


@dataclass(frozen=True, slots=True)
class Scheduled:
    """One step, the number of its wave (from 0), and the hubs that must be healthy first."""

    step: Step
    wave: int
    gates: tuple[str, ...] = ()

    @property
    def hub(self) -> str:
        return hub_name(self.step)

    @property
    def cluster(self) -> str:
        return cluster_name(self.step)


@dataclass(frozen=True, slots=True)
class Schedule:
    """The steps in the order in which they would begin.

    `waves` are the titles of the groups that hold a step. `checks` are gates outside of the plan:
    they are probed before anything that waits for them. `gates` are all hubs somebody waits for.
    """

    steps: tuple[Scheduled, ...]
    waves: tuple[str, ...]
    checks: tuple[str, ...]

    @property
    def gates(self) -> frozenset[str]:
        return frozenset(gate for item in self.steps for gate in item.gates)

    def why_it_waits(self, item: Scheduled) -> str:
        """`after staging and its gate ant/staging`; empty when it may begin at once."""
        after = [self.waves[item.wave - 1]] if item.wave else []
        if item.gates:
            word = "its gate" if len(item.gates) == 1 else "its gates"
            after.append(f"{word} {', '.join(item.gates)}")
        return f"after {' and '.join(after)}" if after else ""


def gates_of(hub: Hub, canaries: Iterable[str]) -> tuple[str, ...]:
    """The hubs that must be healthy before this one is changed; design of the product §3."""
    if hub.stage == "staging":
        return ()
    if hub.gate is not None:
        return () if hub.gate == "none" else (hub.gate,)
    known = tuple(canaries)
    return () if hub.values.gate == "none" or hub.name in known else known


def schedule(plan: Plan, policy: Rollout) -> Schedule:
    """The same plan and policy give the same schedule, whatever the order of the steps."""
    gates = {
        hub_name(step): gates_of(step.hub, policy.canaries)
        for step in plan.steps
        if not isinstance(step, RemoveHub | StartHub)
    }
    groups = _groups(plan, policy, gates)
    waves = [(title, steps) for title, steps in groups if steps]
    scheduled = tuple(
        Scheduled(step, number, gates.get(hub_name(step), ()))
        for number, (_, steps) in enumerate(waves)
        for step in steps
    )
    planned = {item.hub for item in scheduled}
    checks = sorted({gate for item in scheduled for gate in item.gates} - planned)
    return Schedule(scheduled, tuple(title for title, _ in waves), tuple(checks))


def _groups(
    plan: Plan, policy: Rollout, gates: Mapping[str, tuple[str, ...]]
) -> list[tuple[str, list[Step]]]:
    starts: list[Step] = []
    staging: list[Step] = []
    canaries: list[Step] = []
    production: list[Step] = []
    removals: list[Step] = []
    ahead = _ahead(plan, policy, gates)
    for step in sorted(plan.steps, key=lambda step: (cluster_name(step), hub_name(step))):
        if isinstance(step, RemoveHub):
            removals.append(step)
        elif isinstance(step, StartHub):
            starts.append(step)
        elif step.hub.stage == "staging":
            staging.append(step)
        elif step.hub.name in ahead:
            canaries.append(step)
        else:
            production.append(step)
    waves = _fill(production, policy.waves, gates)
    titles = [f"wave {number} of {len(waves)}" for number in range(1, len(waves) + 1)]
    return [
        ("starts", starts),
        ("staging", staging),
        ("canaries", _gates_first(canaries, gates)),
        *zip(titles, waves, strict=True),
        ("removals", removals),
    ]


def _ahead(plan: Plan, policy: Rollout, gates: Mapping[str, tuple[str, ...]]) -> frozenset[str]:
    """The canaries, and the production hubs that they wait for themselves."""
    ahead: set[str] = set()
    pending = [name for name in policy.canaries if name in gates]
    while pending:
        name = pending.pop()
        if name not in ahead:
            ahead.add(name)
            pending += [gate for gate in gates.get(name, ()) if gate in gates]
    return frozenset(ahead)


def _gates_first(steps: list[Step], gates: Mapping[str, tuple[str, ...]]) -> list[Step]:
    """In the given order, but each after those of them that it waits for."""
    left = {hub_name(step): step for step in steps}
    ordered: list[Step] = []
    while left:
        free = [name for name in left if not any(gate in left for gate in gates[name])]
        if not free:
            raise ValueError(f"gates wait for each other: {', '.join(left)}")
        ordered += [left.pop(name) for name in free]
    return ordered


def _fill(
    steps: list[Step], sizes: Iterable[str], gates: Mapping[str, tuple[str, ...]]
) -> list[list[Step]]:
    """Fill one wave after the other up to its size, in every cluster and over the fleet.

    A hub is never in an earlier wave than a gate of its own.
    """
    left = {hub_name(step): step for step in _gates_first(steps, gates)}
    total = dict.fromkeys((cluster_name(step) for step in steps), 0)
    for step in steps:
        total[cluster_name(step)] += 1
    taken = dict.fromkeys(total, 0)
    waves: list[list[Step]] = []
    for size in sizes:
        wave: list[Step] = []
        room = _amount(size, len(steps)) - sum(taken.values())
        for name, step in list(left.items()):
            if room <= 0:
                break
            cluster = cluster_name(step)
            free = taken[cluster] < _amount(size, total[cluster])
            if free and not any(gate in left for gate in gates[name]):
                wave.append(left.pop(name))
                taken[cluster] += 1
                room -= 1
        if wave:
            waves.append(wave)
    return waves


def _amount(size: str, of: int) -> int:
    """`25%` of 10 hubs are 3: a share is rounded up, so that it always means somebody."""
    return ceil(int(size[:-1]) * of / 100) if size.endswith("%") else int(size)

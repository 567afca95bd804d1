"""The platforms of one fleet side by side: this machine, and the clusters on Kubernetes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from hubfleet.fleet.model import Fleet, Hub
from hubfleet.kit.errors import Problem
from hubfleet.planning.observation import Observation
from hubfleet.planning.plan import Plan
from hubfleet.planning.steps import RemoveHub
from hubfleet.platforms.looking import away_note, look
from hubfleet.platforms.platform import Platform


class Clusters(Platform, Protocol):
    """A platform that knows by name which declared clusters are its business."""

    def names(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class Joined:
    """Each look writes `away` (why nothing is known of a cluster) and `held` (hubs, and where)."""

    fleet: Fleet
    local: Platform
    kubernetes: Clusters | None
    away: dict[str, Problem]
    held: dict[str, str]

    def all(self) -> dict[str, Platform]:
        """The platform of every cluster, declared or only observed."""
        names = {*self.fleet.clusters, *self.local.clusters()}
        return {name: self.at(name) for name in sorted(names)}

    def at(self, cluster: str) -> Platform:
        """The platform of one cluster."""
        if self.kubernetes is not None and cluster in self.kubernetes.names():
            return self.kubernetes
        return self.local

    def of(self, hub: str) -> Platform:
        """The platform that a hub is declared on, else the one that held it at the last look."""
        declared = self.fleet.hubs.get(hub)
        return self.at(declared.cluster if declared else self.held.get(hub, ""))

    def observe(self) -> list[Observation]:
        """What every cluster holds now, but for those that are away."""
        platforms = self.all()
        here = [name for name, platform in platforms.items() if platform is self.local]
        seen = look({name: one for name, one in platforms.items() if one is not self.local})
        self.away.clear()
        self.away.update(seen.away)
        found = [*(self.local.observe(name) for name in here), *seen.observations]
        self.held.clear()
        self.held.update((hub, one.cluster) for one in found for hub in one.hubs)
        return found

    def reachable(self) -> Fleet:
        """The fleet without the hubs on clusters that are away: nothing is planned for those."""
        if not self.away:
            return self.fleet
        hubs = {name: hub for name, hub in self.fleet.hubs.items() if hub.cluster not in self.away}
        return replace(self.fleet, hubs=hubs)

    def hubs_of(self, plan: Plan, platform: Platform | None) -> list[Hub]:
        """Those that the plan places on a platform."""
        steps = (step for step in plan.steps if not isinstance(step, RemoveHub))
        return [step.hub for step in steps if self.at(step.hub.cluster) is platform]

    def objections(self, plan: Plan) -> Iterator[Problem]:
        """Why the platforms refuse what the plan asks for."""
        yield from self.local.objections(self.hubs_of(plan, self.local))
        if self.kubernetes is not None:
            from hubfleet.platforms.kubernetes.moving import left_on_this_machine, refused_moves

            clusters = self.kubernetes.names()
            yield from self.kubernetes.objections(self.hubs_of(plan, self.kubernetes))
            yield from refused_moves(plan, clusters)
            yield from left_on_this_machine(map(self.local.observe, clusters), clusters)

    def notes(self) -> Iterator[str]:
        """A sentence about each cluster that is away."""
        for cluster, problem in self.away.items():
            hubs = [hub for hub in self.fleet.hubs.values() if hub.cluster == cluster]
            yield away_note(problem, len(hubs))

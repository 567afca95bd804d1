"""A simulated rollout in virtual time, for the engine's tests, with its order of acts kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hubfleet.fleet.model import Fleet
from hubfleet.planning.plan import declaration_digest, make_plan
from hubfleet.planning.schedule import schedule
from hubfleet.platforms.simulated import Probes, SimulatedPlatform
from hubfleet.platforms.simulated_script import HubScript, Script
from hubfleet.platforms.simulated_world import World
from hubfleet.probes.simulated import SimulatedProber
from hubfleet.rollout import engine
from hubfleet.rollout.course import Means
from hubfleet.rollout.crew import VirtualCrew
from hubfleet.rollout.events import Event
from hubfleet.rollout.journal import MemoryJournal
from hubfleet.rollout.lease import NoLease
from hubfleet.rollout.report import Report
from hubfleet.rollout.stop import Stop
from tests.unit.planning.worlds import SOFTWARE

CLUSTERS = ("dune", "reef")


@dataclass
class Stage:
    """A world, what was told while a rollout changed it, and the journal."""

    world: World = field(default_factory=World)
    journal: Any = field(default_factory=MemoryJournal)
    lease: Any = field(default_factory=NoLease)
    crew: VirtualCrew = field(default_factory=VirtualCrew)
    events: list[Event] = field(default_factory=list)
    stop: Stop = field(default_factory=Stop)
    platform: Any = None

    def run(
        self, fleet: Fleet, scripts: dict[str, HubScript] | None = None, *, probes: bool = True
    ) -> Report:
        """Observe, plan, carry out, as `apply` does."""
        script = Script(HubScript(), scripts or {})
        platform = self.platform or self.platform_of(script)
        plan = make_plan(fleet, [platform.observe(name) for name in CLUSTERS])
        prober = SimulatedProber(Probes(self.world, script), self.crew.sleep)
        means = Means(
            dict.fromkeys(CLUSTERS, platform),
            self.journal,
            self.lease,
            self.crew,
            prober if probes else None,
            dict.fromkeys(CLUSTERS, SOFTWARE),
        )
        order = engine.Order(
            schedule(plan, fleet.rollout),
            fleet.rollout,
            fleet.hubs,
            plan.fingerprint,
            declaration_digest(fleet),
            who="ada",
            why="a reason",
            cut_off=self.journal.cut_off(),
        )
        return engine.run(order, means, self.events.append, self.stop)

    def platform_of(self, script: Script | None = None) -> SimulatedPlatform:
        return SimulatedPlatform(self.world, script, self.crew.sleep, SOFTWARE)

    def phases(self, phase: str) -> list[str]:
        """The hubs that entered a phase, in order."""
        return [event.hub for event in self.events if event.hub and event.phase == phase]

    def at(self, hub: str, phase: str) -> int:
        """When a hub entered a phase, as a place in the order of all events."""
        return next(
            number
            for number, event in enumerate(self.events)
            if (event.hub, event.phase) == (hub, phase)
        )


def fates(report: Report) -> dict[str, str]:
    """What became of every hub."""
    return {result.hub: result.fate for result in report.results}


FAILS = HubScript(act_fails=True)
SICK = HubScript(verdict="failed")

"""The composition root: joins a fleet folder and a state folder to platforms, journal and probes.

The only module that knows which implementation stands behind a port.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hubfleet.fleet.load import find_root, load_fleet
from hubfleet.fleet.model import Fleet, Hub
from hubfleet.kit.errors import Problem, failure
from hubfleet.kit.files import make_private_folder
from hubfleet.planning.observation import Observation
from hubfleet.planning.plan import Plan, make_plan
from hubfleet.planning.steps import RemoveHub
from hubfleet.platforms.local.folders import StateFolder
from hubfleet.platforms.local.platform import LocalPlatform
from hubfleet.platforms.platform import Platform
from hubfleet.rollout import engine
from hubfleet.rollout.journal import FileJournal
from hubfleet.rollout.lease import hold

if TYPE_CHECKING:
    from hubfleet.probes.verdict import ProbeResult


def state_folder(chosen: Path | None) -> StateFolder:
    """`--state`, else `$HUBFLEET_STATE`, else `~/.local/share/hubfleet`; not made here."""
    if chosen is None:
        data = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
        chosen = Path(os.environ.get("HUBFLEET_STATE") or f"{data}/hubfleet")
    return StateFolder(chosen.expanduser().absolute())


@dataclass(frozen=True)
class Installation:
    """A fleet, the place where it runs, and the platforms of its clusters."""

    fleet: Fleet
    state: StateFolder
    local: LocalPlatform

    def platforms(self) -> dict[str, Platform]:
        """The platform of every cluster, declared or only observed."""
        names = {*self.fleet.clusters, *self.local.clusters()}
        return dict.fromkeys(sorted(names), self.local)

    def observe(self) -> list[Observation]:
        """What every cluster holds now."""
        return [platform.observe(name) for name, platform in self.platforms().items()]

    def plan(self) -> Plan:
        """The difference between the declaration and the world at this moment."""
        return make_plan(self.fleet, self.observe())

    def objections(self, plan: Plan) -> tuple[Problem, ...]:
        """Why this place will not run what the plan asks for."""
        foreign = self.local.other_fleet(self.fleet)
        found = [foreign] if foreign else []
        found += self.local.objections(_hubs_of(plan))
        return tuple(found)

    @contextmanager
    def lease(self, command: str) -> Iterator[None]:
        """Keep other rollouts out; makes the state folder when it is not there."""
        self.make_state_folder()
        with hold(self.state.apply_lock, command):
            yield

    def make_state_folder(self) -> None:
        """Make the folder, private; raises `state-not-writable`."""
        try:
            make_private_folder(self.state.path)
            self.state.hubs.mkdir(mode=0o700, exist_ok=True)
            probe = self.state.path / f".writable-{os.getpid()}"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise failure(
                "state-not-writable",
                "the state folder cannot be written",
                place=str(self.state.path),
                why=error.strerror or str(error),
                hint="choose another one with --state DIR or $HUBFLEET_STATE, or mend its rights",
            ) from None

    def prepare(self, plan: Plan, report: Callable[[str, str], None]) -> None:
        """Everything that may fail before any hub is touched; also with nothing to do.

        Then it still makes sure that whatever minds the hubs is there.
        """
        self.local.prepare(_hubs_of(plan), report)

    def roll_out(self, plan: Plan, listen: engine.Listener) -> engine.Report:
        """Carry out the plan; hold the lease while you call this."""
        self.local.remember_fleet(self.fleet)
        journal = FileJournal(self.state.journal)
        platforms: Mapping[str, Platform] = self.platforms()
        return engine.run(plan, platforms, self.fleet.rollout, journal, listen)

    def remarks(self) -> list[str]:
        """What this place cannot do that the declaration may ask for, in full sentences."""
        return list(self.local.remarks())

    def probe(
        self,
        names: Sequence[str],
        at_once: int,
        listen: Callable[[ProbeResult], None],
    ) -> list[ProbeResult]:
        """Walk a person's path through each of these hubs; the order of the answer is theirs."""
        import asyncio

        from hubfleet.probes.person import probe_hubs
        from hubfleet.probes.target import Target

        targets = []
        for name in names:
            door = self.local.door(name)
            targets.append(Target(name, door.url, door.connect_to, door.user, door.token))
        return asyncio.run(probe_hubs(targets, at_once=at_once, report=listen))


def open_installation(
    fleet: Path | None,
    state: Path | None,
    *,
    port: int | None = None,
    without_isolation: bool = False,
) -> Installation:
    """Load the fleet and join it to its place; raises `FleetErrors` and changes nothing."""
    loaded = load_fleet(fleet_root(fleet))
    folder = state_folder(state)
    local = LocalPlatform(folder, port=port, without_isolation=without_isolation)
    return Installation(loaded, folder, local)


def local_platform(state: Path | None, *, port: int | None = None) -> LocalPlatform:
    """The local platform alone, for what needs no declaration (`logs`, `down`, `systemd-unit`)."""
    return LocalPlatform(state_folder(state), port=port)


def fleet_root(chosen: Path | None) -> Path:
    """`--fleet`, else the nearest folder upwards with `fleet.yaml`."""
    return find_root(chosen) if chosen is not None else find_root(Path.cwd())


def _hubs_of(plan: Plan) -> list[Hub]:
    return [step.hub for step in plan.steps if not isinstance(step, RemoveHub)]

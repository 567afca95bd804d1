"""The composition root: joins a fleet folder and a state folder to platforms, journal and probes.

The only module that knows which implementation stands behind a port.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from hubfleet import __version__
from hubfleet.fleet.load import find_root, load_fleet
from hubfleet.fleet.model import Fleet, Hub
from hubfleet.kit.clock import now
from hubfleet.kit.errors import Problem, failure
from hubfleet.kit.files import make_private_folder
from hubfleet.planning.observation import Observation
from hubfleet.planning.plan import Plan, declaration_digest, make_plan
from hubfleet.planning.schedule import Schedule, schedule
from hubfleet.planning.steps import RemoveHub, cluster_name
from hubfleet.platforms.local.folders import StateFolder
from hubfleet.platforms.local.platform import LocalPlatform
from hubfleet.platforms.platform import OtherSoftware, Outcome, Platform
from hubfleet.platforms.simulated import Probes, SimulatedPlatform
from hubfleet.platforms.simulated_script import Script, read_script
from hubfleet.platforms.simulated_world import World
from hubfleet.probes.blocking import PersonProber
from hubfleet.probes.simulated import SimulatedProber
from hubfleet.rollout import engine
from hubfleet.rollout.by_hand import Wish, roll_back_by_hand
from hubfleet.rollout.course import Means
from hubfleet.rollout.crew import ThreadCrew, VirtualCrew
from hubfleet.rollout.events import Listener
from hubfleet.rollout.freeze import freeze_refusal
from hubfleet.rollout.journal import FileJournal, MemoryJournal
from hubfleet.rollout.lease import NoLease, RecordedLease, hold, owner_here
from hubfleet.rollout.ports import CutOff, Journal, Lease
from hubfleet.rollout.report import Report
from hubfleet.rollout.stop import Stop, on_signals

if TYPE_CHECKING:
    from hubfleet.probes.target import Target
    from hubfleet.probes.verdict import ProbeResult


def state_folder(chosen: Path | None) -> StateFolder:
    """`--state`, else `$HUBFLEET_STATE`, else `~/.local/share/hubfleet`; not made here."""
    if chosen is None:
        data = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
        chosen = Path(os.environ.get("HUBFLEET_STATE") or f"{data}/hubfleet")
    return StateFolder(chosen.expanduser().absolute())


@dataclass(frozen=True)
class Asked:
    """What the operator said about a rollout. Without `probes` a hub that answers is healthy."""

    command: str
    message: str = ""
    despite_freeze: str = ""
    probes: bool = True


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

    def schedule(self, plan: Plan) -> Schedule:
        """When each step of the plan may begin."""
        return schedule(plan, self.fleet.rollout)

    def frozen(self, plan: Plan) -> Problem | None:
        """Why the plan is not carried out today."""
        today = now().astimezone(ZoneInfo(self.fleet.service.timezone)).date()
        return freeze_refusal(plan, self.fleet.rollout, today)

    def cut_off(self) -> CutOff | None:
        """The rollout that a crash left open; quick, and nothing is opened, when there is none."""
        if not self.state.open_rollout.exists():
            return None
        with self._memory("hubfleet apply") as (journal, _):
            return journal.cut_off()

    def people_at(self, hub: str) -> list[str]:
        """Who has a server running on the hub now."""
        return [
            user
            for name, _, user in (line.partition(": ") for line in self.local.working_people())
            if name == hub
        ]

    def roll_out(self, plan: Plan, asked: Asked, listen: Listener) -> Report:
        """Carry out the plan, going on with what was cut off; hold the lease while you call this.

        With nothing to do and nothing cut off, neither journal nor ledger is opened.
        """
        self.local.remember_fleet(self.fleet)
        cut_off_before = self.state.open_rollout.exists()
        if not plan.steps and not cut_off_before:
            return Report("", ())
        crew = ThreadCrew()
        stop = Stop(crew.wake)
        with self._memory(asked.command) as (journal, lease):
            cut = journal.cut_off() if cut_off_before else None
            if not plan.steps and cut is None:
                self.state.open_rollout.unlink(missing_ok=True)
                return Report("", ())
            means = Means(
                self.platforms(),
                journal,
                lease,
                crew,
                PersonProber(self._target, os.cpu_count() or 2) if asked.probes else None,
                self._software(plan),
            )
            order = self._order(plan, asked, cut)
            self.state.open_rollout.touch(mode=0o600)
            with on_signals(stop):
                report = engine.run(order, means, listen, stop)
            if not report.problems:
                self.state.open_rollout.unlink(missing_ok=True)
            return report

    def rehearse(self, plan: Plan, asked: Asked, listen: Listener, script: Path | None) -> Report:
        """Walk the same engine over a simulated platform in virtual time; touches nothing."""
        crew = VirtualCrew()
        told = read_script(script) if script else Script()
        world = World.seen(self.observe())
        software = self._software(plan)
        platforms: dict[str, Platform] = {
            name: SimulatedPlatform(world, told, crew.sleep, software.get(name))
            for name in self.platforms()
        }
        prober = SimulatedProber(Probes(world, told), crew.sleep) if asked.probes else None
        means = Means(platforms, MemoryJournal(), NoLease(), crew, prober, software)
        return engine.run(self._order(plan, asked, None), means, listen)

    def _order(self, plan: Plan, asked: Asked, cut: CutOff | None) -> engine.Order:
        return engine.Order(
            self.schedule(plan),
            self.fleet.rollout,
            self.fleet.hubs,
            plan.fingerprint,
            declaration_digest(self.fleet),
            who=owner_here(),
            why=asked.message,
            despite_freeze=asked.despite_freeze,
            cut_off=cut,
        )

    def _software(self, plan: Plan) -> dict[str, Mapping[str, str]]:
        names = {cluster_name(step) for step in plan.steps}
        platforms = self.platforms()
        return {name: platforms[name].observe(name).software for name in sorted(names)}

    def _memory(self, command: str) -> AbstractContextManager[tuple[Journal, Lease]]:
        return memory(self.state, command)

    def _target(self, name: str) -> Target:
        from hubfleet.probes.target import Target

        door = self.local.door(name)
        return Target(name, door.url, door.connect_to, door.user, door.token)

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

        targets = [self._target(name) for name in names]
        return asyncio.run(probe_hubs(targets, at_once=at_once, report=listen))


@contextmanager
def memory(state: StateFolder, command: str) -> Iterator[tuple[Journal, Lease]]:
    """The journal, and the right to change the fleet, for as long as the block runs.

    The office's ledger is both. Where the office is not installed, files take its place, and the
    ledger reads them in when it is opened for the first time.
    """
    if find_spec("django"):
        from hubfleet.office.site.opening import open_ledger

        url = os.environ.get("HUBFLEET_DATABASE")
        with (
            open_ledger(state.path, url, version=__version__) as ledger,
            ledger.lease(command) as held,
        ):
            yield ledger, held
        return
    lease = RecordedLease(state.lease, owner_here())
    try:
        yield FileJournal(state.journal), lease
    finally:
        lease.let_go()


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


def roll_back(
    local: LocalPlatform,
    hub: str,
    snapshot: str,
    report: Callable[[str], None],
    *,
    why: str,
    other_software: OtherSoftware,
    put_database_back: bool,
) -> Outcome:
    """Bring one hub back because a person asked for it, with journal and lease."""
    state = local.state
    wish = Wish(hub, local.cluster_of(hub), snapshot, why)
    command = "hubfleet rollback"
    with hold(state.apply_lock, command), memory(state, command) as (journal, lease):
        return roll_back_by_hand(
            wish,
            local,
            journal,
            lease,
            lambda: local.roll_back(
                hub,
                snapshot,
                report,
                other_software=other_software,
                put_database_back=put_database_back,
            ),
        )


@contextmanager
def lease_of(state: Path | None, command: str) -> Iterator[None]:
    """Keep rollouts out of a state folder; where there is none, there is nothing to keep out."""
    folder = state_folder(state)
    with hold(folder.apply_lock, command) if folder.path.exists() else nullcontext():
        yield


def fleet_root(chosen: Path | None) -> Path:
    """`--fleet`, else the nearest folder upwards with `fleet.yaml`."""
    return find_root(chosen) if chosen is not None else find_root(Path.cwd())


def _hubs_of(plan: Plan) -> list[Hub]:
    return [step.hub for step in plan.steps if not isinstance(step, RemoveHub)]

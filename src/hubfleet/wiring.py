"""The composition root: joins a fleet folder and a state folder to platforms, journal and probes.

The only module that knows which implementation stands behind a port.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from hubfleet import __version__
from hubfleet.fleet.console import ConsolePlace, console_place
from hubfleet.fleet.load import FleetErrors, find_root, load_fleet
from hubfleet.fleet.model import Fleet
from hubfleet.kit.clock import now
from hubfleet.kit.errors import HubfleetError, Problem, failure, in_reading_order
from hubfleet.kit.files import make_private_folder
from hubfleet.planning.observation import Observation
from hubfleet.planning.plan import Plan, declaration_digest, make_plan
from hubfleet.planning.schedule import Schedule, schedule
from hubfleet.planning.steps import cluster_name
from hubfleet.platforms.joined import Joined
from hubfleet.platforms.kubernetes.opening import open_clusters
from hubfleet.platforms.local.console_process import (
    RunningConsole,
    ensure_console,
    not_running,
    running_console,
)
from hubfleet.platforms.local.folders import StateFolder
from hubfleet.platforms.local.platform import LocalPlatform
from hubfleet.platforms.platform import OtherSoftware, Outcome, Platform, Snapshot
from hubfleet.platforms.simulated import Probes, SimulatedPlatform
from hubfleet.platforms.simulated_script import Script, read_script
from hubfleet.platforms.simulated_world import World
from hubfleet.probes.blocking import PersonProber
from hubfleet.probes.simulated import SimulatedProber
from hubfleet.rollout import endings, engine
from hubfleet.rollout.by_hand import Wish, roll_back_by_hand
from hubfleet.rollout.course import Means
from hubfleet.rollout.crew import ThreadCrew, VirtualCrew
from hubfleet.rollout.events import Listener
from hubfleet.rollout.freeze import freeze_refusal
from hubfleet.rollout.journal import FileJournal, MemoryJournal
from hubfleet.rollout.lease import NoLease, RecordedLease, hold, owner_here, who_holds
from hubfleet.rollout.ports import CutOff, Journal, Lease
from hubfleet.rollout.report import Report
from hubfleet.rollout.stop import Stop, on_signals
from hubfleet.rollout.unfinished import Unfinished

if TYPE_CHECKING:
    from hubfleet.platforms.kubernetes.platform import KubernetesPlatform
    from hubfleet.platforms.kubernetes.support.planning import SupportPlan
    from hubfleet.probes.target import Target
    from hubfleet.probes.verdict import ProbeResult
    from hubfleet.replicate.data.sources import Sources


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
    drain: str | None = None
    """How long people of removed hubs have, instead of what the policy says."""
    by: str = ""
    """Who asked for it, when that is not who runs the command."""


@dataclass(frozen=True)
class Installation:
    """A fleet, the place where it runs, and the platforms of its clusters."""

    fleet: Fleet
    state: StateFolder
    local: LocalPlatform
    kubernetes: KubernetesPlatform | None = None
    away: dict[str, Problem] = field(default_factory=dict)
    """Why nothing is known of some clusters since the last look."""
    held: dict[str, str] = field(default_factory=dict)
    """Hubs at the last look, and their clusters."""

    @property
    def joined(self) -> Joined:
        """Its platforms side by side."""
        return Joined(self.fleet, self.local, self.kubernetes, self.away, self.held)

    def platforms(self) -> dict[str, Platform]:
        """The platform of every cluster, declared or only observed."""
        return self.joined.all()

    def platform_of(self, hub: str) -> Platform:
        """The platform that a hub is declared on, else the one that held it at the last look."""
        return self.joined.of(hub)

    def observe(self) -> list[Observation]:
        """What every cluster holds now, but for those that are `away`."""
        return self.joined.observe()

    def plan(self) -> Plan:
        """The difference between the declaration and the world at this moment."""
        observations = self.observe()
        return make_plan(self.joined.reachable(), observations)

    def objections(self, plan: Plan) -> tuple[Problem, ...]:
        """Why this place will not run what the plan asks for."""
        foreign = self.local.other_fleet(self.fleet)
        early = endings.objections(plan, self.state.endings, self.fleet.service.timezone)
        return (*([foreign] if foreign else []), *early, *self.joined.objections(plan))

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
        if self.kubernetes is not None:
            self.kubernetes.prepare(self.joined.hubs_of(plan, self.kubernetes), report)
        if self.local in self.platforms().values():
            self.local.prepare(self.joined.hubs_of(plan, self.local), report)

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

    def unfinished(self) -> Unfinished | None:
        """What has begun and not ended, whether somebody is at it now or it was cut off."""
        if not self.state.open_rollout.exists():
            return None
        holder = who_holds(self.state.apply_lock)
        if holder:
            return Unfinished(holder)
        try:
            cut = self.cut_off()
        except HubfleetError as error:
            return Unfinished("", unknown=error.problems[0].what)
        return Unfinished("", cut) if cut else None

    def people_at(self, hub: str) -> list[str]:
        """Who has a server running on the hub now."""
        if self.kubernetes is not None and self.joined.of(hub) is self.kubernetes:
            return list(self.kubernetes.people(hub))
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
        policy = self.fleet.rollout
        if asked.drain is not None:
            policy = policy.model_copy(update={"drain": asked.drain})
        return engine.Order(
            self.schedule(plan),
            policy,
            self.fleet.hubs,
            plan.fingerprint,
            declaration_digest(self.fleet),
            who=asked.by or owner_here(),
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

        door = self.joined.of(name).door(name)
        hub = self.fleet.hubs.get(name)
        console = hub.console.address if hub and hub.console else None
        return Target(name, door.url, door.connect_to, door.user, door.token, console)

    def console(self) -> ConsolePlace | None:
        """Where the console is to run beside the hubs; None for a fleet that needs none.

        It needs one when people sign in there, or when the declaration speaks of it.
        """
        service = self.fleet.service
        spoken_of = service.console.address or service.console.bind
        if not spoken_of and not any(hub.console for hub in self.fleet.hubs.values()):
            return None
        return console_place(service.console, service.domain)

    def start_console(self, report: Callable[[str], None]) -> bool:
        """Have the console run where one is needed; whether it had to be started."""
        place = self.console()
        if place is None:
            return False
        self.make_state_folder()
        return ensure_console(self.state, self.fleet.root, place, report)

    def running_console(self) -> RunningConsole | None:
        """The console of this state folder, when one runs."""
        return running_console(self.state)

    def remarks(self) -> list[str]:
        """What this place cannot do that the declaration may ask for, in full sentences."""
        said = [*self.local.remarks(), *self.joined.notes()]
        if self.console() and not self.running_console() and any(self.state.known_hubs()):
            said.insert(0, not_running(self.state))
        return said

    def probe(
        self,
        names: Sequence[str],
        at_once: int,
        listen: Callable[[ProbeResult], None],
        tell: Callable[[str, str], None] = lambda _hub, _stage: None,
    ) -> list[ProbeResult]:
        """Walk a person's path through each of these hubs; the order of the answer is theirs.

        `tell` hears of each stage of each hub as it begins.
        """
        import asyncio

        from hubfleet.probes.person import probe_hubs

        targets = [self._target(name) for name in names]
        return asyncio.run(probe_hubs(targets, at_once=at_once, report=listen, tell=tell))


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
    take_ownership: bool = False,
) -> Installation:
    """Load the fleet and join it to its place; raises `FleetErrors` and changes nothing."""
    loaded, folder = load_fleet(fleet_root(fleet)), state_folder(state)
    local = LocalPlatform(folder, port=port, without_isolation=without_isolation)
    kubernetes = open_clusters(loaded, folder.path / "kubernetes", take_ownership=take_ownership)
    return Installation(loaded, folder, local, kubernetes)


def platform_holding(
    hub: str, fleet: Path | None, state: Path | None, *, port: int | None = None
) -> LocalPlatform | KubernetesPlatform:
    """The platform that a hub runs on; a hub on this machine needs no sound declaration."""
    local = local_platform(state, port=port)
    try:
        installation = open_installation(fleet, state, port=port)
    except HubfleetError:
        return local
    declared = installation.fleet.hubs.get(hub)
    kubernetes = installation.kubernetes
    if kubernetes is None or declared is None or declared.cluster not in kubernetes.names():
        return local
    return kubernetes


def data_sources(fleet: Fleet, state: StateFolder) -> AbstractContextManager[Sources]:
    """Where the data of this fleet's hubs is taken from, for as long as the block runs."""
    from hubfleet.replicate.data.on_cluster import opened_sources as opened

    return opened(fleet, state, lambda: open_clusters(fleet, state.path / "kubernetes"))


def check_charts(fleet: Fleet) -> None:
    """Compare the values of hubs on Kubernetes with the rules of their charts, as far as these are
    known here; nothing is asked of a cluster. Raises `FleetErrors`.
    """
    if all(cluster.file.platform == "local" for cluster in fleet.clusters.values()):
        return
    _require_kubernetes(fleet)
    from hubfleet.platforms.kubernetes.rendering.fitting import fleet_problems

    problems = fleet_problems(fleet)
    if problems:
        counts = {"hubs": len(fleet.hubs), "clusters": len(fleet.clusters)}
        told = in_reading_order(problems)
        raise FleetErrors(told, **counts, communities=len(fleet.communities))


def _require_kubernetes(fleet: Fleet) -> None:
    """Raises `kubernetes-not-installed`."""
    if find_spec("lightkube") is None or find_spec("jsonschema") is None:
        raise failure(
            "kubernetes-not-installed",
            "what clusters on Kubernetes need is not installed",
            place=str(fleet.root),
            hint="install it: pip install 'hubfleet[kubernetes]'",
        )


def open_kubernetes(fleet: Path | None, state: Path | None) -> KubernetesPlatform:
    """The platform of clusters on Kubernetes; raises `no-kubernetes` for a fleet without one."""
    loaded = load_fleet(fleet_root(fleet))
    made = open_clusters(loaded, state_folder(state).path / "kubernetes")
    if made is None:
        raise failure(
            "no-kubernetes",
            "no cluster of this fleet is on Kubernetes",
            place=str(loaded.root),
            hint="add one with `hubfleet cluster new`",
        )
    return made


def apply_support(
    platform: KubernetesPlatform,
    plan: SupportPlan,
    state: Path | None,
    tell: Callable[[str, str], None],
) -> int:
    """Carry out a plan beside the hubs, while no rollout is under way; how many were changed."""
    from hubfleet.platforms.kubernetes.support.applying import apply_support as carry_out

    folder = state_folder(state)
    make_private_folder(folder.path)
    journal = folder.path / "kubernetes" / "support"
    with hold(folder.apply_lock, "hubfleet cluster support apply"):
        return carry_out(plan, platform, journal, owner_here(), tell)


def local_platform(state: Path | None, *, port: int | None = None) -> LocalPlatform:
    """The local platform alone, for what needs no declaration (`logs`, `down`, `systemd-unit`)."""
    return LocalPlatform(state_folder(state), port=port)


def roll_back(
    platform: LocalPlatform | KubernetesPlatform,
    hub: str,
    snapshot: Snapshot,
    report: Callable[[str], None],
    *,
    state: StateFolder,
    why: str,
    by: str = "",
    other_software: OtherSoftware,
    put_database_back: bool,
) -> Outcome:
    """Bring one hub back because a person asked for it, with journal and lease."""
    wish = Wish(hub, platform.cluster_of(hub), snapshot.id, why, snapshot.revision, by)
    command = "hubfleet rollback"
    with hold(state.apply_lock, command), memory(state, command) as (journal, lease):
        state.open_rollout.touch(mode=0o600)
        try:
            return roll_back_by_hand(
                wish,
                platform,
                journal,
                lease,
                lambda: platform.roll_back(
                    hub,
                    snapshot.id,
                    report,
                    other_software=other_software,
                    put_database_back=put_database_back,
                ),
            )
        finally:
            # A rollout that was cut off before this one is still to be gone on with.
            with suppress(HubfleetError):
                if journal.cut_off() is None:
                    state.open_rollout.unlink(missing_ok=True)


@contextmanager
def lease_of(state: Path | None, command: str) -> Iterator[None]:
    """Keep rollouts out of a state folder; where there is none, there is nothing to keep out."""
    folder = state_folder(state)
    with hold(folder.apply_lock, command) if folder.path.exists() else nullcontext():
        yield


def fleet_root(chosen: Path | None) -> Path:
    """`--fleet`, else the nearest folder upwards with `fleet.yaml`."""
    return find_root(chosen) if chosen is not None else find_root(Path.cwd())

"""The local platform as the rest of hubfleet sees it: observe, prepare, perform.

Decides nothing: it writes what should run, asks the keeper to run it, and waits until the hub
answers people. What is true is read from the processes and their records, never remembered.
"""

from __future__ import annotations

import getpass
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import assert_never

from hubfleet.fleet.model import Fleet, Hub, HubValues
from hubfleet.fleet.secrets.age import Identity
from hubfleet.fleet.secrets.secret import revealed
from hubfleet.fleet.sign_in import people_by_kind, people_by_name
from hubfleet.fleet.software import HubEnvironment
from hubfleet.kit.errors import HubfleetError, Problem, TransientError, failure
from hubfleet.kit.files import write_atomically
from hubfleet.planning.observation import Observation, ObservedHub
from hubfleet.planning.steps import CreateHub, RemoveHub, StartHub, Step, UpdateHub
from hubfleet.platforms.keeping import Keep
from hubfleet.platforms.local import answers, closing, fitting, logfiles
from hubfleet.platforms.local.control import LocalStatus, NoKeeperError, read_status
from hubfleet.platforms.local.control_start import ensure_keeper
from hubfleet.platforms.local.environments import EnvironmentStore
from hubfleet.platforms.local.fitting import Machine
from hubfleet.platforms.local.folders import HubFolder, StateFolder
from hubfleet.platforms.local.homes.chores import chores_of
from hubfleet.platforms.local.observing import known, living, observe_hub, software
from hubfleet.platforms.local.placing import place, renew_console_secret
from hubfleet.platforms.local.removing import remove
from hubfleet.platforms.local.sandbox import (
    find_sandbox,
    isolation_is_waived,
    refuse_without_isolation,
    this_machine,
)
from hubfleet.platforms.local.server_use import ServerUse, use_of
from hubfleet.platforms.local.servers import PROBE_USER, running_servers
from hubfleet.platforms.local.snapshots import shelf
from hubfleet.platforms.local.snapshots.database import migration_due
from hubfleet.platforms.local.snapshots.preview import preview
from hubfleet.platforms.local.snapshots.restoring import database_goes_back, roll_back
from hubfleet.platforms.local.snapshots.taking import secure_before_migration, take
from hubfleet.platforms.local.spec import DamagedFileError, HubSecrets, HubSpec
from hubfleet.platforms.local.stopping import stop_all
from hubfleet.platforms.local.unit import systemd_unit
from hubfleet.platforms.metering import no_meter_token
from hubfleet.platforms.platform import (
    Door,
    OtherSoftware,
    Outcome,
    Report,
    RollbackPreview,
    SignIn,
    Snapshot,
)

DEFAULT_PORT = 8000


class LocalPlatform:
    """Runs hubs as processes of this machine, all clusters side by side in one state folder.

    `port` is the shared proxy's; None means the one it has, else 8000.
    """

    def __init__(
        self, state: StateFolder, *, port: int | None = None, without_isolation: bool = False
    ) -> None:
        self._state = state
        self._port = port
        self._without_isolation = without_isolation
        self._one_at_a_time = Lock()
        self.environments = EnvironmentStore(state.environments)

    def clusters(self) -> frozenset[str]:
        return frozenset(_cluster(folder) for folder in self._state.known_hubs())

    def observe(self, cluster: str) -> Observation:
        status = read_status(self._state)
        folders = (f for f in self._state.known_hubs() if _cluster(f) == cluster)
        hubs = {folder.name: self._observed(folder, status) for folder in folders}
        return Observation(cluster, hubs, software(), self.proxy_port)

    def _observed(self, folder: HubFolder, status: LocalStatus) -> ObservedHub:
        seen = observe_hub(folder, status)
        if seen.state not in ("stopped", "crashed"):
            return seen
        return replace(seen, migration=migration_due(folder.database))

    def objections(self, hubs: Sequence[Hub]) -> tuple[Problem, ...]:
        refusals = (
            refuse_without_isolation(
                hub.name,
                hub.values,
                account=getpass.getuser(),
                sandbox=find_sandbox(),
                waived=self._without_isolation,
            )
            for hub in hubs
        )
        machine = Machine.this()
        unfit = (problem for hub in hubs for problem in fitting.objections(hub, machine))
        return (*(refusal for refusal in refusals if refusal), *unfit)

    def prepare(self, hubs: Sequence[Hub], report: Callable[[str, str], None]) -> None:
        # A value that cannot be decrypted must be known before the first hub is touched.
        revealed({hub.name: hub.values.model_dump() for hub in hubs}, Identity())
        self.build_environments(hubs, report)
        self._ensure_keeper()
        # Also hubs that nothing else happens to: the console's key may be another one.
        for folder in self._state.known_hubs():
            with suppress(HubfleetError, FileNotFoundError):
                self.renew_console_secret(folder.name)

    def build_environments(
        self, hubs: Sequence[Hub], report: Callable[[str, str], None]
    ) -> dict[str, dict[str, Path]]:
        """Every environment of these hubs, each built once; by hub, then by name.

        Goes on after one that cannot be built, and raises all their problems in the end.
        """
        built: dict[str, dict[str, Path]] = {}
        done: dict[object, Path | None] = {}
        problems: list[Problem] = []
        for hub in hubs:
            for wanted in hub.environments:
                key = self.environments.identity(wanted)
                if key not in done:
                    try:
                        done[key] = self._build(hub, wanted, report)
                    except HubfleetError as error:
                        done[key] = None
                        problems += error.problems
                if (path := done[key]) is not None:
                    built.setdefault(hub.name, {})[wanted.name] = path
        if problems:
            raise HubfleetError(*problems)
        return built

    def perform(self, step: Step, report: Report) -> Outcome:
        """An earlier keeper that was killed is replaced first, so that another try can succeed."""
        self._ensure_keeper()
        try:
            match step:
                case CreateHub(hub) | UpdateHub(hub) | StartHub(hub):
                    secure_before_migration(self._state.hub(hub.name))
                    return place(
                        self._state,
                        hub,
                        self._environments_of(hub),
                        self.proxy_port,
                        report,
                        without_isolation=self._without_isolation,
                    )
                case RemoveHub(name):
                    return remove(self._state, name, report)
                case _:
                    assert_never(step)
        except NoKeeperError as error:
            raise self._keeper_gone(error) from error

    @property
    def state(self) -> StateFolder:
        """Where the hubs live."""
        return self._state

    def cluster_of(self, hub: str) -> str:
        """The cluster that the hub is on; raises `unknown-hub`."""
        return _cluster(self._existing(hub))

    def running_revision(self, hub: str) -> int:
        """The revision that the hub runs, or is to run while it is down."""
        folder = self._existing(hub)
        return (living(folder) or HubSpec.read(folder.spec)).revision

    def snapshot(self, hub: str) -> Snapshot:
        """Also deletes those that are too many or too old."""
        folder = self._existing(hub)
        made = take(folder)
        # Without knowing what runs nothing is deleted.
        with suppress(DamagedFileError):
            shelf.discard(folder, Keep())
        return made

    def snapshots(self, hub: str) -> tuple[Snapshot, ...]:
        return tuple(kept.what for kept in shelf.all_of(self._existing(hub)))

    def discard_snapshots(self, hub: str) -> tuple[Snapshot, ...]:
        return shelf.discard(self._existing(hub), Keep())

    def preview_rollback(
        self, hub: str, snapshot: str, *, put_database_back: bool = False
    ) -> RollbackPreview:
        folder = self._existing(hub)
        kept = shelf.find(folder, snapshot)
        with_database = put_database_back or database_goes_back(folder, kept)
        return preview(folder, kept, with_database=with_database)

    def roll_back(
        self,
        hub: str,
        snapshot: str,
        report: Report,
        *,
        other_software: OtherSoftware = "migrate",
        put_database_back: bool = False,
    ) -> Outcome:
        folder = self._existing(hub)
        self._ensure_keeper()
        try:
            return roll_back(
                self._state,
                folder,
                snapshot,
                report,
                other_software=other_software,
                put_database_back=put_database_back,
            )
        except NoKeeperError as error:
            raise self._keeper_gone(error) from error

    def door(self, hub: str) -> Door:
        folder = self._existing(hub)
        spec = living(folder) or HubSpec.read(folder.spec)
        token = HubSecrets.read(folder.secrets).probe_token
        return Door(hub, spec.url, (answers.LOOPBACK, spec.proxy_port), PROBE_USER, token)

    def office_door(self, hub: str) -> Door:
        """Where the console ends people's access; the token allows nothing else."""
        folder = self._existing(hub)
        token = HubSecrets.read(folder.secrets).office_token
        return replace(self.door(hub), user="", token=token)

    def meter_door(self, hub: str) -> Door:
        """Where the hub's use is read; raises `no-meter-token`."""
        folder = self._existing(hub)
        token = HubSecrets.read(folder.secrets).meter_token
        if not token:
            raise no_meter_token(hub, str(folder.secrets))
        return replace(self.door(hub), user="", token=token)

    def server_use(self, hub: str) -> tuple[ServerUse, ...]:
        """What the hub's servers take now."""
        return use_of(self._existing(hub).path)

    def renew_console_secret(self, hub: str) -> None:
        """Give a hub that exists its secret of now as the console's client."""
        folder = self._existing(hub)
        spec = living(folder) or HubSpec.read(folder.spec)
        renew_console_secret(self._state, folder, signs_in=spec.console is not None)

    def sign_in(self, hub: str) -> SignIn:
        folder = self._existing(hub)
        spec = living(folder) or HubSpec.read(folder.spec)
        values = HubValues.model_validate(spec.values)
        access, secrets = values.access, HubSecrets.read(folder.secrets)
        by_password = access.sign_in == "shared-password"
        return SignIn(
            hub,
            access.sign_in,
            admins=access.admins,
            users=tuple(sorted(people_by_name(values) - {*access.admins})),
            others=people_by_kind(access),
            password=secrets.password if by_password else "",
            admin_password=secrets.admin_password if by_password else "",
        )

    def logs(self, hub: str, *, lines: int, follow: bool) -> Iterator[str]:
        """The hub's log; `keeper`, `proxy` and `console` name theirs."""
        own = {
            "keeper": self._state.keeper_log,
            "proxy": self._state.proxy / "proxy.log",
            "console": self._state.console_log,
        }
        path = own.get(hub) or self._existing(hub).log
        yield from logfiles.follow(path, lines) if follow else logfiles.tail(path, lines)

    def remarks(self) -> tuple[str, ...]:
        said = list(this_machine())
        if any(self._state.known_hubs()):
            status = read_status(self._state)
            if status.proxy.pid is None:
                said.insert(0, "The proxy is not running: nobody reaches the hubs. Run apply.")
            if status.keeper is None:
                said.insert(
                    0, "The keeper is not running: nobody restarts what crashes. Run apply."
                )
        declared = {
            folder.name: HubValues.model_validate(spec.values)
            for folder in self._state.known_hubs()
            if (spec := known(folder))
        }
        if find_sandbox().program is None:
            said += [
                f"People of {folder.name} are not kept apart: that was accepted with "
                "--without-isolation. Install bubblewrap 0.8 or later."
                for folder in self._state.known_hubs()
                if isolation_is_waived(folder.path)
            ]
        return (*said, *self._failed_chores(), *fitting.oversized(declared, Machine.this()))

    def _failed_chores(self) -> Iterator[str]:
        for folder in self._state.known_hubs():
            snapshot = chores_of(folder.path).get("snapshot")
            if snapshot is not None and snapshot.failed:
                yield (
                    f"The last nightly snapshot of {folder.name} failed ({snapshot.ended}): "
                    f"{snapshot.result}. It is tried again every hour."
                )

    def working_people(self) -> list[str]:
        """`community/hub: user` for every server that runs now, the probe's own left out."""
        return [
            f"{folder.name}: {server.user}"
            for folder in self._state.known_hubs()
            for server in running_servers(folder.path)
            if server.user != PROBE_USER
        ]

    def close(self, hub: str, seconds: float, _report: Report = lambda _: None) -> float:
        return closing.close(self._existing(hub).path, seconds)

    def reopen(self, hub: str) -> None:
        closing.reopen(self._state.hub(hub).path)

    def people(self, hub: str) -> tuple[str, ...]:
        users = {server.user for server in running_servers(self._state.hub(hub).path)}
        return tuple(sorted(users - {PROBE_USER}))

    def stop_all(self, *, keep_hubs: bool) -> str:
        """Stop people's servers, hubs, proxy and keeper, in words; nothing is deleted."""
        return stop_all(self._state, keep_hubs=keep_hubs)

    def systemd_unit(self) -> str:
        """A unit for the keeper of this state folder."""
        return systemd_unit(self._state, self.proxy_port)

    def other_fleet(self, fleet: Fleet) -> Problem | None:
        """The refusal of another fleet than the one living in the state folder."""
        if not any(self._state.known_hubs()):
            return None
        try:
            here = json.loads(self._state.fleet_record.read_text())
            root = here["root"]
            # A service may get another name, and a fleet's folder may move; not both at once.
            if fleet.service.name == here["service"] or str(fleet.root) == root:
                return None
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError):
            return Problem(
                "damaged-file",
                "fleet.json does not say which fleet the state folder holds",
                place=str(self._state.fleet_record),
                hint=f"delete the file if the hubs there are those of {fleet.service.name!r}, "
                "then run `hubfleet apply`",
            )
        return Problem(
            "state-of-another-fleet",
            f"the state folder holds the fleet {here['service']!r}, not {fleet.service.name!r}",
            place=str(self._state.path),
            why=f"it was applied from {root}; its hubs would be removed",
            hint="give this fleet a state folder of its own with --state DIR and --port, "
            "or remove the other one's hubs first",
        )

    def remember_fleet(self, fleet: Fleet) -> None:
        """Write down whose hubs live in the state folder."""
        record = {"service": fleet.service.name, "root": str(fleet.root)}
        write_atomically(self._state.fleet_record, json.dumps(record) + "\n")

    def _build(self, hub: Hub, wanted: HubEnvironment, report: Callable[[str, str], None]) -> Path:
        own = f"environment {wanted.name}" if wanted.name else "environment"
        name = f"{own} of {hub.name}"
        report(name, "begun")
        try:
            path = self.environments.build(wanted, lambda phase: report(name, phase))
        except HubfleetError:
            report(name, "failed")
            raise
        report(name, "ready")
        return path

    def _environments_of(self, hub: Hub) -> dict[str, Path]:
        """Its finished environments by name; `prepare` built them."""
        found = {}
        for wanted in hub.environments:
            path = self.environments.existing(wanted)
            if path is None:
                raise failure(
                    "environment-not-built",
                    f"an environment of {hub.name} is not there any more",
                    place=wanted.place,
                    why="it was deleted since it was built for this rollout",
                    hint="run the same command again",
                )
            found[wanted.name] = path
        return found

    def _ensure_keeper(self) -> None:
        with self._one_at_a_time:
            ensure_keeper(self._state, self.proxy_port)

    def _keeper_gone(self, error: NoKeeperError) -> HubfleetError:
        return TransientError(
            Problem(
                "keeper-gone",
                "the keeper ended while it was needed",
                str(self._state.keeper_log),
                str(error),
                "the hubs that run are unharmed; run the command again",
            )
        )

    @property
    def proxy_port(self) -> int:
        """The port asked for, else the running one's, else the last one's, else 8000."""
        if self._port:
            return self._port
        with suppress(OSError, ValueError, KeyError):
            return int(json.loads(self._state.keeper_record.read_text())["port"])
        return DEFAULT_PORT

    def _existing(self, hub: str) -> HubFolder:
        names = [folder.name for folder in self._state.known_hubs()]
        if hub not in names:
            raise failure(
                "unknown-hub",
                f"no hub called {hub!r} exists here",
                place=str(self._state.path),
                hint=f"there are: {', '.join(names)}" if names else "run `hubfleet up` first",
            )
        return self._state.hub(hub)


def _cluster(folder: HubFolder) -> str:
    """Where it runs, which is not where it should run while a move is cut off half way.

    Empty where its files are damaged beyond telling.
    """
    spec = known(folder)
    return "" if spec is None else spec.cluster

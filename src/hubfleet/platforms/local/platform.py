"""The local platform as the rest of hubfleet sees it: observe, prepare, perform.

Decides nothing: it writes what should run, asks the keeper to run it, and waits until the hub
answers people. What is true is read from the processes and their records, never remembered.
"""

from __future__ import annotations

import getpass
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import assert_never

from hubfleet.fleet.model import Environment, Fleet, Hub, HubValues
from hubfleet.kit.errors import Problem, failure
from hubfleet.kit.files import write_atomically
from hubfleet.planning.observation import Observation
from hubfleet.planning.steps import CreateHub, RemoveHub, StartHub, Step, UpdateHub
from hubfleet.platforms.local import answers, logfiles
from hubfleet.platforms.local.control import NoKeeperError, read_status
from hubfleet.platforms.local.control_start import ensure_keeper
from hubfleet.platforms.local.environments import EnvironmentStore
from hubfleet.platforms.local.folders import HubFolder, StateFolder
from hubfleet.platforms.local.observing import living, observe_hub, software
from hubfleet.platforms.local.placing import place
from hubfleet.platforms.local.removing import remove
from hubfleet.platforms.local.sandbox import (
    find_sandbox,
    refuse_without_isolation,
    this_machine,
)
from hubfleet.platforms.local.servers import PROBE_USER, running_servers
from hubfleet.platforms.local.spec import HubSecrets, HubSpec
from hubfleet.platforms.local.stopping import stop_all
from hubfleet.platforms.local.unit import systemd_unit
from hubfleet.platforms.platform import Door, Outcome, Report, SignIn

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
        self._environments = EnvironmentStore(state.environments)

    def clusters(self) -> frozenset[str]:
        return frozenset(_cluster(folder) for folder in self._state.known_hubs())

    def observe(self, cluster: str) -> Observation:
        status = read_status(self._state)
        folders = (f for f in self._state.known_hubs() if _cluster(f) == cluster)
        hubs = {folder.name: observe_hub(folder, status) for folder in folders}
        return Observation(cluster, hubs, software())

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
        return tuple(refusal for refusal in refusals if refusal)

    def prepare(self, hubs: Sequence[Hub], report: Callable[[str, str], None]) -> None:
        built: set[Environment] = set()
        for hub in hubs:
            environment = hub.values.environment
            if environment.packages and environment not in built:
                built.add(environment)
                self._build(hub, environment, report)
        ensure_keeper(self._state, self._proxy_port())

    def perform(self, step: Step, report: Report) -> Outcome:
        try:
            match step:
                case CreateHub(hub) | UpdateHub(hub) | StartHub(hub):
                    environment = self._environment(hub)
                    return place(
                        self._state,
                        hub,
                        environment,
                        self._proxy_port(),
                        report,
                        without_isolation=self._without_isolation,
                    )
                case RemoveHub(name):
                    return remove(self._state, name, report)
                case _:
                    assert_never(step)
        except NoKeeperError as error:
            raise failure(
                "keeper-gone",
                "the keeper ended while it was needed",
                place=str(self._state.keeper_log),
                why=str(error),
                hint="the hubs that run are unharmed; run the command again",
            ) from error

    def door(self, hub: str) -> Door:
        folder = self._existing(hub)
        spec = living(folder) or HubSpec.read(folder.spec)
        token = HubSecrets.read(folder.secrets).probe_token
        return Door(hub, spec.url, (answers.LOOPBACK, spec.proxy_port), PROBE_USER, token)

    def sign_in(self, hub: str) -> SignIn:
        folder = self._existing(hub)
        spec = living(folder) or HubSpec.read(folder.spec)
        values = HubValues.model_validate(spec.values)
        access, secrets = values.access, HubSecrets.read(folder.secrets)
        members = (values.groups.get(group, ()) for group in access.allow.groups)
        users = dict.fromkeys([*access.allow.users, *(m for group in members for m in group)])
        return SignIn(
            hub,
            access.sign_in,
            admins=access.admins,
            users=tuple(name for name in users if name not in access.admins),
            everyone=access.everyone,
            password=secrets.password,
            admin_password=secrets.admin_password,
        )

    def logs(self, hub: str, *, lines: int, follow: bool) -> Iterator[str]:
        """The hub's log; `keeper` and `proxy` name theirs."""
        own = {"keeper": self._state.keeper_log, "proxy": self._state.proxy / "proxy.log"}
        path = own.get(hub) or self._existing(hub).log
        yield from logfiles.follow(path, lines) if follow else logfiles.tail(path, lines)

    def remarks(self) -> tuple[str, ...]:
        said = list(this_machine())
        if any(self._state.known_hubs()) and read_status(self._state).keeper is None:
            said.insert(0, "The keeper is not running: nobody restarts what crashes. Run apply.")
        return tuple(said)

    def working_people(self) -> list[str]:
        """`community/hub: user` for every server that runs now, the probe's own left out."""
        return [
            f"{folder.name}: {server.user}"
            for folder in self._state.known_hubs()
            for server in running_servers(folder.path)
            if server.user != PROBE_USER
        ]

    def stop_all(self, *, keep_hubs: bool) -> str:
        """Stop people's servers, hubs, proxy and keeper, in words; nothing is deleted."""
        return stop_all(self._state, keep_hubs=keep_hubs)

    def systemd_unit(self) -> str:
        """A unit for the keeper of this state folder."""
        return systemd_unit(self._state, self._proxy_port())

    def other_fleet(self, fleet: Fleet) -> Problem | None:
        """The refusal of a fleet whose name is not that of the one living in the state folder."""
        try:
            here = json.loads(self._state.fleet_record.read_text())
        except (OSError, ValueError):
            return None
        if here["service"] == fleet.service.name or not any(self._state.known_hubs()):
            return None
        return Problem(
            "state-of-another-fleet",
            f"the state folder holds the fleet {here['service']!r}, not {fleet.service.name!r}",
            place=str(self._state.path),
            why=f"it was applied from {here['root']}; its hubs would be removed",
            hint="give this fleet a state folder of its own with --state DIR and --port, "
            "or remove the other one's hubs first",
        )

    def remember_fleet(self, fleet: Fleet) -> None:
        """Write down whose hubs live in the state folder."""
        record = {"service": fleet.service.name, "root": str(fleet.root)}
        write_atomically(self._state.fleet_record, json.dumps(record) + "\n")

    def _build(
        self, hub: Hub, environment: Environment, report: Callable[[str, str], None]
    ) -> None:
        name = f"environment of {hub.name}"
        report(name, "begun")
        origin = hub.effective["environment.packages"].place or hub.place
        self._environments.build(
            environment.packages,
            environment.python,
            lambda phase: report(name, phase),
            place=origin,
        )
        report(name, "ready")

    def _environment(self, hub: Hub) -> Path | None:
        environment = hub.values.environment
        if not environment.packages:
            return None
        return self._environments.existing(environment.packages, environment.python)

    def _proxy_port(self) -> int:
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
    """Where it runs, which is not where it should run while a move is cut off half way."""
    return (living(folder) or HubSpec.read(folder.spec)).cluster

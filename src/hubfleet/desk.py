"""The fleet's desk: what the office asks of the declaration and of the running hubs.

Implements `hubfleet.office.ports.FleetDesk` over an `Installation`, and reads the declaration again
when its files change. Usable from any number of threads.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hubfleet import wiring
from hubfleet.fleet.load import FleetErrors, load_fleet
from hubfleet.fleet.model import Fleet
from hubfleet.kit.clock import now
from hubfleet.kit.errors import HubfleetError, Problem, failure
from hubfleet.meters.reading import MeterDoor, read_hub
from hubfleet.meters.samples import HubSample, Since
from hubfleet.office.ports import HubApi
from hubfleet.planning.observation import Observation
from hubfleet.planning.plan import Plan, refusals
from hubfleet.planning.schedule import Schedule
from hubfleet.platforms.platform import RollbackPreview, Snapshot
from hubfleet.platforms.remaining import ClusterRemains
from hubfleet.probes.light import Address, LightResult, check_hubs
from hubfleet.probes.verdict import ProbeResult, explained

if TYPE_CHECKING:
    from hubfleet.platforms.kubernetes.platform import KubernetesPlatform
    from hubfleet.platforms.local.platform import LocalPlatform

LOOK_AGAIN = 1.0
"""Seconds for which nobody looks at the files a second time."""

_PASSED_BY = {".git", "__pycache__", ".ipynb_checkpoints", "node_modules"}


class Desk:
    """The desk of one fleet folder and one state folder."""

    def __init__(self, installation: wiring.Installation) -> None:
        self._installation = installation
        self._lock = threading.Lock()
        self._troubles: tuple[Problem, ...] = ()
        self._seen = signature(self.root)
        self._looked = time.monotonic()

    @property
    def root(self) -> Path:
        return self._installation.fleet.root

    @property
    def state(self) -> Path:
        return self._installation.state.path

    def fleet(self) -> Fleet:
        if time.monotonic() - self._looked > LOOK_AGAIN:
            return self.reload()
        return self._installation.fleet

    def reload(self) -> Fleet:
        with self._lock:
            found = signature(self.root)
            if found != self._seen:
                try:
                    loaded = load_fleet(self.root)
                except FleetErrors as error:
                    self._troubles = error.problems
                else:
                    self._troubles = ()
                    self._installation = replace(self._installation, fleet=loaded)
                self._seen = found
            self._looked = time.monotonic()
            return self._installation.fleet

    def troubles(self) -> tuple[Problem, ...]:
        self.fleet()
        return self._troubles

    def observe(self) -> list[Observation]:
        self.fleet()
        return self._installation.observe()

    def plan(self) -> Plan:
        self.fleet()
        return self._installation.plan()

    def schedule(self, plan: Plan) -> Schedule:
        return self._installation.schedule(plan)

    def objections(self, plan: Plan) -> tuple[Problem, ...]:
        frozen = self._installation.frozen(plan)
        found = (*refusals(plan), *self._installation.objections(plan))
        return (*found, frozen) if frozen else found

    def people(self) -> Mapping[str, Sequence[str]]:
        found: dict[str, list[str]] = {}
        for line in self._installation.local.working_people():
            hub, _, user = line.partition(": ")
            found.setdefault(hub, []).append(user)
        return found

    def logs(self, hub: str, lines: int) -> list[str]:
        platform = self._installation.local
        return list(platform.logs(hub, lines=lines, follow=False))

    def probe(self, names: Sequence[str]) -> list[ProbeResult]:
        return self._installation.probe(names, 2, lambda _result: None)

    def check(self, urls: Mapping[str, str], certificate_days: int) -> list[LightResult]:
        joined, local = self._installation.joined, self._installation.local
        addresses, lost = [], []
        for hub, url in urls.items():
            if joined.of(hub) is not local:
                addresses.append(Address(hub, url))
                continue
            try:
                door = local.door(hub)
            except HubfleetError as error:
                what, hint = explained("hub", error.problems[0].what)
                lost.append(LightResult(hub, "failed", 0.0, "hub", what, hint))
            else:
                addresses.append(Address(hub, door.url, door.connect_to))
        found = asyncio.run(check_hubs(addresses, certificate_days=certificate_days))
        return [*found, *lost]

    def snapshots(self, hub: str) -> tuple[Snapshot, ...]:
        return self._installation.local.snapshots(hub)

    def preview_rollback(self, hub: str, snapshot: str) -> RollbackPreview:
        return self._installation.local.preview_rollback(hub, snapshot)

    def hub_api(self, hub: str) -> HubApi:
        door = self._platform(hub).office_door(hub)
        return HubApi(door.url, door.connect_to, door.token)

    def sample(self, hub: str, since: Since | None = None) -> HubSample:
        platform = self._platform(hub)
        door = platform.meter_door(hub)
        opened = MeterDoor(door.url, door.connect_to, door.token)
        found = read_hub(hub, opened, self.fleet().hubs[hub].values, now(), since)
        if platform is not self._installation.local:
            # A cluster tells what its pods take only where something measures it.
            return found
        takes = {(one.user, one.server): one for one in self._installation.local.server_use(hub)}
        servers = (
            replace(one, used=use.memory, cpu_seconds=use.cpu_seconds)
            if (use := takes.get((one.user, one.server)))
            else one
            for one in found.servers
        )
        return replace(found, servers=tuple(servers))

    def _platform(self, hub: str) -> LocalPlatform | KubernetesPlatform:
        kubernetes = self._installation.kubernetes
        if kubernetes is not None and self._installation.platform_of(hub) is kubernetes:
            return kubernetes
        return self._installation.local

    def remains(self, hub: str, cluster: str) -> ClusterRemains:
        kubernetes = self._installation.kubernetes
        if kubernetes is None or cluster not in kubernetes.names():
            raise failure(
                "cluster-not-declared",
                f"the cluster `{cluster}` is not declared any more",
                place=str(self.root / "clusters"),
                why=f"{hub} was on it",
                hint="look there by other means; or declare it once more, until nothing is left",
            )
        return kubernetes.remains(hub, cluster)

    def program(self) -> list[str]:
        return [sys.executable, "-m", "hubfleet"]

    def where(self) -> list[str]:
        return ["--fleet", str(self.root), "--state", str(self.state)]


def signature(root: Path) -> frozenset[tuple[str, int, int]]:
    """Changes when a file of the folder is written, made, moved or deleted."""
    found: list[tuple[str, int, int]] = []
    folders = [str(root)]
    while folders:
        try:
            entries = list(os.scandir(folders.pop()))
        except OSError:
            continue
        for entry in entries:
            try:
                if entry.is_dir(follow_symlinks=False):
                    if entry.name not in _PASSED_BY:
                        folders.append(entry.path)
                    continue
                facts = entry.stat()
            except OSError:
                continue
            found.append((entry.path, facts.st_mtime_ns, facts.st_size))
    return frozenset(found)

"""A real fleet of two hubs, looked at by the light check and, where that finds nothing, by a
person's path: what the console does by itself.
"""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hubfleet.platforms.local.control import KeeperClient
from hubfleet.platforms.local.folders import HubFolder
from hubfleet.platforms.local.servers import home_folder, home_number
from hubfleet.platforms.local.spec import HubSpec, RunRecord
from hubfleet.probes.light import Address, LightLimits, check_hubs
from hubfleet.probes.person import probe_hub
from hubfleet.probes.target import Target, TimeLimits
from hubfleet.probes.verdict import class_of
from tests.fleets import write_fleet
from tests.places import LocalPlace, local_place, until

Change = Callable[[dict[str, Any]], None]
"""Changes the values of a hub, as nested mappings."""

VICTIM, WELL = "garden/prod", "pond/prod"
HUBS = (VICTIM, WELL)


LIMITS = TimeLimits(proxy=3, hub=5, sign_in=8, kernel=15, code=10, home=10)


@dataclass(frozen=True)
class Finding:
    """What the checks say of one hub; `cause` is a class, empty for a healthy hub."""

    hub: str
    verdict: str
    cause: str
    what: str
    seconds: float


@dataclass(frozen=True)
class Fault:
    """One kind: how it is put in and taken back, which class names it, and which hubs it hits.

    One that hits no hub is told by the place itself, with the words `said`.
    """

    name: str
    cause: str
    put: Callable[[Lab], AbstractContextManager[None]]
    hits: tuple[str, ...] = (VICTIM,)
    quick: bool = False
    said: str = ""
    mounts: bool = False
    """It needs a file system of its own."""
    limits: bool = False
    """It needs limits on memory."""


@dataclass
class Lab:
    """The place, and what stands between the probe and the hubs."""

    place: LocalPlace
    fleet: Path
    doors: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """Hub to what its `Target` has instead: `url`, `connect_to`, `token`."""
    trusted: ssl.SSLContext | None = None
    fixed: dict[str, Target] = field(default_factory=dict)
    """Targets as they were, while the files that tell them are damaged."""
    limits: TimeLimits = field(default_factory=lambda: LIMITS)

    def folder(self, hub: str = VICTIM) -> HubFolder:
        return self.place.state.hub(hub)

    def client(self) -> KeeperClient:
        return KeeperClient(self.place.state)

    def target(self, hub: str) -> Target:
        if hub in self.fixed:
            return self.fixed[hub]
        door = self.place.platform().door(hub)
        made = Target(hub, door.url, door.connect_to, door.user, door.token)
        return replace(made, **self.doors.get(hub, {}))

    def look(self, *hubs: str) -> dict[str, Finding]:
        """At both hubs at the same time, unless some are named."""
        names = hubs or HUBS
        with ThreadPoolExecutor(len(names)) as crew:
            return dict(zip(names, crew.map(self._look, names), strict=True))

    def look_again(self, found: Mapping[str, Finding], *but: str) -> dict[str, Finding]:
        """Ask those once more that are not healthy, but for these: only what is found twice counts,
        as the console counts before it is sure.
        """
        doubted = [hub for hub, one in found.items() if one.cause and hub not in but]
        return {**found, **(self.look(*doubted) if doubted else {})}

    def _look(self, hub: str) -> Finding:
        target = self.target(hub)
        light = asyncio.run(self._light(target))
        if light.verdict != "healthy":
            return light
        found = asyncio.run(probe_hub(target, limits=self.limits))
        return Finding(hub, found.verdict, class_of(found.cause), found.cause, found.seconds)

    async def _light(self, target: Target) -> Finding:
        address = Address(target.hub, target.url, target.connect_to)
        limits = LightLimits(connect=2, answer=4)
        [found] = await check_hubs([address], limits=limits, context=self.trusted)
        return Finding(target.hub, found.verdict, found.cause, found.what, found.seconds)

    def glance(self, hub: str) -> Finding:
        """By the light check alone."""
        return asyncio.run(self._light(self.target(hub)))

    def answers(self, *hubs: str) -> bool:
        """Whether these hubs answer to a light check."""
        return all(self.glance(hub).verdict == "healthy" for hub in hubs or HUBS)

    # What faults do.

    def pid(self, hub: str = VICTIM) -> int:
        return RunRecord.read(self.folder(hub).run).pid

    def home(self) -> Path:
        """Of the probe's user, on the victim."""
        folder = self.folder().path
        return home_folder(folder, home_number(folder, self.target(VICTIM).user))

    @contextmanager
    def keeper_asleep(self) -> Iterator[None]:
        """Nobody puts right what is broken meanwhile."""
        keeper = self.client().facts().pid
        os.kill(keeper, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(keeper, signal.SIGCONT)

    @contextmanager
    def changed(self, change: Change, *, up: bool = True) -> Iterator[None]:
        """The victim runs with other values, as if it had been declared so and nobody had looked.

        `up` False: it is not expected to answer with them.
        """
        before = HubSpec.read(self.folder().spec)
        values = deepcopy(before.values)
        change(values)
        try:
            self.run(replace(before, values=values, revision=before.revision + 1), up=up)
            yield
        finally:
            self.run(replace(before, revision=before.revision + 2))

    def run(self, spec: HubSpec, *, up: bool = True) -> None:
        spec.write(self.folder().spec)
        self.client().start(VICTIM)
        if up:
            until(lambda: self._runs(spec.revision) and self.answers(VICTIM), "the hub", 60)
        else:
            until(lambda: not self.answers(VICTIM), "the hub to fail", 60)

    def _runs(self, revision: int) -> bool:
        told = RunRecord.read(self.folder().run).spec or {}
        return told.get("revision") == revision


@contextmanager
def open_lab(folder: Path) -> Iterator[Lab]:
    """Two hubs on two clusters of one machine, both healthy."""
    fleet = folder / "fleet"
    write_fleet(fleet, {VICTIM: {}, WELL: {"cluster": "cove"}})
    with local_place(folder / "state") as place:
        done = place.run("apply", "--yes", "--without-probes", fleet=fleet)
        assert done.returncode == 0, done.stderr
        lab = Lab(place, fleet)
        until(lab.answers, "both hubs", 60)
        yield lab


@dataclass
class Outcome:
    """One fault: what was found while it was there, and after it was taken back."""

    fault: Fault
    during: dict[str, Finding]
    after: dict[str, Finding]
    remarks: tuple[str, ...] = ()

    @property
    def detected(self) -> bool:
        """Every hub that it hits is reported, or the place itself says so."""
        if not self.fault.hits:
            return any(self.fault.said in remark for remark in self.remarks)
        return all(self.during[hub].verdict != "healthy" for hub in self.fault.hits)

    @property
    def named(self) -> bool:
        """Every one with the right cause."""
        return all(self.during[hub].cause == self.fault.cause for hub in self.fault.hits)

    @property
    def false_alarms(self) -> tuple[str, ...]:
        """Healthy hubs that are reported, meanwhile or afterwards."""
        wrong = [hub for hub in HUBS if hub not in self.fault.hits and self.during[hub].cause]
        return (*wrong, *(hub for hub in self.after if self.after[hub].cause))


def undergo(lab: Lab, fault: Fault, *, quick: bool = False) -> Outcome:
    """Put the fault in, look, take it back, and wait until both hubs answer again.

    `quick` looks by the light check alone at hubs that are not hit, and not afterwards.
    """
    with fault.put(lab):
        if quick:
            during = lab.look(*fault.hits)
            others = tuple(hub for hub in HUBS if hub not in fault.hits)
            during |= {hub: lab.glance(hub) for hub in others}
        else:
            during = lab.look_again(lab.look(), *fault.hits)
        remarks = lab.place.platform().remarks()
    until(lab.answers, f"the hubs after: {fault.name}", 90)
    return Outcome(fault, during, {} if quick else lab.look_again(lab.look()), remarks)

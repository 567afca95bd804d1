"""A platform that only pretends: hubs are records, acts are waits, failures are scripted.

It comes with the product: `apply --dry-run` walks the real engine over it, and the laws of rollouts
are tested on it. `Script` says how long things take and what goes wrong, in code or in YAML:

    all: {act: 3, probe_seconds: 4}
    hubs:
      garden/staging: {verdict: failed}
      tent/*: {cold: 1, act: 8}

With the sleep of a virtual clock nothing takes any time; with a world that has a file, a killed
process leaves what a crash leaves: an act that was begun and not ended.
What it cannot offer: a page that answers (`door` leads nowhere), passwords, and a log with causes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Literal, assert_never

from hubfleet.fleet.model import Hub
from hubfleet.kit import clock
from hubfleet.kit.clock import timestamp
from hubfleet.kit.errors import HubfleetError, Problem, TransientError, failure
from hubfleet.planning.observation import Observation
from hubfleet.planning.steps import CreateHub, Reason, RemoveHub, StartHub, Step, UpdateHub
from hubfleet.platforms.platform import (
    Door,
    OtherSoftware,
    Outcome,
    Report,
    RollbackPreview,
    SignIn,
    Snapshot,
)
from hubfleet.platforms.simulated_script import Script
from hubfleet.platforms.simulated_world import SimulatedHub, World


class SimulatedPlatform:
    """Safe for several threads. `sleep` is what an act waits with."""

    def __init__(
        self,
        world: World,
        script: Script | None = None,
        sleep: Callable[[float], None] = time.sleep,
        software: Mapping[str, str] | None = None,
    ) -> None:
        self.world = world
        self.script = script or Script()
        self._sleep = sleep
        self._software = dict(software or {})
        self._failures: dict[str, int] = {}
        self._looks: dict[str, int] = {}

    def clusters(self) -> frozenset[str]:
        return frozenset(hub.cluster for hub in self.world.hubs.values())

    def observe(self, cluster: str) -> Observation:
        seen = {
            name: hub.observed(name)
            for name, hub in sorted(self.world.hubs.items())
            if hub.cluster == cluster
        }
        return Observation(cluster, seen, dict(self._software))

    def objections(self, hubs: Sequence[Hub]) -> tuple[Problem, ...]:
        return ()

    def prepare(self, hubs: Sequence[Hub], report: Callable[[str, str], None]) -> None:
        pass

    def perform(self, step: Step, report: Report) -> Outcome:
        match step:
            case CreateHub(hub) | UpdateHub(hub) | StartHub(hub):
                return self._place(hub, report)
            case RemoveHub(name):
                return self._remove(name, report)
            case _:
                assert_never(step)

    def snapshot(self, hub: str) -> Snapshot:
        self._sleep(self.script.of(hub).snapshot)
        if self.script.of(hub).snapshot_fails:
            raise failure(
                "snapshot-not-written",
                f"the snapshot of {hub} cannot be written",
                why="the script says so",
                hint="this is a simulation: change its script",
            )
        return self.world.keep(hub, self._existing(hub))

    def snapshots(self, hub: str) -> tuple[Snapshot, ...]:
        return tuple(one for one, _ in self.world.snapshots.values() if one.hub == hub)

    def discard_snapshots(self, hub: str) -> tuple[Snapshot, ...]:
        return ()

    def preview_rollback(
        self, hub: str, snapshot: str, *, put_database_back: bool = False
    ) -> RollbackPreview:
        kept, before = self.world.kept(snapshot)
        now = self._existing(hub)
        changes = tuple(
            Reason(key, now.values.get(key), before.values.get(key))
            for key in sorted({*now.values, *before.values})
            if now.values.get(key) != before.values.get(key)
        )
        return RollbackPreview(kept, changes, False, ("Everything is kept.",), ())

    def roll_back(
        self,
        hub: str,
        snapshot: str,
        report: Report,
        *,
        other_software: OtherSoftware = "refuse",
        put_database_back: bool = False,
    ) -> Outcome:
        _, before = self.world.kept(snapshot)
        now = self.world.hubs.get(hub)
        back = replace(before, revision=now.revision if now else before.revision, state="running")
        if now == back:
            return Outcome(False, now.revision, now.url)
        report("restoring")
        self._sleep(self.script.of(hub).roll_back)
        if self.script.of(hub).roll_back_fails:
            raise failure("hub-did-not-come-up", f"{hub} did not come up", why="the script says so")
        back = replace(back, revision=back.revision + 1)
        self.world.put(hub, back, "roll-back")
        return Outcome(True, back.revision, back.url)

    def close(self, hub: str, seconds: float, _report: Report = lambda _: None) -> float:
        if not self._existing(hub).closing:
            until = timestamp(clock.now() + timedelta(seconds=seconds))
            self.world.close(hub, until)
        return seconds

    def reopen(self, hub: str) -> None:
        self.world.close(hub, "")

    def people(self, hub: str) -> tuple[str, ...]:
        script = self.script.of(hub)
        left = script.people - (0 if script.stay else self._looks.get(hub, 0))
        self._looks[hub] = self._looks.get(hub, 0) + 1
        return tuple(f"person-{number}" for number in range(1, left + 1))

    def door(self, hub: str) -> Door:
        return Door(hub, self._existing(hub).url, None, "hubfleet-probe", "simulated")

    def sign_in(self, hub: str) -> SignIn:
        self._existing(hub)
        return SignIn(hub, "shared-password")

    def logs(self, hub: str, *, lines: int, follow: bool) -> Iterator[str]:
        self._existing(hub)
        yield from [f"{hub} is simulated"][:lines]

    def remarks(self) -> Iterable[str]:
        return ("Nothing here is real: this is a simulation.",)

    def _place(self, hub: Hub, report: Report) -> Outcome:
        now = self.world.hubs.get(hub.name)
        values, software = hub.flat(), self._software
        url = f"http://{hub.domain}/"
        same = now is not None and (now.values, now.software) == (values, software)
        if now and now.state == "running" and same:
            if now.closing:
                self.world.close(hub.name, "")
            return Outcome(False, now.revision, now.url)
        script = self.script.of(hub.name)
        report("restarting" if now else "starting")
        self.world.begin(hub.name, hub.cluster, url)
        self._sleep(script.act / 2)
        self._fail_if_scripted(hub.name)
        report("waiting for its page")
        self._sleep(script.act / 2)
        revision = now.revision if now and same else (now.revision if now else 0) + 1
        changed = not same or (now is not None and now.changed)
        made = SimulatedHub(
            hub.cluster, "running", values, software, revision, url, timestamp(), changed
        )
        self.world.put(hub.name, made, "apply")
        return Outcome(True, revision, url)

    def _fail_if_scripted(self, hub: str) -> None:
        script = self.script.of(hub)
        if self._failures.get(hub, 0) < script.transient:
            self._failures[hub] = self._failures.get(hub, 0) + 1
            raise TransientError(
                Problem("simulated-hiccup", f"{hub} was out of reach", why="the script says so")
            )
        if script.act_fails:
            self.world.crash(hub)
            raise failure(
                "hub-did-not-come-up",
                f"{hub} did not come up",
                why="the script says so",
                hint="this is a simulation: change its script",
            )

    def _remove(self, name: str, report: Report) -> Outcome:
        if name not in self.world.hubs:
            return Outcome(False, 0, "")
        report("stopping the hub")
        self._sleep(self.script.of(name).act)
        gone = self.world.remove(name)
        return Outcome(True, gone.revision, "")

    def _existing(self, hub: str) -> SimulatedHub:
        if hub not in self.world.hubs:
            raise unknown(hub)
        return self.world.hubs[hub]


class Probes:
    """What a probe finds in a world: the script's verdict for what was changed, else healthy."""

    def __init__(self, world: World, script: Script) -> None:
        self._world = world
        self._script = script
        self._asked: dict[tuple[str, int], int] = {}

    def __call__(self, hub: str) -> tuple[Literal["healthy", "degraded", "failed"], float]:
        script, here = self._script.of(hub), self._world.hubs.get(hub)
        if here is None or here.state != "running":
            return "failed", script.probe_seconds
        if not (here.changed or script.always):
            return "healthy", script.probe_seconds
        asked = self._asked.get((hub, here.revision), 0) + 1
        self._asked[hub, here.revision] = asked
        verdict = "failed" if asked <= script.cold else script.verdict
        return verdict, script.probe_seconds


def unknown(hub: str) -> HubfleetError:
    """A hub that the world does not hold."""
    return failure(
        "unknown-hub",
        f"no hub called {hub!r} exists here",
        hint="this is a simulation: only what was there at its start exists",
    )

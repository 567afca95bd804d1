"""A running fleet as a script: the real declaration, observations that a test makes up.

`ScriptedDesk` is the fake of `office.ports.FleetDesk`; `remember` writes a past into the tables.
As a program it serves a console over both, for browser tests and benchmarks:
`python -m tests.scripted FLEET STATE PORT`.
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubfleet import wiring
from hubfleet.desk import Desk
from hubfleet.fleet.model import Hub
from hubfleet.kit.clock import now, timestamp
from hubfleet.kit.errors import failure
from hubfleet.meters.samples import HubSample, Since
from hubfleet.planning.observation import Observation, ObservedHub, State
from hubfleet.planning.plan import Plan, make_plan
from hubfleet.platforms.platform import Snapshot
from hubfleet.probes.light import LightResult
from hubfleet.probes.verdict import STAGES, Cause, ProbeResult, Stage, explained, result

if TYPE_CHECKING:
    from hubfleet.office.ledger.ledger import Ledger

PASSWORD = "correct horse battery"


class ScriptedDesk(Desk):
    """Every declared hub runs as declared; `states`, `gone` and `old` say what does not."""

    def __init__(self, installation: wiring.Installation) -> None:
        super().__init__(installation)
        self.states: dict[str, tuple[State, str]] = {}
        """Hub to state and note."""
        self.gone: set[str] = set()
        self.old: dict[str, dict[str, Any]] = {}
        """Hub to values that it was started with and that differ from the declaration."""
        self.busy: dict[str, list[str]] = {}
        self.lines: dict[str, list[str]] = {}
        self.failing: set[str] = set()
        """Hubs whose person's path fails at the kernel."""
        self.troubled: dict[str, Cause] = {}
        """Hub to the cause for which its light check fails."""
        self.samples: dict[str, HubSample] = {}
        """What a reading of a hub says; of others nobody knows anything."""
        self.asked_since: dict[str, Since | None] = {}
        self.away = False

    def observe(self) -> list[Observation]:
        fleet = self.fleet()
        if self.away:
            raise failure("platform-away", "the platform does not answer", hint="wait")
        software = {"jupyterhub": "6.1.1"}
        return [
            Observation(
                cluster,
                {
                    name: self._observed(hub, software)
                    for name, hub in fleet.hubs.items()
                    if hub.cluster == cluster and name not in self.gone
                },
                software,
                8000,
            )
            for cluster in fleet.clusters
        ]

    def _observed(self, hub: Hub, software: Mapping[str, str]) -> ObservedHub:
        state, note = self.states.get(hub.name, ("running", ""))
        values = {**hub.flat(), **self.old.get(hub.name, {})}
        url = f"http://{hub.domain}:8000/"
        return ObservedHub(
            hub.name, hub.cluster, state, values, software, 3, url, "2026-03-01T09:00:00Z", note
        )

    def plan(self) -> Plan:
        return make_plan(self.fleet(), self.observe())

    def people(self) -> Mapping[str, Sequence[str]]:
        return self.busy

    def logs(self, hub: str, lines: int) -> list[str]:
        return self.lines.get(hub, [])[-lines:]

    def probe(self, names: Sequence[str]) -> list[ProbeResult]:
        return [probed(name, ok=name not in self.failing) for name in names]

    def check(self, urls: Mapping[str, str], certificate_days: int) -> list[LightResult]:
        away = {name: "hub" for name, (state, _) in self.states.items() if state != "running"}
        causes: dict[str, Cause] = {**away, **self.troubled}  # type: ignore[dict-item]
        return [checked(name, causes.get(name)) for name in urls]

    def sample(self, hub: str, since: Since | None = None) -> HubSample:
        self.asked_since[hub] = since
        if hub not in self.samples:
            raise failure("hub-not-read", f"the use of {hub} cannot be read", hint="wait")
        return self.samples[hub]

    def snapshots(self, hub: str) -> tuple[Snapshot, ...]:
        return (Snapshot(hub, "2-b", 2, "2026-03-01T09:00:00Z", 1000, ""),)


def checked(hub: str, cause: Cause | None = None) -> LightResult:
    """A light check's result: healthy, or failed for a cause."""
    if cause is None:
        return LightResult(hub, "healthy", 0.004)
    what, hint = explained(cause, "the script says so")
    return LightResult(hub, "failed", 0.004, cause, what, hint)


def probed(hub: str, *, ok: bool = True, pace: float = 1.0) -> ProbeResult:
    """A probe's result: healthy, or with a kernel that does not start."""
    usual = (0.002, 0.011, 0.04, 0.21, 1.9, 0.32, 1.15, 0.02, 0.05, 0.6)
    stages = []
    for name, seconds in zip(STAGES, usual, strict=True):
        if not ok and name == "kernel":
            stages.append(Stage(name, False, 10.0, "the kernel died before it answered"))
            break
        stages.append(Stage(name, True, seconds * pace, "ok"))
    return result(hub, sum(stage.seconds for stage in stages), stages)


def remember(desk: Desk, *, days: int = 90, seed: int = 7) -> None:
    """Measured days, probes, and one rollout with its revisions, the same for each seed."""
    from hubfleet.office.watching.models import HubDay, ProbeRecord

    chance = random.Random(seed)
    rows, records, present = [], [], now()
    for name in desk.fleet().hubs:
        for back in range(days):
            day = (present - timedelta(days=back)).date()
            down = chance.choice([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 30, 600, 9000])
            if back not in (40, 41):
                rows.append(HubDay(hub=name, day=day, up=86400 - down, down=down))
        for back in range(12, 0, -1):
            found = probed(name, ok=chance.random() > 0.04, pace=0.7 + chance.random())
            records.append(
                ProbeRecord(
                    hub=name, at=present - timedelta(hours=2 * back), verdict=found.verdict,
                    seconds=found.seconds, stages=[stage.as_json() for stage in found.stages],
                    cause=found.cause, hint=found.hint, asked_by="eve",
                )
            )  # fmt: skip
    HubDay.objects.bulk_create(rows, batch_size=500, ignore_conflicts=True)
    ProbeRecord.objects.bulk_create(records, batch_size=500)


def remember_use(desk: Desk, *, days: int = 90, seed: int = 11, people: int = 14) -> None:
    """A past of use: more on working days, with nobody on some hubs; the same for each seed."""
    from hubfleet.office.usage.models import People, UseDay
    from hubfleet.office.usage.periods import KINDS, start_of

    chance, today = random.Random(seed), now().date()
    sums: list[UseDay] = []
    there: dict[tuple[str, str, str, date], set[str]] = {}
    peaks: dict[tuple[str, date], int] = {}
    starts: dict[tuple[str, date], list[Any]] = {}
    for name, hub in desk.fleet().hubs.items():
        size = chance.choice([0, 2, people // 2, people, people])
        for back in range(days):
            day = today - timedelta(days=back)
            share = chance.random() * (1.0 if day.weekday() < 5 else 0.2)
            here = {f"person-{number}" for number in range(size) if chance.random() < share}
            if not here:
                continue
            hours = sum(chance.uniform(0.3, 7) for _ in here)
            peak = max(1, len(here) * 2 // 3)
            spawns: list[list[Any]] = [
                ["2.0", len(here) // 2],
                ["10.0", len(here)],
                ["inf", len(here)],
            ]
            sums.append(
                UseDay(
                    scope=name, community=hub.community, day=day, sessions=len(here) + 1,
                    server_hours=hours, requested=2 * hours, used=0.7 * hours, measured=hours,
                    cpu=hours / 9, peak=peak, spawns=spawns, failed=chance.random() < 0.03,
                )
            )  # fmt: skip
            for scope in (hub.community, ""):
                peaks[(scope, day)] = peaks.get((scope, day), 0) + peak
                before = starts.get((scope, day)) or [[bound, 0] for bound, _ in spawns]
                starts[(scope, day)] = [
                    [bound, count + more]
                    for (bound, count), (_, more) in zip(before, spawns, strict=True)
                ]
            for kind in KINDS:
                for scope in (name, hub.community):
                    period = (hub.community, scope, kind, start_of(kind, day))
                    there.setdefault(period, set()).update(here)
    sums += [
        UseDay(scope=scope, community=scope, day=day, peak=peak, spawns=starts[(scope, day)])
        for (scope, day), peak in peaks.items()
    ]
    counts = [
        People(community=community, scope=scope, kind=kind, start=start, count=len(found))
        for (community, scope, kind, start), found in there.items()
    ]
    UseDay.objects.bulk_create(sums, batch_size=1000)
    People.objects.bulk_create(counts, batch_size=1000)


def roll_out(
    ledger: Ledger, hubs: Sequence[Hub], name: str, why: str, *, at: datetime, end: bool = True,
    failed: Sequence[str] = (), revision: int = 3,
) -> None:  # fmt: skip
    """A rollout as the engine would write it down; without an `end` it is still under way."""
    from hubfleet.rollout.ports import (
        ActEnded,
        ActIntended,
        Fate,
        HubSettled,
        PlannedStep,
        RevisionMade,
        RolloutBegun,
        RolloutEnded,
    )

    def stamp(seconds: float) -> str:
        return timestamp(at + timedelta(seconds=seconds))

    steps = tuple(
        PlannedStep(hub.name, hub.cluster, "update", 0 if hub.stage == "staging" else 1)
        for hub in hubs
    )
    ledger.write(RolloutBegun(name, stamp(0), "0f3a9c52b7e41d68", "d" * 64, "eve", why, steps))
    done = hubs if end else hubs[: len(hubs) // 2]
    for number, hub in enumerate(hubs if end else hubs[: len(hubs) // 2 + 2]):
        ledger.write(ActIntended(name, stamp(number), hub.name, "update"))
        if hub not in done:
            continue
        ok = hub.name not in failed
        problem = {
            "code": "hub-did-not-start", "what": f"{hub.name} did not start", "place": None,
            "why": "its configuration names a class that does not exist",
            "hint": "mend `jupyterhub.config`, then apply again",
        }  # fmt: skip
        ledger.write(
            ActEnded(
                name, stamp(number + 5), hub.name, "update", ok, True, revision, 4.2,
                problems=() if ok else (problem,),
            )
        )  # fmt: skip
        if ok:
            values = {key: value for key, value in hub.flat().items() if value is not None}
            ledger.write(
                RevisionMade(
                    name, stamp(number + 6), hub.name, revision, "update", "d" * 64,
                    {**values, "limits.memory": "1G"} if revision == 2 else values, "",
                    {"jupyterhub": "6.1.1"}, "eve", why, stamp(number), 4.2,
                    probe=probed(hub.name).as_json(),
                )
            )  # fmt: skip
        fate: Fate = "done" if ok else "rolled-back"
        ledger.write(HubSettled(name, stamp(number + 7), hub.name, fate, "" if ok else "it failed"))
    if end:
        ledger.write(RolloutEnded(name, stamp(len(hubs) + 10), not failed))


def open_scripted(fleet: Path, state: Path, address: str, **more: Any) -> ScriptedDesk:
    """Start the office of this process over a scripted desk, with an empty past."""
    from hubfleet import __version__
    from hubfleet.office import ports
    from hubfleet.office.site.launch import Launch, prepare_database, start

    desk = ScriptedDesk(wiring.open_installation(fleet, state))
    names = ("localhost", "127.0.0.1", "testserver")
    database = os.environ.get("HUBFLEET_DATABASE")
    launch = Launch(desk.state, address, __version__, database, names, **more)
    desk.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    start(launch)
    prepare_database(launch)
    ports.install(desk)
    return desk


def person(login: str, *staff: str, name: str = "") -> Any:
    """An account with a verified address and the usual password."""
    from allauth.account.models import EmailAddress

    from hubfleet.office.accounts.models import Person, StaffRole

    made = Person.objects.create_user(
        login, f"{login}@example.org", PASSWORD, name=name or f"{login.title()} Example"
    )
    EmailAddress.objects.create(user=made, email=made.email, verified=True, primary=True)
    for role in staff:
        StaffRole.objects.create(person=made, role=role, granted_by="test")
    return made


def bad_weather(desk: ScriptedDesk) -> None:
    """A fleet on an ordinary day: most is well, a few things are not, a change is waiting."""
    names = list(desk.fleet().hubs)
    chance = random.Random(3)
    for name in names:
        desk.samples[name] = HubSample(name, now(), ())
        desk.busy[name] = [f"person-{number}" for number in range(chance.choice([0, 0, 2, 5, 11]))]
        desk.lines[name] = [
            f"[I 2026-03-01 09:{minute:02d}:11.103 JupyterHub app:3778] 200 GET /hub/health"
            for minute in range(60)
        ]
    if len(names) > 6:
        desk.states[names[2]] = ("crashed", "ended with exit code 1; tried again in 40 s")
        desk.states[names[5]] = ("starting", "")
        desk.gone.add(names[6])
        desk.old[names[1]] = {"limits.memory": "1G"}
        desk.old[names[3]] = {"culling.idle": "2h"}
        desk.failing.add(names[4])


def paged(hubs: Sequence[Hub]) -> None:
    """Somebody has one page, nobody has the other yet."""
    from hubfleet.office.oncall import escalating, paging

    text = "Three checks in a row had no answer."
    for hub, priority in zip(hubs, ("P2", "P1"), strict=False):
        told = {"hub": hub.name, "community": hub.community, "priority": priority}
        words = {"summary": f"{hub.name} does not answer", "text": text, "url": ""}
        paging.page(f"hubfleet/{hub.name}/down", **told, **words)
    escalating.work()
    for hub in hubs[:1]:
        paging.acknowledge(f"hubfleet/{hub.name}/down", "eve")


def incidents(desk: ScriptedDesk) -> None:
    """One under way that the public knows of, one that nobody took, one over with its report."""
    from hubfleet.office.audit.record import Actor
    from hubfleet.office.incidents import acting, intake, reports, roles

    fleet, eve, names = desk.fleet(), Actor("eve"), list(desk.fleet().hubs)
    past = acting.declare(eve, fleet, names[:2], kind="home-full", text="Nobody can save a file")
    acting.acknowledge(eve, past.pk)
    acting.say(eve, fleet, past.pk, "Old snapshots filled the disk", kind="hypothesis")
    acting.say(eve, fleet, past.pk, "We made room.", public="monitoring")
    acting.resolve(eve, fleet, past.pk, "deleted old snapshots", unverified="seen by eve")
    reports.set_action(eve, past.pk, "Watch the disk", kind="detect", owner="eve")
    begun = now() - timedelta(minutes=42)
    cluster = fleet.hubs[names[2]].cluster
    ailing = [name for name in names if fleet.hubs[name].cluster == cluster][:3]
    told = [intake.Turned(name, "down", "hub", f"{name} does not answer", begun) for name in ailing]
    (number,) = intake.turned(told, fleet, begun + timedelta(minutes=3)).incidents
    acting.acknowledge(eve, number)
    acting.correct(eve, number, channel="#incident-2", users_affected=12)
    acting.say(eve, fleet, number, "We are looking into it.", public="investigating")
    acting.say(eve, fleet, number, "The node may be out of memory", kind="hypothesis")
    roles.offer(eve, number, "communications", "ada")
    intake.turned([intake.Turned(names[-1], "degraded", "spawner", "slow", now())], fleet)


def main(fleet: Path, state: Path, port: int) -> None:
    from hubfleet import __version__
    from hubfleet.office.site import serving
    from hubfleet.office.site.opening import open_ledger

    listener = serving.listen("127.0.0.1", port)
    address = f"http://localhost:{listener.getsockname()[1]}"
    desk = open_scripted(fleet, state, address)
    bad_weather(desk)
    remember(desk)
    remember_use(desk)
    hubs = list(desk.fleet().hubs.values())
    paged(hubs[:2])
    with open_ledger(state, os.environ.get("HUBFLEET_DATABASE"), version=__version__) as ledger:
        past = now() - timedelta(days=3)
        roll_out(ledger, hubs[:12], "r-20260301-first", "Bring the hubs up", at=past, revision=2)
        failed = [hubs[1].name] if len(hubs) > 1 else []
        roll_out(
            ledger, hubs[:8], "r-20260302-memory", "More memory for the course",
            at=past + timedelta(days=2), failed=failed,
        )  # fmt: skip
        roll_out(
            ledger, hubs[:10], "r-20260303-now", "New JupyterLab",
            at=now() - timedelta(seconds=40), end=False, revision=4,
        )  # fmt: skip
    person("eve", "engineer", "leadership", name="Eve Engineer")
    person("ada", name="Ada Example")
    person("bo", name="Bo Example")
    incidents(desk)
    sys.stdout.write(f"{address}\n")
    sys.stdout.flush()
    serving.serve(listener, lambda: None)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))

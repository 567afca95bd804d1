"""Kill -9 of rollouts at random moments, resumed until they end: is the end always the same?

`python -m tests.crashes --kills 300` is a program of its own, because it forks: each run of a
rollout is a child process with a world and a journal in files. Half of the children are killed at
their n-th write or wait, so that every gap between two acts and the inside of acts is hit; the
other half by a timer. `--forgetful` breaks the journal on purpose: that must be found.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hubfleet.fleet.model import Fleet, Hub
from hubfleet.planning.plan import declaration_digest, make_plan
from hubfleet.planning.schedule import schedule
from hubfleet.platforms.simulated import Probes, SimulatedPlatform
from hubfleet.platforms.simulated_script import HubScript, Script
from hubfleet.platforms.simulated_world import SimulatedHub, World
from hubfleet.probes.simulated import SimulatedProber
from hubfleet.rollout import engine
from hubfleet.rollout.course import Means
from hubfleet.rollout.crew import ThreadCrew
from hubfleet.rollout.events import nobody
from hubfleet.rollout.journal import FileJournal
from hubfleet.rollout.lease import RecordedLease
from hubfleet.rollout.ports import ActIntended, HubSettled, RolloutEnded
from tests.unit.planning.worlds import SOFTWARE, a_fleet, a_hub

CLUSTERS = ("dune", "reef")
MOST_RESUMES = 60


class Bomb:
    """Kills this process at the n-th call; 0 never does."""

    def __init__(self, at: int) -> None:
        self._left = at

    def tick(self) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


class CrashingWorld(World):
    def __init__(self, path: Path, bomb: Bomb) -> None:
        super().__init__(path)
        self._bomb = bomb

    def _write(self) -> None:
        self._bomb.tick()
        super()._write()
        self._bomb.tick()


class CrashingJournal(FileJournal):
    def __init__(self, path: Path, bomb: Bomb, *, forgetful: bool) -> None:
        super().__init__(path)
        self._bomb = bomb
        self._forgetful = forgetful

    def write_all(self, together: list[Any]) -> None:
        self._bomb.tick()
        super().write_all(together)
        self._bomb.tick()

    def cut_off(self) -> Any:
        return None if self._forgetful else super().cut_off()


def case(seed: int) -> tuple[Fleet, dict[str, Hub], Script]:
    """A fleet, what it was before, and what goes wrong: the same for the same seed."""
    choose = random.Random(seed)
    before: dict[str, Hub] = {}
    after: list[Hub] = []
    scripts: dict[str, HubScript] = {}
    for community in ("ant", "bee", "cat"):
        for short in ("stage", "prod", "more"):
            name, cluster = f"{community}/{short}", choose.choice(CLUSTERS)
            stage = "staging" if short == "stage" else "production"
            gate = None if short == "stage" else f"{community}/stage"
            if choose.random() < 0.8:
                before[name] = a_hub(name, cluster, stage=stage, gate=gate, memory="1G")
            if choose.random() < 0.9 or short == "stage":
                after.append(a_hub(name, cluster, stage=stage, gate=gate, memory="2G"))
            scripts[name] = HubScript(
                act=0.004,
                snapshot=0.001,
                roll_back=0.003,
                probe_seconds=0.002,
                act_fails=choose.random() < 0.1,
                snapshot_fails=choose.random() < 0.05,
                verdict=choose.choice(["healthy", "healthy", "healthy", "failed"]),
            )
    parallel = choose.choice([1, 3, 6])
    policy = {"max_parallel": parallel, "stop_after_failures": 99, "attempts": 1}
    return a_fleet(*after, **policy), before, Script(HubScript(), scripts)


def prepare(folder: Path, seed: int) -> None:
    _, before, _ = case(seed)
    world = World(folder / "world.json")
    for name, hub in before.items():
        made = SimulatedHub(
            hub.cluster, "running", hub.flat(), SOFTWARE, 1, f"http://{hub.domain}/"
        )
        world.put(name, made, "before")


def roll_out(folder: Path, seed: int, kill_at: int, *, forgetful: bool) -> None:
    """One run, as `apply` does it: observe, plan, go on with what was cut off."""
    fleet, _, script = case(seed)
    bomb, crew = Bomb(kill_at), ThreadCrew()

    def sleep(seconds: float) -> None:
        bomb.tick()
        time.sleep(seconds)

    world = CrashingWorld(folder / "world.json", bomb)
    journal = CrashingJournal(folder / "journal.jsonl", bomb, forgetful=forgetful)
    platform = SimulatedPlatform(world, script, sleep, SOFTWARE)
    plan = make_plan(fleet, [platform.observe(name) for name in CLUSTERS])
    cut = journal.cut_off()
    if not plan.steps and cut is None:
        return
    means = Means(
        dict.fromkeys(CLUSTERS, platform),
        journal,
        RecordedLease(folder / "lease.json", "ada@reef"),
        crew,
        SimulatedProber(Probes(world, script), sleep),
    )
    order = engine.Order(
        schedule(plan, fleet.rollout),
        fleet.rollout,
        fleet.hubs,
        plan.fingerprint,
        declaration_digest(fleet),
        cut_off=cut,
    )
    engine.run(order, means, nobody)


def in_a_child(
    folder: Path, seed: int, *, kill_at: int = 0, kill_after: float = 0.0, forgetful: bool = False
) -> bool:
    """Whether the run was killed."""
    pid = os.fork()
    if pid == 0:
        code = 70
        try:
            roll_out(folder, seed, kill_at, forgetful=forgetful)
            code = 0
        finally:
            os._exit(code)
    if kill_after:
        time.sleep(kill_after)
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        return True
    if os.WEXITSTATUS(status):
        raise SystemExit(f"a run ended with {os.WEXITSTATUS(status)}: seed {seed}")
    return False


@dataclass
class Tally:
    """What was seen; `faults` are broken promises."""

    kills: int = 0
    cases: int = 0
    resumes: int = 0
    faults: list[str] = field(default_factory=list)


def state(folder: Path) -> dict[str, Any]:
    """What must be the same: what every hub runs, and what was done to it for good."""
    facts = json.loads((folder / "world.json").read_text())
    hubs = {
        name: [hub["values"], hub["state"], hub["revision"]] for name, hub in facts["hubs"].items()
    }
    return {"hubs": hubs, "done": sorted(map(list, facts["history"]))}


def has_ended(folder: Path) -> bool:
    """Whether the kill came after the last word: the next run would be another rollout."""
    entries = FileJournal(folder / "journal.jsonl").read()
    return bool(entries) and isinstance(entries[-1], RolloutEnded)


def one_case(seed: int, tally: Tally, choose: random.Random, *, forgetful: bool) -> None:
    """Undisturbed once, then killed again and again until it ends: both must end alike."""
    with tempfile.TemporaryDirectory() as plain, tempfile.TemporaryDirectory() as killed:
        for folder in (plain, killed):
            prepare(Path(folder), seed)
        in_a_child(Path(plain), seed)
        for _ in range(MOST_RESUMES):
            at = choose.randint(1, 60) if choose.random() < 0.5 else 0
            after = 0.0 if at else choose.uniform(0.005, 0.15)
            was_killed = in_a_child(
                Path(killed), seed, kill_at=at, kill_after=after, forgetful=forgetful
            )
            tally.kills += was_killed
            tally.resumes += 1
            if not was_killed or has_ended(Path(killed)):
                break
        else:
            in_a_child(Path(killed), seed, forgetful=forgetful)
        tally.cases += 1
        _compare(seed, Path(plain), Path(killed), tally)


def _compare(seed: int, plain: Path, killed: Path, tally: Tally) -> None:
    if state(plain) != state(killed):
        tally.faults.append(f"seed {seed}: another end than without a crash")
    done = Counter((what, hub) for what, hub, _ in state(killed)["done"])
    tally.faults += [
        f"seed {seed}: {what} twice on {hub}" for (what, hub), n in done.items() if n > 1
    ]
    settled: set[tuple[str, str]] = set()
    for entry in FileJournal(killed / "journal.jsonl").read():
        if isinstance(entry, HubSettled) and entry.fate != "held":
            settled.add((entry.rollout, entry.hub))
        if isinstance(entry, ActIntended) and (entry.rollout, entry.hub) in settled:
            tally.faults.append(f"seed {seed}: {entry.hub} ran again though it was settled")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--forgetful", action="store_true")
    asked = parser.parse_args()
    tally, choose, began = Tally(), random.Random(asked.seed), time.monotonic()
    seed = asked.seed * 100_000
    while tally.kills < asked.kills:
        seed += 1
        one_case(seed, tally, choose, forgetful=asked.forgetful)
    told = {**vars(tally), "seconds": round(time.monotonic() - began, 1)}
    sys.stdout.write(json.dumps(told) + "\n")
    return 1 if tally.faults else 0


if __name__ == "__main__":
    sys.exit(main())

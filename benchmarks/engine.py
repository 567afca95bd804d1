"""What the engine itself costs: 1,000 hubs on 200 clusters, steps of 100 ms, 40 in parallel.

Limits: within 15 % of the ideal time, 5 ms of CPU a step; 10,000 hubs under 600 MB, and memory
that grows no faster than the fleet. Real threads; only hubs are simulated. The journal is a real
file, and once more the ledger on SQLite, as `apply` uses it.
`python -m benchmarks.engine`
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

from benchmarks.measure import report
from hubfleet.planning.plan import declaration_digest, make_plan
from hubfleet.planning.schedule import schedule
from hubfleet.platforms.simulated import SimulatedPlatform
from hubfleet.platforms.simulated_script import HubScript, Script
from hubfleet.platforms.simulated_world import World
from hubfleet.rollout import engine
from hubfleet.rollout.course import Means
from hubfleet.rollout.crew import ThreadCrew
from hubfleet.rollout.events import nobody
from hubfleet.rollout.journal import FileJournal
from hubfleet.rollout.lease import RecordedLease
from hubfleet.rollout.ports import Journal, Lease
from tests.unit.planning.worlds import a_fleet, a_hub

PARALLEL = 40


@contextmanager
def memory(kind: str, folder: Path) -> Iterator[tuple[Journal, Lease]]:
    """Where the rollout is written down."""
    if kind == "file":
        yield FileJournal(folder / "journal.jsonl"), RecordedLease(folder / "lease.json", "me")
        return
    from hubfleet.office.site.opening import open_ledger

    with open_ledger(folder, version="0.1.0") as ledger, ledger.lease("benchmark") as held:
        yield ledger, held


def one(hubs: int, clusters: int, step: float, kind: str) -> dict[str, Any]:
    """A first rollout of a fleet in this process."""
    fleet = a_fleet(
        *(a_hub(f"c{number}/prod", f"k{number % clusters}") for number in range(hubs)),
        max_parallel=PARALLEL,
        per_cluster=PARALLEL,
        waves=("100%",),
    )
    names = [f"k{number}" for number in range(clusters)]
    with tempfile.TemporaryDirectory() as folder, memory(kind, Path(folder)) as (journal, lease):
        crew = ThreadCrew()
        platform = SimulatedPlatform(World(), Script(HubScript(act=step)), crew.sleep)
        plan = make_plan(fleet, [platform.observe(name) for name in names])
        means = Means(
            dict.fromkeys(names, platform),
            journal,
            lease,
            crew,
            None,
        )
        before, began = time.process_time(), time.perf_counter()
        order = engine.Order(
            schedule(plan, fleet.rollout),
            fleet.rollout,
            fleet.hubs,
            plan.fingerprint,
            declaration_digest(fleet),
        )
        done = engine.run(order, means, nobody)
        seconds, cpu = time.perf_counter() - began, time.process_time() - before
    assert done.ok
    ideal = hubs * step / PARALLEL
    alone = bare(hubs, step)
    return {
        "hubs": hubs,
        "seconds": round(seconds, 2),
        "over_ideal": round(seconds / ideal - 1, 3) if ideal else None,
        "machine_over_ideal": round(alone / ideal - 1, 3) if ideal else None,
        "cpu_ms_per_step": round(cpu / hubs * 1000, 2),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def bare(hubs: int, step: float) -> float:
    """Seconds that the same waits take in threads that do nothing else: the machine's own share.

    On a busy machine even these are late.
    """

    def wait() -> None:
        for _ in range(hubs // PARALLEL):
            time.sleep(step / 2)
            time.sleep(step / 2)

    threads = [Thread(target=wait) for _ in range(PARALLEL if step else 0)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - began


def alone(*arguments: str) -> dict[str, Any]:
    """In a process of its own, whose memory is nobody else's."""
    command = [sys.executable, "-m", "benchmarks.engine", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def main() -> None:
    if len(sys.argv) > 1:
        hubs, clusters, step, kind = sys.argv[1:]
        json.dump(one(int(hubs), int(clusters), float(step), kind), sys.stdout)
        return
    report(
        benchmark="engine",
        steps_of_100_ms={
            kind: [alone("1000", "200", "0.1", kind) for _ in "123"] for kind in ("file", "ledger")
        },
        # Steps that take no time: what is left is the engine's own.
        memory=[alone(str(hubs), "200", "0", "file") for hubs in (2500, 5000, 10000)],
    )


if __name__ == "__main__":
    main()

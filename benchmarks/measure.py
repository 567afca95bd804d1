"""What the benchmarks share: a fleet that runs, its memory, and one JSON document as the result."""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from tests.places import LocalPlace, local_place, until

SERVICE_43 = Path(__file__).parent.parent / "examples" / "service-43"


@contextmanager
def running_fleet(fleet: Path = SERVICE_43) -> Iterator[LocalPlace]:
    """The example fleet, started in a folder of its own and stopped in the end."""
    with tempfile.TemporaryDirectory() as folder, local_place(Path(folder) / "state") as place:
        done = place.run("apply", "--yes", "--quiet", "--without-probes", fleet=fleet)
        if done.returncode:
            raise SystemExit(done.stderr)
        until(lambda: not _compiling(place), "new environments to be compiled", seconds=180)
        yield place


def _compiling(place: LocalPlace) -> bool:
    """Whether packages of a new environment are still compiled behind other work."""
    folder = str(place.state.environments)
    commands = (process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"]))
    return any("compileall" in words and folder in " ".join(words) for words in commands)


def timed(act: Callable[[], Any]) -> float:
    """Seconds on the clock."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def proportional_memory(pids: Iterable[int]) -> int:
    """PSS in bytes: what forked processes share is counted once, in parts."""
    return sum(psutil.Process(pid).memory_full_info().pss for pid in pids)


def with_children(pid: int) -> list[int]:
    """The process and all that it started."""
    return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]


def processes_of(place: LocalPlace) -> list[int]:
    """Keeper, proxy and hubs; nobody's server."""
    from hubfleet.platforms.local.control import read_status

    status = read_status(place.state)
    children = [status.proxy, *status.hubs.values()]
    pids = [child.pid for child in children if child.pid is not None]
    return pids + ([status.keeper.pid] if status.keeper else [])


def median(values: Iterable[float]) -> float:
    return round(statistics.median(values), 3)


def report(**numbers: Any) -> None:
    """Print the result with what the machine is, as JSON."""
    machine = {"cpus": os.cpu_count(), "load": round(os.getloadavg()[0], 1)}
    json.dump({"machine": machine, **numbers}, sys.stdout, indent=2)
    sys.stdout.write("\n")

"""What remembering costs: `python -m benchmarks.ledger [REVISIONS]` prints JSON.

Opening in a fresh process (the second time, so with the tables there), entries one after the other
and from 40 threads, and pages of a long history. The disk decides what a durable entry costs:
`fsync_ms` is what it takes for 300 bytes, without any database.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.measure import median, report, timed
from hubfleet.office.site.opening import open_ledger
from hubfleet.rollout.ports import Entry
from tests.integration.office.ledgers import begun, ended, intended, revision

ACTS = 10_000
REVISIONS = 100_000

_OPEN = """
import time
began, cpu = time.perf_counter(), time.process_time()
import sys
from pathlib import Path
from hubfleet.office.site.opening import open_ledger, start_django
imported = time.process_time()
start_django()
ready = time.process_time()
open_ledger(Path(sys.argv[1]), version="0.1.0").close()
print(ready - imported, time.process_time() - cpu, time.perf_counter() - began)
"""


def opening(state: Path) -> dict[str, float]:
    """Seconds in a fresh process; the middle of five."""
    command = [sys.executable, "-c", _OPEN, str(state)]
    runs = [
        [float(word) for word in subprocess.check_output(command, text=True).split()]
        for _ in range(5)
    ]
    names = ("django_setup_cpu_s", "open_cpu_s", "open_s")
    return {name: median(run[at] for run in runs) for at, name in enumerate(names)}


def each(write: Callable[[Entry], None], entries: list[Entry], threads: int) -> dict[str, float]:
    """Milliseconds for an entry, on the clock and of the processor."""
    cpu = time.process_time()
    if threads == 1:
        seconds = timed(lambda: deque(map(write, entries), maxlen=0))
    else:
        with ThreadPoolExecutor(threads) as pool:
            seconds = timed(lambda: list(pool.map(write, entries)))
    cpu = time.process_time() - cpu
    factor = 1000 / len(entries)
    return {"ms": round(seconds * factor, 3), "cpu_ms": round(cpu * factor, 3)}


def fsync_ms(folder: Path) -> float:
    with (folder / "plain").open("wb", buffering=0) as file:

        def once() -> None:
            file.write(b"x" * 300)
            os.fsync(file.fileno())

        return round(statistics.median(timed(once) for _ in range(200)) * 1000, 2)


def acts(ledger: Any) -> dict[str, Any]:
    ledger.write(begun())
    half = ACTS // 2
    first: list[Entry] = [intended(f"ant/h{number}") for number in range(half)]
    second: list[Entry] = [intended(f"bee/h{number}") for number in range(half)]
    done: list[Entry] = [ended(f"ant/h{number}") for number in range(half)]
    return {
        "intention": each(ledger.write, first, 1),
        "intention_40_threads": each(ledger.write, second, 40),
        "outcome": each(ledger.write, done, 1),
        "cut_off_s": round(timed(ledger.cut_off), 3),
    }


def history(ledger: Any, count: int) -> dict[str, float]:
    """`count` revisions of 200 hubs with 60 values each, then pages in milliseconds."""
    values = {f"limits.value_{number}": "some words" for number in range(60)}
    hubs = [f"ant/h{number}" for number in range(200)]
    for start in range(0, count, 1000):
        chunk = range(start, min(start + 1000, count))
        made = [revision(at // 200 + 1, hubs[at % 200], values=values) for at in chunk]
        ledger.write_all(made)
    middle = count // 2

    def ms(act: Callable[[], Any]) -> float:
        return round(statistics.median(timed(act) for _ in range(9)) * 1000, 2)

    return {
        "revisions": count,
        "first_page_ms": ms(lambda: ledger.revisions(limit=30)),
        "middle_page_ms": ms(lambda: ledger.revisions(limit=30, before=middle)),
        "page_of_a_hub_ms": ms(lambda: ledger.revisions("ant/h7", limit=30)),
        "by_name_ms": ms(lambda: ledger.revision("ant/h7@100")),
        "previous_ms": ms(lambda: ledger.previous(ledger.revision("ant/h7@100"))),
    }


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else REVISIONS
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)
        with open_ledger(state, version="0.1.0") as ledger:
            written = acts(ledger)
            pages = history(ledger, count)
        size = (state / "office.sqlite").stat().st_size
        report(
            benchmark="ledger",
            fsync_ms=fsync_ms(state),
            opening=opening(state),
            acts={"count": ACTS, **written},
            history=pages,
            megabytes=round(size / 1e6, 1),
        )


if __name__ == "__main__":
    main()

"""Measuring 200 homes with 200,000 files, and a second snapshot of 2 GB that did not change.

`python -m benchmarks.homes`; limits: 5 s for each, and no space to speak of for the snapshot. The
measuring runs as it does in life, in a process of its own at the lowest priority, beside a hub
whose page of health is asked for all the while.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.measure import report, timed
from hubfleet.platforms.local.answers import status_of
from hubfleet.platforms.local.homes.measuring import measure_hub_apart, start_measuring
from hubfleet.platforms.local.homes.taking import take_snapshot
from hubfleet.platforms.local.spec import HubSpec
from tests.fleets import write_fleet
from tests.places import local_place

HOMES = 200
FILES = 1000
BIG_FILES = 2000
BIG_SIZE = 1024 * 1024


def usage(folder: Path) -> dict[str, Any]:
    """Twenty folders of fifty small files in each home."""
    (folder / "homes").mkdir(parents=True)
    numbers = {f"person{number}": number for number in range(1, HOMES + 1)}
    (folder / "homes.json").write_text(json.dumps(numbers))
    for number in numbers.values():
        for name in range(FILES):
            place = folder / "homes" / str(number) / f"folder{name % 20}"
            if name < 20:
                place.mkdir(parents=True)
            (place / f"file{name}").write_bytes(b"x" * 100)
    seconds = [round(timed(lambda: measure_hub_apart(folder)), 2) for _ in range(3)]
    answers = hub_answers(folder)
    measured = measure_hub_apart(folder)
    files = sum(home.files for home in measured.homes.values())
    return {"homes": len(measured.homes), "files": files, "seconds": seconds, **answers}


def hub_answers(folder: Path) -> dict[str, float]:
    """Milliseconds in which 99 of 100 answers of a hub come, alone and while homes are measured."""
    with tempfile.TemporaryDirectory() as place, local_place(Path(place) / "state") as local:
        write_fleet(Path(place) / "fleet", {"reef/prod": {}})
        done = local.run("apply", "--yes", "--quiet", fleet=Path(place) / "fleet")
        if done.returncode:
            raise SystemExit(done.stderr)
        port = HubSpec.read(local.state.hub("reef/prod").spec).port
        alone = [timed(lambda: status_of(port, "/hub/health")) for _ in range(400)]
        beside = []
        for _ in range(3):
            process = start_measuring(folder)
            while process.poll() is None:
                beside.append(timed(lambda: status_of(port, "/hub/health")))
        return {"alone_p99_ms": _p99(alone), "beside_p99_ms": _p99(beside)}


def _p99(seconds: list[float]) -> float:
    return round(statistics.quantiles(seconds, n=100)[98] * 1000, 1)


def snapshot(folder: Path) -> dict[str, Any]:
    """2 GB in 2000 files of different contents, a snapshot of all, then two of nothing new."""
    home = folder / "homes" / "1"
    home.mkdir(parents=True)
    (folder / "homes.json").write_text('{"ada": 1}')
    block = os.urandom(BIG_SIZE)
    for number in range(BIG_FILES):
        (home / f"data{number}").write_bytes(number.to_bytes(8, "big") + block[8:])
    first = round(timed(lambda: take_snapshot(folder)), 2)
    before = occupied(folder / "snapshots")
    unchanged = [round(timed(lambda: take_snapshot(folder)), 2) for _ in range(3)]
    extra = (occupied(folder / "snapshots") - before) // 3
    return {"first_seconds": first, "unchanged_seconds": unchanged, "extra_bytes_each": extra}


def occupied(folder: Path) -> int:
    """Bytes on the disk, what has several names counted once; others write to the disk too."""
    found = [entry.lstat() for entry in folder.rglob("*")]
    return sum({status.st_ino: status.st_blocks * 512 for status in found}.values())


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        measured = usage(Path(place) / "usage")
        shutil.rmtree(Path(place) / "usage")
        taken = snapshot(Path(place) / "snapshot")
    report(benchmark="homes", usage=measured, snapshot=taken)


if __name__ == "__main__":
    main()

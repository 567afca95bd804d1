"""Exporting 200 homes with 200,000 files and 2 GB, beside `tar | zstd` of the same tree; verifying.

`python -m benchmarks.bundle`; limits: 60 % of the speed of tar with zstd in the same run, 200 MB of
memory, and 30 s to verify the starter's production hub. Both are measured in turns, so that other
work on the machine slows both; the medians are compared.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.measure import report, timed
from hubfleet.cli.init import starter
from hubfleet.platforms.local.folders import StateFolder
from tests.fleets import write_fleet

HOMES = 200
FILES = 1000
SIZE = 10_700
TURNS = 3

RUN = """
import resource, sys
from hubfleet.cli import app
sys.argv = ["hubfleet", *sys.argv[1:]]
try:
    app()
finally:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, file=sys.stderr)
"""


def plant(folder: Path) -> int:
    """Twenty folders of fifty files in each home; half of each file can be compressed."""
    noise = os.urandom(1 << 20)
    text = b"import numpy as np\nfor index in range(10):\n    print(index)\n" * 20_000
    homes = folder / "homes"
    homes.mkdir(parents=True)
    people = {f"person{number}": number for number in range(1, HOMES + 1)}
    (folder / "homes.json").write_text(json.dumps(people))
    for number in people.values():
        for name in range(FILES):
            place = homes / str(number) / f"folder{name % 20}"
            if name < 20:
                place.mkdir(parents=True)
            at = (number * FILES + name) * 7919 % 900_000
            half = SIZE // 2
            (place / f"file{name}").write_bytes(noise[at : at + half] + text[at : at + half])
    return HOMES * FILES * (SIZE // 2) * 2


def export(folder: Path) -> tuple[float, int]:
    """Seconds, and the most memory in MB, of the command as people run it."""
    target = folder / "reef.tar.zst"
    target.unlink(missing_ok=True)
    command = [sys.executable, "-c", RUN, "replicate", "export", "reef/prod", "--to", str(target)]
    command += ["--with-homes", "--quiet", "--fleet", str(folder / "fleet")]
    command += ["--state", str(folder / "state")]
    told = {}

    def run() -> None:
        told["done"] = subprocess.run(command, capture_output=True, text=True, check=False)

    seconds = timed(run)
    if told["done"].returncode:
        raise SystemExit(told["done"].stderr)
    return seconds, int(told["done"].stderr.split()[-1])


def tar(folder: Path, homes: Path) -> float:
    """Seconds that the usual programs take for the same tree."""
    target = folder / "tar.zst"
    command = f"tar -cf - -C {homes.parent} homes | zstd -q -3 -f -o {target}"
    return timed(lambda: subprocess.run(command, shell=True, check=True))


def exporting(folder: Path) -> dict[str, Any]:
    write_fleet(folder / "fleet", {"reef/prod": {}})
    hub = StateFolder(folder / "state").hub("reef/prod")
    size = plant(hub.path)
    ours, theirs, memory = [], [], 0
    for _ in range(TURNS):
        theirs.append(tar(folder, hub.homes))
        seconds, most = export(folder)
        ours.append(seconds)
        memory = max(memory, most)
    share = statistics.median(theirs) / statistics.median(ours)
    return {
        "homes": HOMES,
        "files": HOMES * FILES,
        "bytes": size,
        "seconds": [round(one, 1) for one in ours],
        "tar_seconds": [round(one, 1) for one in theirs],
        "share_of_tars_speed": round(share, 2),
        "memory_mb": memory,
    }


def verifying(folder: Path) -> dict[str, Any]:
    """The starter's production hub, exported and verified as a person would."""
    shutil.copytree(starter(), folder / "starter")
    hubfleet = [sys.executable, "-m", "hubfleet", "replicate"]
    bundle = folder / "starter.tar.zst"
    told = ["export", "garden/prod", "--to", str(bundle), "--quiet"]
    told += ["--fleet", str(folder / "starter"), "--state", str(folder / "no-state")]
    subprocess.run([*hubfleet, *told], check=True)
    seconds = {}
    for how in ("hubfleet", "plain"):
        command = [*hubfleet, "verify", str(bundle), "--with", how, "--quiet"]
        seconds[how] = [
            round(timed(lambda command=command: subprocess.run(command, check=True)), 1)  # type: ignore[misc]
            for _ in range(2)
        ]
    return {"seconds": seconds}


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        verified = verifying(Path(place))
        exported = exporting(Path(place) / "large")
    report(benchmark="bundle", export=exported, verify=verified)


if __name__ == "__main__":
    main()

"""Measuring in a process of its own, behind everybody else's: a hub or keeper goes on answering.

`python -m hubfleet.platforms.local.homes.measuring FOLDER` measures all homes of the hub in FOLDER
and keeps the result in `usage.json`; with a home's number it measures that one and prints it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from hubfleet.kit.errors import failure
from hubfleet.platforms.local.folders import HubFolder
from hubfleet.platforms.local.homes.people import numbers_of, quota_of
from hubfleet.platforms.local.homes.priority import give_way
from hubfleet.platforms.local.homes.project_quota import enforce
from hubfleet.platforms.local.homes.usage import (
    HomeUsage,
    HubUsage,
    measure_home,
    measure_hub,
    store_usage,
    stored_usage,
    usage_file,
)


def start_measuring(folder: Path) -> subprocess.Popen[bytes]:
    """Begin to measure all homes of a hub; the result is in `usage.json` when it has ended."""
    return subprocess.Popen(_command(folder), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def measure_hub_apart(folder: Path) -> HubUsage:
    """Measure all homes of a hub and wait; raises `homes-not-measured`."""
    done = subprocess.run(_command(folder), capture_output=True, text=True, check=False)
    usage = stored_usage(folder)
    if done.returncode or usage is None:
        said = done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"]
        raise failure(
            "homes-not-measured",
            "the homes could not be measured",
            place=str(usage_file(folder)),
            why=said[-1],
            hint="look whether the disk is full and the hub's folder can be written",
        )
    return usage


def measure_home_apart(folder: Path, number: int, *, seconds: float) -> HomeUsage | None:
    """One home; None when that took longer than `seconds` or failed."""
    try:
        done = subprocess.run(
            _command(folder, number), capture_output=True, text=True, timeout=seconds, check=True
        )
        return HomeUsage(**json.loads(done.stdout))
    except (OSError, subprocess.SubprocessError, ValueError, TypeError):
        return None


def _command(folder: Path, number: int | None = None) -> list[str]:
    # -I: what lies in the current folder must not be imported by a process of the operator's.
    command = [sys.executable, "-I", "-m", __name__, str(folder)]
    return command if number is None else [*command, str(number)]


def main(arguments: list[str]) -> None:
    """See the module."""
    folder = Path(arguments[0])
    if len(arguments) > 1:
        # A person waits for this one at the start of their server: no giving way.
        usage = measure_home(folder, int(arguments[1]))
        sys.stdout.write(json.dumps(usage.as_json()) + "\n")
        return
    give_way()
    measure_and_hold(folder)


def measure_and_hold(folder: Path) -> None:
    """Measure all homes of a hub, keep the result, and hold homes to the quota where possible."""
    store_usage(folder, measure_hub(folder))
    with suppress(FileNotFoundError):
        quota = quota_of(HubFolder(folder))
        for number in numbers_of(folder).values():
            # A home that is no folder is told of by the measurement.
            with suppress(OSError):
                enforce(folder, number, quota)


if __name__ == "__main__":
    main(sys.argv[1:])

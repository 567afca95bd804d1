"""CPU seconds of commands that people wait for; limits: `--help` 0.3 s, `validate` 0.6 s.

`python -m benchmarks.command_start`
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.measure import median, report

STARTER = Path(__file__).parent.parent / "examples" / "starter"


def main() -> None:
    report(
        benchmark="command_start",
        help_cpu_seconds=cpu("--help"),
        validate_cpu_seconds=cpu("validate", "--fleet", str(STARTER)),
        plan_cpu_seconds=cpu("plan", "--fleet", str(STARTER), "--state", "/nonexistent/state"),
    )


def cpu(*arguments: str) -> float:
    """The median of seven runs, user and system time together."""
    return median(_one(*arguments) for _ in range(7))


def _one(*arguments: str) -> float:
    before = os.times()
    subprocess.run(
        [sys.executable, "-m", "hubfleet", *arguments], stdout=subprocess.DEVNULL, check=True
    )
    after = os.times()
    return (
        after.children_user + after.children_system - before.children_user - before.children_system
    )


if __name__ == "__main__":
    main()

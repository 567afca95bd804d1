"""At least 300 kills, 80 of them with real hubs, keeper and ledger; and a journal that forgets.

Every resume must reach the same end, nothing recorded runs again, nothing is applied twice; the
journals that forget must be found out. How it kills stands in `tests.crashes` (simulated platform)
and `tests.local_crashes` (local platform). `python -m benchmarks.crash_fuzz [SIMULATED] [LOCAL]`
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from benchmarks.measure import report


def fuzz(program: str, *arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", f"tests.{program}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if not done.stdout:
        raise SystemExit(done.stderr)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def main() -> None:
    simulated, local = (*sys.argv[1:], "240", "80")[:2] if len(sys.argv) == 1 else sys.argv[1:3]
    sound = {
        "simulated": fuzz("crashes", "--kills", simulated),
        "local": fuzz("local_crashes", "--kills", local),
    }
    broken = {
        "simulated": fuzz("crashes", "--kills", "40", "--forgetful"),
        "local": fuzz("local_crashes", "--kills", "40", "--forgetful"),
    }
    caught = {name: bool(told["faults"]) for name, told in broken.items()}
    report(
        benchmark="crash_fuzz",
        kills=sum(told["kills"] for told in sound.values()),
        **sound,
        negative_control_caught=caught,
    )
    if any(told["faults"] for told in sound.values()) or not all(caught.values()):
        raise SystemExit(1)


if __name__ == "__main__":
    main()

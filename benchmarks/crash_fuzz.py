"""At least 300 kills of simulated rollouts: no fault; and a journal that forgets is found out.

`python -m benchmarks.crash_fuzz [KILLS]`; how it kills stands in `tests.crashes`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from benchmarks.measure import report


def fuzz(*arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.crashes", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def main() -> None:
    kills = sys.argv[1] if len(sys.argv) > 1 else "300"
    sound, broken = fuzz("--kills", kills), fuzz("--kills", "40", "--forgetful")
    report(
        benchmark="crash_fuzz",
        kills=sound["kills"],
        rollouts=sound["cases"],
        faults=sound["faults"],
        seconds=sound["seconds"],
        negative_control_caught=bool(broken["faults"]),
    )
    if sound["faults"] or not broken["faults"]:
        raise SystemExit(1)


if __name__ == "__main__":
    main()

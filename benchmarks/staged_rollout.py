"""All of examples/service-43 from nothing to done: staging, canaries, waves, every hub probed.

Reports the seconds of `apply`, the sum of its probe times, and the ratio of the two at the same
parallelism (probes run as many at once as there are CPUs). `python -m benchmarks.staged_rollout`
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.measure import SERVICE_43, report
from tests.places import local_place


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, local_place(Path(folder) / "state") as place:
        # Environments are built before the clock starts; nothing else is there yet.
        place.run("environment", "build", fleet=SERVICE_43)
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "hubfleet", "apply", "--yes", "--json", "--quiet"],
            env={
                **os.environ,
                "HUBFLEET_STATE": str(place.state.path),
                "HUBFLEET_PORT": str(place.port),
                "HUBFLEET_FLEET": str(SERVICE_43),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.perf_counter() - began
    told: dict[str, Any] = json.loads(done.stdout)
    probes = [row["probe"]["seconds"] for row in told["results"] if row["probe"]]
    at_once = os.cpu_count() or 2
    report(
        benchmark="staged_rollout",
        hubs=len(told["results"]),
        done=sum(row["fate"] == "done" for row in told["results"]),
        failed={
            row["hub"]: row["why"]
            for row in told["results"]
            if row["fate"] in ("failed", "rolled-back")
        },
        seconds=round(seconds, 1),
        rollout_seconds=told["seconds"],
        sum_of_probes=round(sum(probes), 1),
        at_once=at_once,
        ratio=round(told["seconds"] / (sum(probes) / at_once), 2),
        attempts=sum(row["attempts"] for row in told["results"]),
    )


if __name__ == "__main__":
    main()

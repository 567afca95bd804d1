"""How long a fleet takes to load: `python -m benchmarks.validate [HUBS ...]` prints JSON.

CPU seconds of a fresh process each, imports included; the smallest of three runs for sizes below
10,000. `growth` compares the seconds for one hub, without the imports, with the smallest fleet's:
1 is linear.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.fleets import write_fleet

SIZES = (100, 1_000, 10_000)

_CHILD = """
import sys, time
from pathlib import Path
from hubfleet.fleet.load import load_fleet
imports = time.process_time()
fleet = load_fleet(Path(sys.argv[1]))
total = time.process_time()
print(imports, total, len(fleet.hubs))
"""


def measure(root: Path) -> tuple[float, float]:
    """CPU seconds after the imports, and in all."""
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, str(root)], check=True, capture_output=True, text=True
    )
    imports, total, _ = done.stdout.split()
    return float(imports), float(total)


def main() -> None:
    sizes = [int(size) for size in sys.argv[1:]] or SIZES
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            root = write_fleet(Path(folder) / str(size), hubs=size)
            runs = [measure(root) for _ in range(3 if size < 10_000 else 1)]
            imports, total = min(runs, key=lambda run: run[1])
            rows.append(
                {
                    "hubs": size,
                    "cpu_seconds": round(total, 3),
                    "imports": round(imports, 3),
                    "ms_per_hub": round((total - imports) / size * 1000, 3),
                }
            )
    for row in rows:
        row["growth"] = round(row["ms_per_hub"] / rows[0]["ms_per_hub"], 2)
    print(json.dumps({"benchmark": "load_fleet", "sizes": rows}, indent=1))


if __name__ == "__main__":
    main()

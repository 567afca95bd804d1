"""How long a scientific environment takes: cold, for a second hub, and until all is compiled.

    python -m benchmarks.environments

Prints JSON. `usable_seconds` is from a warm package cache to an environment that servers can use;
its bytecode is written behind other work until `compiled_seconds`. `first_import_seconds` is what
the first import costs right after the build, `later_import_seconds` when all is compiled.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

from hubfleet.fleet.software import HubEnvironment, Recipe
from hubfleet.kit.errors import Place
from hubfleet.platforms.local.environments import EnvironmentStore

PACKAGES = ("numpy", "pandas", "matplotlib")


def main() -> None:
    wanted = HubEnvironment("", Place("benchmark"), Recipe(PACKAGES))
    with tempfile.TemporaryDirectory() as folder:
        # The first store only fills uv's cache.
        warm = EnvironmentStore(Path(folder) / "warm")
        path = warm.build(wanted, quiet)
        wait_until_compiled(warm, path)
        load = os.getloadavg()[0]

        store = EnvironmentStore(Path(folder) / "cold")
        began = time.perf_counter()
        path = store.build(wanted, quiet)
        usable = time.perf_counter() - began
        first = import_seconds(path)
        wait_until_compiled(store, path)
        compiled = time.perf_counter() - began
        began = time.perf_counter()
        store.build(wanted, quiet)
        again = time.perf_counter() - began
        result = {
            "packages": PACKAGES,
            "load_before": round(load, 2),
            "usable_seconds": round(usable, 3),
            "for_another_hub_seconds": round(again, 4),
            "first_import_seconds": round(first, 3),
            "later_import_seconds": round(import_seconds(path), 3),
            "compiled_seconds": round(compiled, 3),
        }
    print(json.dumps(result, indent=2))


def quiet(_: str) -> None:
    pass


def import_seconds(path: Path) -> float:
    """As in a server: the environment cannot be written."""
    code = "import numpy, pandas, matplotlib.pyplot"
    began = time.perf_counter()
    subprocess.run([path / "bin" / "python", "-B", "-c", code], check=True)
    return time.perf_counter() - began


def wait_until_compiled(store: EnvironmentStore, path: Path) -> None:
    """The compiler holds the environment until it is done."""
    while path not in store.remove_unused(set(), dry_run=True):
        time.sleep(0.05)


if __name__ == "__main__":
    main()

"""A real hub is killed: how long until somebody is told (limits: 210 s, and 30 s when fast)?

`python -m benchmarks.detection`

A console checks two hubs of the local platform, once at the default pace and once at a fast one.
The keeper is killed with the hub, so that nothing brings it back.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.measure import report
from tests.places import local_place, until
from tests.watched import FAST, watched


def killed(checks: dict[str, Any], patience: float) -> dict[str, Any]:
    """Seconds from the kill to the turn and to the page in somebody's mailbox, and how many."""
    with (
        tempfile.TemporaryDirectory() as folder,
        local_place(Path(folder) / "state") as place,
        watched(place, Path(folder) / "fleet", checks) as fleet,
    ):
        fleet.wait_until_up("ant/prod", patience)
        began = time.monotonic()
        fleet.kill_for_good("ant/prod")
        until(fleet.turns, "a turn", patience)
        down = time.monotonic() - began
        until(fleet.pages, "a page by mail", patience)
        return {
            "down_seconds": round(down, 1),
            "paged_seconds": round(time.monotonic() - began, 1),
            "turns": len(fleet.turns()),
            "pages": len(fleet.pages()),
        }


def main() -> None:
    report(benchmark="detection", fast=killed(FAST, 120), default=killed({}, 300))


if __name__ == "__main__":
    main()

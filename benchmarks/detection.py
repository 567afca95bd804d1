"""A real hub is killed: how long until it is known to be down (limits: 210 s, and 30 s when fast)?

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


def killed(checks: dict[str, Any], patience: float) -> tuple[float, int]:
    """Seconds from the kill to the turn, and how many turns there were in the end."""
    with (
        tempfile.TemporaryDirectory() as folder,
        local_place(Path(folder) / "state") as place,
        watched(place, Path(folder) / "fleet", checks) as fleet,
    ):
        fleet.wait_until_up("ant/prod", patience)
        began = time.monotonic()
        fleet.kill_for_good("ant/prod")
        until(fleet.turns, "a turn", patience)
        return time.monotonic() - began, len(fleet.turns())


def main() -> None:
    fast, turns = killed(FAST, 120)
    usual, usual_turns = killed({}, 300)
    report(
        benchmark="detection",
        fast_seconds=round(fast, 1),
        default_seconds=round(usual, 1),
        turns=[turns, usual_turns],
    )


if __name__ == "__main__":
    main()

"""One value of all 43 hubs changes while three of them have a running kernel; limit: 15 s.

Without probes: what those take, `staged_rollout` tells.

The kernels must keep their process and their variables. `python -m benchmarks.change_all`
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path

import yaml

from benchmarks.measure import SERVICE_43, report, running_fleet, timed
from hubfleet.fleet.load import load_fleet
from tests.integration.people import Person

REMEMBER = "import os; x = 42; print(os.getpid())"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, ExitStack() as people:
        fleet = Path(folder) / "fleet"
        shutil.copytree(SERVICE_43, fleet)
        place = people.enter_context(running_fleet(fleet))
        chosen = [hub for hub in load_fleet(fleet).hubs.values() if hub.values.access.admins][:3]
        working = []
        for hub in chosen:
            admin = hub.values.access.admins[0]
            person = people.enter_context(Person(place, hub.name, admin, admin=True))
            person.start_server()
            working.append((person, person.run(REMEMBER)))
        _change_one_value(fleet)
        outcome: list[int] = []
        seconds = timed(
            lambda: outcome.append(
                place.run(
                    "apply", "--yes", "--force", "--quiet", "--without-probes", fleet=fleet
                ).returncode
            )
        )
        kept = [person.run("print(os.getpid(), x)") == f"{kernel} 42" for person, kernel in working]
        left = place.json("plan", fleet=fleet)["steps"]
    report(
        benchmark="change_all",
        seconds=round(seconds, 2),
        exit_code=outcome[0],
        steps_left=len(left),
        kernels_kept=sum(kept),
        kernels=len(kept),
    )


def _change_one_value(fleet: Path) -> None:
    """A traitlet that no hub sets itself, in the defaults of the whole fleet."""
    path = fleet / "fleet.yaml"
    declared = yaml.safe_load(path.read_text())
    config = declared["defaults"].setdefault("jupyterhub", {}).setdefault("config", {})
    config.setdefault("JupyterHub", {})["concurrent_spawn_limit"] = 17
    path.write_text(yaml.safe_dump(declared))


if __name__ == "__main__":
    main()

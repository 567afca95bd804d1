"""What a machine cannot give is said before anything starts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hubfleet.fleet.model import Hub, HubValues
from hubfleet.kit.errors import Problem
from hubfleet.platforms.local.fitting import Machine, objections, oversized
from tests.fleets import write_fleet

BARE = Machine(memory=8 * 1024**3, cpus=4, packages=frozenset(), rstudio=False)
FULL = Machine(
    memory=8 * 1024**3,
    cpus=4,
    packages=frozenset({"jupyter_server_proxy", "jupyter_rsession_proxy", "jupyter_collaboration"}),
    rstudio=True,
)


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    return write_fleet(tmp_path, {"earth/prod": {}}).hubs["earth/prod"]


def _found(hub: Hub, machine: Machine, **values: Any) -> list[Problem]:
    return list(objections(replace(hub, values=HubValues.model_validate(values)), machine))


def test_an_ordinary_hub_fits_everywhere(hub: Hub) -> None:
    assert _found(hub, BARE) == []
    assert _found(hub, FULL, interface="rstudio", collaboration=True) == []


def test_rstudio_that_is_not_installed_is_refused_with_all_that_is_missing(hub: Hub) -> None:
    (problem,) = _found(hub, BARE, interface="rstudio")
    assert problem.code == "no-rstudio"
    assert problem.why == (
        "RStudio Server and jupyter-server-proxy and jupyter-rsession-proxy are missing."
    )
    (problem,) = _found(hub, BARE, profiles=[{"name": "R", "interface": "rstudio"}])
    assert problem.code == "no-rstudio"


def test_collaboration_that_is_not_installed_is_refused_with_the_cure(hub: Hub) -> None:
    (problem,) = _found(hub, BARE, collaboration=True)
    assert problem.code == "no-collaboration"
    assert problem.hint.startswith("install jupyter-collaboration beside hubfleet")


def test_a_guarantee_that_nobody_can_keep_is_refused(hub: Hub) -> None:
    profile = {
        "name": "Huge",
        "limits": {"memory": "32G", "cpu": 8},
        "guarantees": {"memory": "16G", "cpu": 6},
    }
    found = _found(hub, BARE, profiles=[{"name": "Small"}, profile])
    assert [(problem.what, problem.why) for problem in found] == [
        (f"{hub.name} guarantees 16G of memory to one person", "This machine has 8G."),
        (f"{hub.name} guarantees 6 CPUs to one person", "This machine has 4 CPUs."),
    ]


def test_a_limit_that_nobody_can_reach_is_remarked() -> None:
    large = HubValues.model_validate({"profiles": [{"name": "L", "limits": {"memory": "16G"}}]})
    wide = HubValues.model_validate({"limits": {"memory": None, "cpu": 8}})
    hubs = {"earth/prod": large, "earth/wide": wide, "moon/class": HubValues()}
    assert list(oversized(hubs, BARE)) == [
        "earth/prod offers up to 16G of memory (there are 8G): "
        "nobody can get more than this machine has.",
        "earth/wide offers up to 8 CPUs (there are 4): nobody can get more than this machine has.",
    ]


def test_this_machine_can_be_looked_at() -> None:
    machine = Machine.this()
    assert machine.memory > 256 * 1024**2
    assert machine.cpus >= 1

"""Kill -9 of everything: the next status tells the truth, the next apply mends it, nobody loses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from hubfleet.platforms.local.answers import hub_answers_people
from hubfleet.platforms.local.control import read_status
from hubfleet.platforms.local.processes import start_time
from hubfleet.platforms.local.servers import running_servers
from tests.fleets import write_fleet
from tests.integration.people import Person
from tests.places import LocalPlace, local_place, until

pytestmark = pytest.mark.integration


@pytest.fixture
def place(tmp_path):
    with local_place(tmp_path / "state") as made:
        yield made


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    root = tmp_path / "fleet"
    write_fleet(root, {"ant/prod": {}, "bee/prod": {}})
    return root


def states(place: LocalPlace, fleet: Path) -> dict[str, str]:
    return {row["hub"]: row["state"] for row in place.json("status", fleet=fleet)["hubs"]}


def pids(place: LocalPlace) -> dict[str, int | None]:
    status = read_status(place.state)
    return {"proxy": status.proxy.pid, **{n: child.pid for n, child in status.hubs.items()}}


def apply(place: LocalPlace, fleet: Path, *more: str) -> dict[str, str]:
    done = place.run("apply", "--yes", "--json", *more, fleet=fleet)
    assert done.returncode == 0, done.stderr
    return {row["hub"]: row["action"] for row in json.loads(done.stdout)["results"]}


def kill(pid: int | None) -> None:
    assert pid is not None
    started = start_time(pid)
    os.kill(pid, signal.SIGKILL)
    until(lambda: start_time(pid) != started, f"the end of process {pid}")


def everyone_answers(place: LocalPlace, fleet: Path) -> bool:
    return set(states(place, fleet).values()) == {"running"}


def test_a_second_apply_touches_no_process(place, fleet):
    assert apply(place, fleet) == {"ant/prod": "create", "bee/prod": "create"}
    before = pids(place)
    assert apply(place, fleet) == {}
    assert pids(place) == before
    assert states(place, fleet) == {"ant/prod": "running", "bee/prod": "running"}


def test_a_killed_hub_is_seen_and_comes_back_while_its_people_work_on(place, fleet):
    apply(place, fleet)
    with Person(place, "ant/prod", "bo") as bo:
        bo.start_server()
        kernel = bo.run("import os; x = 42; print(os.getpid())")
        server = running_servers(place.state.hub("ant/prod").path)
        kill(pids(place)["ant/prod"])
        assert bo.run("print(x)") == "42", "the server goes on without its hub"
        apply(place, fleet)
        until(lambda: everyone_answers(place, fleet), "the hub to be back")
        assert running_servers(place.state.hub("ant/prod").path) == server
        assert bo.run("print(os.getpid(), x)") == f"{kernel} 42"


def test_a_killed_proxy_comes_back_with_every_route(place, fleet):
    apply(place, fleet)
    with Person(place, "bee/prod", "bo") as bo:
        bo.start_server()
        bo.run("x = 'kept'")
        before = pids(place)
        kill(before["proxy"])
        until(lambda: pids(place)["proxy"] not in (None, before["proxy"]), "another proxy")
        until(bo.server_answers, "the route to be back")
        assert bo.run("print(x)") == "kept"
        after = pids(place)
        assert {n: after[n] for n in ("ant/prod", "bee/prod")} == {
            n: before[n] for n in ("ant/prod", "bee/prod")
        }


def test_a_killed_keeper_is_said_and_replaced_and_nothing_is_started_twice(place, fleet):
    apply(place, fleet)
    before = pids(place)
    keeper = read_status(place.state).keeper
    assert keeper is not None
    kill(keeper.pid)
    told = place.json("status", fleet=fleet)
    assert {row["state"] for row in told["hubs"]} == {"running"}
    assert told["remarks"][0] == (
        "The keeper is not running: nobody restarts what crashes. Run apply."
    )
    assert apply(place, fleet) == {}
    assert pids(place) == before
    assert read_status(place.state).keeper is not None


def test_when_everything_was_killed_apply_brings_it_back(place, fleet):
    apply(place, fleet)
    with Person(place, "ant/prod", "bo") as bo:
        bo.start_server()
        bo.run("x = 1")
        keeper = read_status(place.state).keeper
        assert keeper is not None
        kill(keeper.pid)
        for pid in pids(place).values():
            kill(pid)
        assert set(states(place, fleet).values()) == {"stopped"}
        assert set(apply(place, fleet).values()) == {"start"}
        assert everyone_answers(place, fleet)
        until(bo.server_answers, "the route of the person's server")
        assert bo.run("print(x)") == "1"


KILLED_APPLY = """
import os, signal, sys
from hubfleet.platforms.local import placing
real = placing.KeeperClient.start
def start(self, hub):
    if sys.argv[1] == "after":
        real(self, hub)
    os.kill(os.getpid(), signal.SIGKILL)
placing.KeeperClient.start = start
sys.argv = ["hubfleet", "apply", "--yes"]
from hubfleet.cli import main
main()
"""


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_killed_apply_leaves_a_truth_that_the_next_one_mends(place, fleet, moment):
    apply(place, fleet)
    write_fleet(fleet, {"ant/prod": {"limits": {"memory": "600M"}}, "bee/prod": {}})
    variables = {
        "HUBFLEET_STATE": str(place.state.path),
        "HUBFLEET_FLEET": str(fleet),
        "HUBFLEET_PORT": str(place.port),
    }
    cut = subprocess.run(
        [sys.executable, "-c", KILLED_APPLY, moment],
        env={**os.environ, **variables},
        capture_output=True,
        check=False,
    )
    assert cut.returncode == -signal.SIGKILL
    if moment == "before":
        (step,) = place.json("plan", fleet=fleet)["steps"]
        assert (step["hub"], step["action"]) == ("ant/prod", "update")
    until(lambda: everyone_answers(place, fleet), "the hubs to answer")
    apply(place, fleet)
    assert place.json("plan", fleet=fleet)["steps"] == []
    rows = {row["hub"]: row["revision"] for row in place.json("status", fleet=fleet)["hubs"]}
    assert rows == {"ant/prod": 2, "bee/prod": 1}


def test_a_killed_keeper_and_proxy_leave_nobody_before_a_closed_door(place, fleet):
    apply(place, fleet)
    keeper = read_status(place.state).keeper
    assert keeper is not None
    kill(keeper.pid)
    kill(pids(place)["proxy"])
    apply(place, fleet)
    for host in ("prod-ant.localhost", "prod-bee.localhost"):
        reached = partial(hub_answers_people, place.port, host)
        until(reached, f"{host} behind the new proxy", seconds=10)

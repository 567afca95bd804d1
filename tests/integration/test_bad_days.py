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

from hubfleet.kit.files import write_atomically
from hubfleet.planning.plan import make_plan
from hubfleet.planning.steps import StartHub
from hubfleet.platforms.local import observing, placing, stopping
from hubfleet.platforms.local.answers import hub_answers_people
from hubfleet.platforms.local.control import read_status
from hubfleet.platforms.local.processes import start_time
from hubfleet.platforms.local.servers import running_servers
from hubfleet.platforms.local.stopping import anything_runs, stop_all
from tests.fleets import write_fleet
from tests.integration.people import Person
from tests.places import LocalPlace, free_port, local_place, until

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


def stop_moving(pid: int | None) -> int:
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    return pid


def test_a_hub_that_hangs_is_seen_and_restarted(place, tmp_path, monkeypatch):
    fleet = write_fleet(tmp_path / "fleet", {"ant/prod": {}})
    apply(place, fleet.root)
    hung = stop_moving(pids(place)["ant/prod"])
    platform = place.platform()
    assert platform.observe("reef").hubs["ant/prod"].state == "starting", "it is young"
    monkeypatch.setattr(observing, "COME_UP", 0.0)
    monkeypatch.setattr(placing, "_PATIENCE", 0.1)
    seen = platform.observe("reef").hubs["ant/prod"]
    assert (seen.state, seen.note) == ("hanging", "its process lives but does not answer")
    (step,) = make_plan(fleet, [platform.observe("reef")]).steps
    assert isinstance(step, StartHub)
    platform.prepare([step.hub], lambda *_: None)
    assert platform.perform(step, lambda _: None).changed
    assert pids(place)["ant/prod"] not in (None, hung)
    assert platform.observe("reef").hubs["ant/prod"].state == "running"


def test_everything_can_be_stopped_without_a_keeper_even_a_hub_that_hangs(
    place, fleet, monkeypatch
):
    apply(place, fleet)
    stop_moving(pids(place)["ant/prod"])
    keeper = read_status(place.state).keeper
    assert keeper is not None
    kill(keeper.pid)
    monkeypatch.setattr(stopping, "KILL_AFTER", 0.5)
    assert stop_all(place.state, keep_hubs=False).startswith("stopped 2 hubs; ")
    assert not anything_runs(place.state)


def test_a_hub_that_is_renamed_keeps_its_address(place, tmp_path):
    fleet = tmp_path / "fleet"
    write_fleet(fleet, {"ant/prod": {"domain": "shop.localhost"}})
    apply(place, fleet)
    hubs = fleet / "communities/ant/hubs"
    (hubs / "prod.yaml").rename(hubs / "main.yaml")
    done = apply(place, fleet, "--allow-removals")
    assert done == {"ant/main": "create", "ant/prod": "remove"}
    assert hub_answers_people(place.port, "shop.localhost")


def test_hubs_that_swap_their_addresses_are_both_reached(place, fleet):
    here, there = {"domain": "here.localhost"}, {"domain": "there.localhost"}
    write_fleet(fleet, {"ant/prod": here, "bee/prod": there})
    apply(place, fleet)
    write_fleet(fleet, {"ant/prod": there, "bee/prod": here})
    apply(place, fleet)
    for host in ("here.localhost", "there.localhost"):
        assert hub_answers_people(place.port, host)


def test_hubs_that_live_on_are_not_left_behind_on_another_port(place, fleet):
    apply(place, fleet)
    place.run("down", "--keep-hubs")
    elsewhere = str(free_port())
    refused = place.run("apply", "--yes", "--port", elsewhere, fleet=fleet)
    assert refused.returncode == 1
    assert "error[hubs-on-another-port]" in refused.stderr
    assert f"use --port {place.port}, or run `hubfleet down` first" in refused.stderr
    assert hub_answers_people(place.port, "prod-ant.localhost")
    place.run("down", "--yes")
    assert set(apply(place, fleet, "--port", elsewhere).values()) == {"update"}
    assert hub_answers_people(int(elsewhere), "prod-ant.localhost")


def test_a_damaged_spec_is_said_and_mended(place, fleet):
    apply(place, fleet)
    place.run("down", "--yes")
    spec = place.state.hub("ant/prod").spec
    spec.write_text("{")
    row, _ = place.json("status", fleet=fleet)["hubs"]
    assert (row["state"], row["cluster"], row["revision"]) == ("stopped", "reef", 1)
    assert row["note"].startswith("spec.json is damaged: ")
    assert apply(place, fleet) == {"ant/prod": "update", "bee/prod": "start"}
    assert everyone_answers(place, fleet)


def test_damaged_secrets_stop_the_hub_that_has_them_with_place_and_cure(place, fleet):
    apply(place, fleet)
    secrets = place.state.hub("ant/prod").secrets
    secrets.write_text("{")
    refused = place.run("status", "--show-passwords", fleet=fleet)
    assert refused.returncode == 1
    assert f"--> {secrets}" in refused.stderr
    assert "put it back from a copy; or delete it" in refused.stderr


def test_a_proxy_with_another_token_is_obeyed_by_a_hub_that_is_placed_again(place, tmp_path):
    fleet = write_fleet(tmp_path / "fleet", {"ant/prod": {}})
    apply(place, fleet.root)
    write_atomically(place.state.proxy / "token", "another-one\n")
    before = pids(place)["proxy"]
    kill(before)
    until(lambda: pids(place)["proxy"] not in (None, before), "another proxy")
    platform, hub = place.platform(), fleet.hubs["ant/prod"]
    assert platform.perform(StartHub(hub, ()), lambda _: None).changed
    assert hub_answers_people(place.port, "prod-ant.localhost")

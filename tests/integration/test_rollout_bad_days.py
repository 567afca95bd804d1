"""Bad days of a rollout of real hubs: nothing is changed that could not be taken back."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from hubfleet.platforms.local import closing as hub_closing
from hubfleet.platforms.local.control import read_status
from hubfleet.rollout.lease import hold
from tests.fleets import write_fleet
from tests.places import local_place, until
from tests.unit.local.hub_databases import OLDER, make_older

pytestmark = pytest.mark.integration

DIES = {"config": {"Authenticator": {"username_pattern": "("}}}
"""The declaration cannot know that this is no pattern; the hub ends when it reads it."""


@pytest.fixture
def place(tmp_path):
    with local_place(tmp_path / "state") as made:
        yield made


def two(root: Path, memory: str, **stage: object) -> Path:
    values = {"limits": {"memory": memory}}
    hubs: dict[str, dict[str, object]] = {
        "ant/stage": {"stage": "staging", "gate": None, **values, **stage},
        "ant/prod": {"gate": "stage", **values},
    }
    write_fleet(root, hubs, rollout={"attempts": 1})
    return root


def applied(place, fleet, *arguments, code=0):
    done = place.run("apply", "--yes", "--json", "--without-probes", *arguments, fleet=fleet)
    assert done.returncode == code, done.stderr
    return {row["hub"]: row for row in json.loads(done.stdout)["results"]}


def fates(rows):
    return {name: row["fate"] for name, row in rows.items()}


def revisions(place):
    return {hub.name: hub.revision for hub in place.platform().observe("reef").hubs.values()}


def test_a_gate_that_never_becomes_ready_goes_back_and_holds_what_is_behind_it(place, tmp_path):
    fleet = two(tmp_path / "fleet", "512M")
    applied(place, fleet)
    two(fleet, "600M", jupyterhub=DIES)
    rows = applied(place, fleet, code=1)
    assert fates(rows) == {"ant/stage": "rolled-back", "ant/prod": "held"}
    assert rows["ant/stage"]["problems"][0]["code"] == "hub-did-not-come-up"
    states = {row["hub"]: row["state"] for row in place.json("status", fleet=fleet)["hubs"]}
    assert states == {"ant/stage": "running", "ant/prod": "running"}


def test_without_a_snapshot_no_hub_is_changed(place, tmp_path):
    fleet = two(tmp_path / "fleet", "512M")
    applied(place, fleet)
    place.state.hub("ant/stage").revisions.write_text("a file where a folder should be")
    two(fleet, "600M")
    before = {name: child.pid for name, child in read_status(place.state).hubs.items()}
    rows = applied(place, fleet, code=1)
    assert fates(rows) == {"ant/stage": "failed", "ant/prod": "held"}
    assert rows["ant/stage"]["problems"][0]["code"] == "snapshot-not-written"
    assert {n: child.pid for n, child in read_status(place.state).hubs.items()} == before
    assert revisions(place) == {"ant/stage": 1, "ant/prod": 1}


def test_a_migration_that_fails_half_way_leaves_the_database_and_holds_the_rest(place, tmp_path):
    fleet = two(tmp_path / "fleet", "512M")
    applied(place, fleet)
    place.run("down", "--yes")
    database = place.state.hub("ant/stage").database
    make_older(database)
    before = database.read_bytes()
    steps = {step["hub"]: step["action"] for step in place.json("plan", fleet=fleet)["steps"]}
    assert steps == {"ant/stage": "update", "ant/prod": "start"}
    rows = applied(place, fleet, code=1)
    assert fates(rows) == {"ant/stage": "failed", "ant/prod": "done"}, "who needs no change starts"
    said = rows["ant/stage"]["problems"][0]["why"]
    assert f"The migration of the database from schema {OLDER}" in said
    assert "failed, it is as it was" in said
    assert database.read_bytes() == before


def test_a_ledger_that_is_locked_stops_everything_before_it_begins(place, tmp_path):
    fleet = two(tmp_path / "fleet", "512M")
    applied(place, fleet)
    two(fleet, "600M")
    with closing(sqlite3.connect(place.state.ledger, isolation_level=None)) as squatter:
        squatter.execute("BEGIN IMMEDIATE")
        done = place.run("apply", "--yes", "--without-probes", fleet=fleet)
        assert done.returncode == 1
        assert "error[journal-locked]: the ledger is locked by process " in done.stderr
    assert revisions(place) == {"ant/stage": 1, "ant/prod": 1}
    applied(place, fleet)


def test_a_ledger_that_is_damaged_stops_everything_and_has_a_way_out(place, tmp_path):
    fleet = two(tmp_path / "fleet", "512M")
    applied(place, fleet)
    two(fleet, "600M")
    place.state.ledger.write_bytes(b"something else entirely" * 500)
    done = place.run("apply", "--yes", "--without-probes", fleet=fleet)
    assert done.returncode == 1
    assert "error[journal-damaged]: the ledger is damaged" in done.stderr
    assert "`hubfleet history repair`" in done.stderr
    assert revisions(place) == {"ant/stage": 1, "ant/prod": 1}
    with hold(place.state.apply_lock, "hubfleet apply"):
        refused = place.run("history", "repair")
        assert refused.returncode == 1
        assert "error[fleet-held]" in refused.stderr
    assert place.run("history", "repair").returncode == 0
    assert fates(applied(place, fleet)) == {"ant/stage": "done", "ant/prod": "done"}
    assert len(place.json("history")["revisions"]) == 2


KILLS_KEEPER = """
import os, signal, sys
from hubfleet.platforms.local import placing
from hubfleet.platforms.local.control import KeeperClient
real, left = placing.KeeperClient.start, [1]
def start(self, hub):
    if left:
        left.pop()
        os.kill(self.facts().pid, signal.SIGKILL)
        while True:
            try:
                self.facts()
            except ConnectionError:
                break
    return real(self, hub)
placing.KeeperClient.start = start
sys.argv = ["hubfleet", "apply", "--yes", "--without-probes"]
from hubfleet.cli import main
main()
"""


def variables(place, fleet):
    return {
        **os.environ,
        "HUBFLEET_STATE": str(place.state.path),
        "HUBFLEET_FLEET": str(fleet),
        "HUBFLEET_PORT": str(place.port),
    }


def test_a_keeper_that_dies_under_a_rollout_is_replaced_and_the_act_tried_again(place, tmp_path):
    fleet = two(tmp_path / "fleet", "512M")
    applied(place, fleet)
    two(fleet, "600M")
    command = [sys.executable, "-c", KILLS_KEEPER]
    done = subprocess.run(
        command, env=variables(place, fleet), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert revisions(place) == {"ant/stage": 2, "ant/prod": 2}
    assert place.json("plan", fleet=fleet)["steps"] == []


def test_a_change_of_only_the_gate_or_the_stage_touches_no_process(place, tmp_path):
    fleet = two(tmp_path / "fleet", "512M")
    applied(place, fleet)
    before = {name: child.pid for name, child in read_status(place.state).hubs.items()}
    values = {"limits": {"memory": "512M"}}
    write_fleet(fleet, {"ant/stage": {"gate": "none", **values}, "ant/prod": values})
    assert place.json("plan", fleet=fleet)["steps"] == []
    assert applied(place, fleet) == {}
    assert {n: child.pid for n, child in read_status(place.state).hubs.items()} == before


def test_a_rollback_after_an_automatic_one_offers_what_differs(place, tmp_path):
    fleet = two(tmp_path / "fleet", "512M")
    applied(place, fleet)
    two(fleet, "600M")
    applied(place, fleet)
    two(fleet, "700M", jupyterhub=DIES)
    applied(place, fleet, code=1)
    shown = place.json("history", "show", "ant/stage@4")
    assert (shown["action"], shown["restored_from"]) == ("roll-back", 2)
    assert "back to" in place.run("history", "show", "ant/stage@4").stdout
    done = place.json("rollback", "ant/stage", "--yes")
    assert done["to"]["revision"] == 1, "what it went back to by itself is what it runs"
    listed = place.run("rollback", "ant/stage", "--list").stdout.splitlines()
    assert listed[-1].startswith("2 snapshots, ")


KILLED_ROLLBACK = """
import os, signal, sys
from hubfleet.platforms.local.snapshots import restoring
def stop(*_):
    os.kill(os.getpid(), signal.SIGKILL)
restoring._start = stop
sys.argv = ["hubfleet", "rollback", "ant/stage", "--yes"]
from hubfleet.cli import main
main()
"""


def test_a_rollback_that_was_killed_is_shown_and_finished_by_apply(place, tmp_path):
    fleet = two(tmp_path / "fleet", "512M")
    applied(place, fleet)
    two(fleet, "600M")
    applied(place, fleet)
    command = [sys.executable, "-c", KILLED_ROLLBACK]
    cut = subprocess.run(command, env=variables(place, fleet), check=False)
    assert cut.returncode == -signal.SIGKILL
    (first, *_) = place.json("status", fleet=fleet)["remarks"]
    assert first.startswith("A rollback of ant/stage, begun at ")
    assert first.endswith(" was cut off: `hubfleet apply` finishes it.")
    rows = applied(place, fleet, code=1)
    assert fates(rows)["ant/stage"] == "rolled-back"
    assert place.platform().observe("reef").hubs["ant/stage"].values["limits.memory"] == "512M"
    assert fates(applied(place, fleet))["ant/stage"] == "done", "then the declaration again"
    assert place.platform().observe("reef").hubs["ant/stage"].values["limits.memory"] == "600M"


def test_ctrl_c_while_environments_are_built_says_where_things_stand(place, tmp_path):
    fleet = tmp_path / "fleet"
    write_fleet(fleet, {"ant/prod": {"environment": {"packages": ["numpy"]}}})
    with subprocess.Popen(
        [sys.executable, "-m", "hubfleet", "apply", "--yes"],
        env=variables(place, fleet),
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        # Whoever started the tests in the background had their children ignore it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    ) as running:
        until(lambda: any(place.state.environments.glob("*")), "the build to begin")
        running.send_signal(signal.SIGINT)
        _, told = running.communicate(timeout=60)
    assert running.returncode == 130, told
    assert "interrupted: no hub was touched; 0 of 1 things are prepared" in told
    assert not any(place.state.known_hubs())


def test_a_clock_that_is_set_while_a_hub_closes_neither_shortens_nor_prolongs_the_wait(
    tmp_path, monkeypatch
):
    from datetime import UTC, datetime, timedelta

    moment = [datetime(2026, 3, 1, 12, tzinfo=UTC)]
    monkeypatch.setattr(hub_closing, "now", lambda: moment[0])
    assert hub_closing.close(tmp_path, 600) == 600
    assert hub_closing.closing_until(tmp_path) == "2026-03-01T12:10:00Z"
    moment[0] += timedelta(minutes=4)
    assert hub_closing.close(tmp_path, 600) == 360, "the rest of what was promised"
    moment[0] -= timedelta(days=400)
    assert hub_closing.close(tmp_path, 600) == 600, "never more than the policy says"
    moment[0] += timedelta(days=800)
    assert hub_closing.close(tmp_path, 600) == 0
    hub_closing.reopen(tmp_path)
    assert hub_closing.notice(tmp_path, "UTC") == ""

"""Importing with data: what is in the way is told before anything is written, and nobody loses."""

from __future__ import annotations

import fcntl
import json
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from hubfleet.kit.errors import HubfleetError
from hubfleet.platforms.local.folders import StateFolder
from hubfleet.platforms.local.homes.people import numbers_of
from hubfleet.platforms.local.processes import boot_id, start_time
from hubfleet.platforms.local.spec import RunRecord
from hubfleet.replicate.adopting import Wish, adopt
from hubfleet.replicate.bundle.manifest import Promise
from hubfleet.replicate.data.databases import everybody
from hubfleet.replicate.export import Options, export
from hubfleet.replicate.trial.comparing import (
    Trial,
    compare_behaviour,
    compare_packages,
    compare_people,
)
from tests.fleets import write_fleet
from tests.unit.replicate.bundles import (
    NEW_FLEET,
    exported,
    with_parts,
    write_database,
    write_hub,
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A bundle of a hub with two homes, and the fleet and state that it came from."""
    folder = tmp_path_factory.mktemp("made")
    fleet = write_fleet(folder / "fleet", {"reef/prod": {}})
    state = StateFolder(folder / "state")
    write_hub(state, "reef/prod", {"bo": {"notes": b"bo's"}, "cy": {"notes": b"cy's"}})
    exported(fleet, ("reef/prod",), folder / "bundle", state)
    return folder / "bundle"


@pytest.fixture
def wish(tmp_path):
    root = tmp_path / "new"
    root.mkdir()
    (root / "fleet.yaml").write_text(NEW_FLEET)
    return Wish(root, "here", state=StateFolder(tmp_path / "state"))


def refusal(bundle, wish):
    with pytest.raises(HubfleetError) as error:
        adopt(bundle, wish)
    return error.value.problems[0]


def home(wish, hub, person):
    folder = wish.state.hub(hub)
    return folder.homes / str(numbers_of(folder.path)[person])


def test_homes_people_and_shared_folders_are_put_in_place(made, wish):
    adopted = adopt(made, wish)
    assert adopted.missing == ()
    (told,) = adopted.restored
    assert (told.homes, told.strangers, told.people_added) == (["bo", "cy"], [], 2)
    folder = wish.state.hub("reef/prod")
    assert (home(wish, "reef/prod", "bo") / "notes").read_bytes() == b"bo's"
    assert (folder.shared / "data.csv").exists()
    assert everybody(folder.database)["users"] == ["bo", "cy"]
    assert not (folder.path / "restoring.jsonl").exists()
    assert oct(folder.path.stat().st_mode & 0o777) == "0o700"


def test_sessions_and_tokens_are_new(made, wish):
    adopt(made, wish)
    with closing(sqlite3.connect(wish.state.hub("reef/prod").database)) as database:
        cookies = [row[0] for row in database.execute("SELECT cookie_id FROM users")]
        states = [row[0] for row in database.execute("SELECT state FROM spawners")]
        (tokens,) = database.execute("SELECT count(*) FROM api_tokens").fetchone()
        (sealed,) = database.execute("SELECT count(encrypted_auth_state) FROM users").fetchone()
    assert len({*cookies}) == 2
    assert all(len(cookie) == 32 for cookie in cookies)
    assert (states, tokens, sealed) == ([None, None], 0, 0)


def test_a_fleet_with_the_same_hub_is_told_with_a_cure(made, wish):
    adopt(made, wish)
    hub = wish.root / "communities/reef/hubs/prod.yaml"
    hub.write_text(hub.read_text() + "title: Another\n")
    problem = refusal(made, Wish(wish.root, "here"))
    assert str(problem) == (
        "error[import-target-exists]: there is a file `communities/reef/hubs/prod.yaml` already\n"
        "  --> communities/reef/hubs/prod.yaml\n"
        "  why: Nothing is overwritten.\n"
        "  hint: import it under another name with --as"
    )
    adopted = adopt(made, Wish(wish.root, "here", named="reef/other"))
    assert "communities/reef/hubs/other.yaml" in adopted.files


def test_another_community_of_the_same_name_is_told(made, wish):
    write_fleet(wish.root, {"reef/own": {}})
    community = wish.root / "communities/reef/community.yaml"
    community.write_text(community.read_text().replace("Reef", "Other Reef"))
    problem = refusal(made, wish)
    assert (problem.code, problem.hint) == (
        "community-is-another",
        "import it under another name with --as",
    )


def test_a_home_that_is_there_is_never_overwritten(made, wish):
    write_hub(wish.state, "reef/prod", {"bo": {"notes": b"another bo's"}})
    problem = refusal(made, wish)
    assert problem.code == "home-exists"
    assert not (wish.root / "communities").exists()
    shutil.rmtree(wish.state.hub("reef/prod").shared)
    renamed = Wish(wish.root, "here", renamed={"bo": "bo2"}, state=wish.state)
    adopted = adopt(made, renamed)
    assert (home(wish, "reef/prod", "bo") / "notes").read_bytes() == b"another bo's"
    assert (home(wish, "reef/prod", "bo2") / "notes").read_bytes() == b"bo's"
    assert adopted.restored[0].people_there == 0
    users = everybody(wish.state.hub("reef/prod").database)["users"]
    assert users == ["bo", "bo2", "cy", "hubfleet-probe"]


def test_people_who_are_there_keep_what_they_have(made, wish):
    write_database(wish.state.hub("reef/prod").database, {"bo": True}, "their-own")
    (told,) = adopt(made, wish).restored
    assert (told.people_added, told.people_there) == (1, 1)
    people = everybody(wish.state.hub("reef/prod").database)
    assert (people["users"], people["admins"]) == (["bo", "cy"], ["bo"])
    assert people["groups"] == {"crew": ["bo", "cy"]}
    with closing(sqlite3.connect(wish.state.hub("reef/prod").database)) as database:
        (cookie,) = database.execute("SELECT cookie_id FROM users WHERE name = 'bo'").fetchone()
    assert cookie == "their-own-cookie-1"


def test_the_home_of_somebody_who_does_not_exist_is_kept_and_told(made, wish, tmp_path):
    bundle = shutil.copytree(made, tmp_path / "bundle")
    hub = json.loads((bundle / "manifest.json").read_text())["hubs"]["prod"]
    with_parts(bundle, {}, hubs={"prod": {**hub, "users": ["cy"], "admins": []}})
    (told,) = adopt(bundle, wish).restored
    assert told.strangers == ["bo"]
    assert (home(wish, "reef/prod", "bo") / "notes").read_bytes() == b"bo's"


def test_a_hub_that_runs_is_left_alone(made, wish):
    folder = wish.state.hub("reef/prod")
    write_hub(wish.state, "reef/prod", {})
    us = RunRecord(os.getpid(), start_time(os.getpid()) or 0, boot_id(), "now", SPEC)
    us.write(folder.run)
    assert refusal(made, wish).code == "hub-is-running"


SPEC = {
    "name": "reef/prod",
    "cluster": "here",
    "revision": 1,
    "domain": "d",
    "title": "t",
    "url": "u",
    "port": 1,
    "proxy_api": "p",
    "proxy_port": 2,
    "flat": {},
    "values": {},
}


def test_two_imports_at_once_do_not_mix(made, wish):
    folder = wish.state.hub("reef/prod").path
    folder.mkdir(parents=True)
    with (folder / ".restoring.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert refusal(made, wish).code == "restore-under-way"


def test_data_for_a_cluster_elsewhere_is_refused_with_what_to_do(made, wish):
    (wish.root / "clusters").mkdir()
    (wish.root / "clusters/here.yaml").write_text(
        "platform: kubernetes\nkubernetes: {context: tide}\n"
    )
    assert refusal(made, wish).code == "restore-needs-local"


def test_a_dry_run_writes_nothing(made, wish):
    dry = Wish(wish.root, "here", state=wish.state, dry_run=True)
    adopted = adopt(made, dry)
    assert adopted.hubs == {"prod": "reef/prod"}
    assert sorted(path.name for path in wish.root.iterdir()) == ["fleet.yaml"]


def test_what_is_there_already_is_not_overwritten_by_an_export(tmp_path):
    fleet = write_fleet(tmp_path / "fleet", {"reef/prod": {}})
    (tmp_path / "bundle").mkdir()
    with pytest.raises(HubfleetError) as error:
        export(fleet, ("reef/prod",), tmp_path / "bundle", Options())
    assert str(error.value) == (
        "error[bundle-exists]: there is something already where the bundle is to be\n"
        f"  --> {tmp_path / 'bundle'}\n"
        "  why: Nothing is overwritten.\n"
        "  hint: choose another name with --to, or move it away"
    )


FULL = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
sys.argv = ["hubfleet", *sys.argv[1:]]
from hubfleet.cli import main
main()
"""


def test_a_target_without_room_is_told_and_gone_on_with(tmp_path):
    """A limit on files stands for a full disk: the same calls fail, in the same places."""
    fleet = write_fleet(tmp_path / "fleet", {"reef/prod": {}})
    state = StateFolder(tmp_path / "state")
    write_hub(state, "reef/prod", {"ann": {"a": b"1"}, "bo": {"big": os.urandom(900_000)}})
    command = ["replicate", "export", "reef/prod", "--to", str(tmp_path / "out.tar.zst")]
    command += ["--with-homes", "--fleet", str(tmp_path / "fleet"), "--state", str(state.path)]
    done = subprocess.run(
        [sys.executable, "-c", FULL, *command], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    assert (
        "error[bundle-not-written]: there is no room for the bundle\n"
        f"  --> {tmp_path / 'out.tar.zst'}\n"
        "  why: File too large\n"
        "  hint: make room, or choose another place; the same command then goes on where it was\n"
    ) in done.stderr
    assert not (tmp_path / "out.tar.zst").exists()
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    made = export(fleet, ("reef/prod",), tmp_path / "out.tar.zst", Options(homes=True), state)
    assert made.resumed == 1


def test_what_differs_from_a_promise_is_told():
    promise = Promise(
        stage="production",
        sign_in="console",
        interface="lab",
        users=["ada", "bo"],
        admins=["ada"],
        groups={"crew": ["bo"]},
    )
    trial = Trial("reef/prod")
    compare_people(trial, promise, {"users": ["ada"], "admins": ["cy"], "groups": {}})
    compare_packages(trial, {"numpy": "2.0", "six": "1.1"}, {"numpy": "1.0", "six": "1.1"})
    compare_behaviour(trial, promise, "notebook", 2)
    assert [(check.name, check.outcome, check.detail) for check in trial.checks] == [
        ("users", "differs", "bo is missing"),
        ("admins", "differs", "ada is none; cy is one"),
        ("groups", "differs", "bo is not in crew"),
        ("packages", "differs", "numpy is 1.0 instead of 2.0"),
        (
            "behaviour",
            "differs",
            "notebook opens first instead of lab; 2 named servers instead of 0",
        ),
    ]
    assert not trial.ok


def test_a_package_is_the_same_in_every_spelling():
    trial = Trial("reef/prod")
    compare_packages(trial, {"ruamel-yaml": "1.0"}, {"Ruamel.Yaml": "1.0", "more": "2.0"}, "r")
    assert [(check.name, check.outcome) for check in trial.checks] == [("packages of r", "same")]

"""`apply` after an upgrade of JupyterHub: the database is migrated, the gate fails, it goes back.

A real JupyterHub of an earlier major version made the database; users and tokens must survive.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hubfleet.platforms.local.servers import running_servers
from hubfleet.platforms.local.snapshots.database import installed_schemas, people_of, schema_of
from tests.fleets import write_fleet
from tests.integration.local import old_jupyterhub
from tests.integration.local.test_rollback_schema import OLD, who
from tests.integration.people import Person
from tests.places import LocalPlace, local_place

pytestmark = pytest.mark.integration

HUB = "ant/prod"
VERSION = "5.3.0"
BROKEN = {"jupyterhub": {"config": {"Spawner": {"start_timeout": 0}}}}
"""No server is quick enough for that: the hub comes up, and nobody can work."""


@pytest.fixture
def place(tmp_path):
    with local_place(tmp_path / "state") as made:
        yield made


def declare(root: Path, **values: object) -> Path:
    people = {
        "access": {"admins": ["ada"], "everyone": True},
        "groups": {"researchers": ["bo", "cy"]},
    }
    write_fleet(root, {HUB: {**people, **values}}, rollout={"attempts": 2, "back_off": "1s"})
    return root


def as_before_the_upgrade(place: LocalPlace, root: Path, folder: Path) -> str:
    """A hub that ran under the older JupyterHub and is down; a token that it gave to `bo`."""
    python = old_jupyterhub.install(folder / "environment", VERSION)
    token = old_jupyterhub.old_database(python, folder / "hub.sqlite")
    assert place.run("apply", "--yes", "--without-probes", fleet=root).returncode == 0
    assert place.run("down", "--yes").returncode == 0
    hub = place.state.hub(HUB)
    for path in (hub.spec, hub.run):
        facts = json.loads(path.read_text())
        (facts if path == hub.spec else facts["spec"])["software"]["jupyterhub"] = VERSION
        path.write_text(json.dumps(facts))
    hub.database.write_bytes((folder / "hub.sqlite").read_bytes())
    return token


def apply(place: LocalPlace, root: Path, code: int) -> dict[str, Any]:
    done = place.run("apply", "--yes", "--json", fleet=root)
    assert done.returncode == code, done.stderr
    (row,) = json.loads(done.stdout)["results"]
    return dict(row)


def test_an_upgrade_whose_gate_fails_goes_back_with_users_and_tokens(place, tmp_path):
    root = declare(tmp_path / "fleet", limits={"memory": "512M"})
    token = as_before_the_upgrade(place, root, tmp_path / "old")
    hub = place.state.hub(HUB)
    declare(root, limits={"memory": "600M"}, **BROKEN)
    (step,) = place.json("plan", fleet=root)["steps"]
    reasons = {reason["key"]: (reason["old"], reason["new"]) for reason in step["reasons"]}
    assert step["action"] == "update"
    assert reasons["software.jupyterhub"][0] == VERSION
    assert reasons["database schema"] == (OLD[VERSION], installed_schemas()[0])

    row = apply(place, root, 1)
    assert (row["fate"], row["attempts"]) == ("rolled-back", 2)
    assert row["problems"][0]["code"] == "gate-not-passed"
    revisions = place.json("history", HUB)["revisions"]
    assert [one["action"] for one in revisions[:2]] == ["roll-back", "update"]
    shown = place.json("history", "show", str(revisions[0]["id"]))
    assert shown["restored_from"] == 1
    assert shown["values"]["limits.memory"] == "512M"
    (snapshot,) = place.json("rollback", HUB, "--list")["snapshots"]
    assert snapshot["database_schema"] == OLD[VERSION], "made before the migration"
    assert list((hub.revisions / "replaced").glob("*.sqlite")), "the migrated one went away"
    assert schema_of(hub.database) == installed_schemas()[0], "migrated again, to serve people"
    assert who(place, token) == "bo"
    assert {"ada", "bo", "cy", "dee"} <= set(people_of(hub.database)["users"])
    assert people_of(hub.database)["groups"] == {"researchers": ["bo", "cy"]}

    with Person(place, HUB, "bo") as bo:
        bo.start_server()
        kernel = bo.run("import os; x = 42; print(os.getpid())")
        servers = running_servers(hub.path)
        assert apply(place, root, 1)["fate"] == "rolled-back"
        assert bo.run("print(os.getpid(), x)") == f"{kernel} 42"
        assert running_servers(hub.path) == servers
    declare(root, limits={"memory": "600M"})
    assert apply(place, root, 0)["fate"] == "done"
    assert who(place, token) == "bo"


def test_a_start_that_migrates_is_an_update_with_a_way_back(place, tmp_path):
    root = declare(tmp_path / "fleet", **BROKEN)
    token = as_before_the_upgrade(place, root, tmp_path / "old")
    hub = place.state.hub(HUB)
    facts = json.loads(hub.spec.read_text())
    current = place.platform().observe("reef").software["jupyterhub"]
    facts["software"]["jupyterhub"] = current
    hub.spec.write_text(json.dumps(facts))
    (step,) = place.json("plan", fleet=root)["steps"]
    assert step["action"] == "update"
    assert [reason["key"] for reason in step["reasons"]] == ["database schema", "state"]
    assert apply(place, root, 1)["fate"] == "rolled-back"
    assert who(place, token) == "bo"

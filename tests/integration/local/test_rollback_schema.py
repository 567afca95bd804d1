"""Upgrade and rollback over a change of JupyterHub's database schema, with real old JupyterHubs."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from hubfleet.kit.errors import HubfleetError
from hubfleet.planning.steps import StartHub
from hubfleet.platforms.local.control import read_status
from hubfleet.platforms.local.folders import HubFolder
from hubfleet.platforms.local.servers import running_servers
from hubfleet.platforms.local.snapshots.database import installed_schemas, people_of, schema_of
from tests.fleets import write_fleet
from tests.integration.local import old_jupyterhub
from tests.integration.people import Person
from tests.places import LocalPlace, local_place

pytestmark = pytest.mark.integration

OLD = {"4.1.6": "0eee8c825d24", "5.3.0": "4621fec11365"}
HUB = "ant/prod"


def nothing(*_: str) -> None: ...


@pytest.fixture(scope="module", params=OLD)
def old(request, tmp_path_factory) -> tuple[str, Path]:
    """An old version and its Python."""
    folder = tmp_path_factory.mktemp("old") / "environment"
    return request.param, old_jupyterhub.install(folder, request.param)


@pytest.fixture
def place(tmp_path):
    with local_place(tmp_path / "state") as made:
        yield made


def adopt(place: LocalPlace, folder: HubFolder, database: Path, root: Path) -> None:
    """A hub that runs on the old database: as a hub is just after JupyterHub was upgraded."""
    fleet = write_fleet(root, {HUB: {"access": {"admins": ["ada"], "everyone": True}}})
    place.platform().prepare(list(fleet.hubs.values()), nothing)
    step = StartHub(fleet.hubs[HUB], ())
    place.platform().perform(step, nothing)
    assert place.run("down").returncode == 0
    folder.database.write_bytes(database.read_bytes())
    (folder.path / ".hub.sqlite.migrating").write_bytes(b"left by a hub that was killed")
    place.platform().prepare(list(fleet.hubs.values()), nothing)
    place.platform().perform(step, nothing)


def who(place: LocalPlace, token: str) -> str:
    """Whose token it is, asked from the hub under its public name."""
    host = f"prod-ant.localhost:{place.port}"
    status, answer = old_jupyterhub.ask(place.port, "GET", "user", token, host=host)
    return answer["name"] if status == 200 else f"status {status}"


def rows(path: Path) -> set[tuple[object, ...]]:
    """Every person of a database, and their tokens (services get theirs from configuration)."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        tokens = database.execute(
            "SELECT prefix, hashed, user_id, scopes FROM api_tokens WHERE user_id IS NOT NULL"
        )
        people = database.execute("SELECT id, name, cookie_id FROM users")
        found = {*tokens, *people}
    database.close()
    return found


def test_an_old_hub_is_migrated_and_brought_back_while_its_people_work(old, place, tmp_path):
    version, python = old
    database = tmp_path / "old" / "hub.sqlite"
    token = old_jupyterhub.old_database(python, database)
    assert schema_of(database) == OLD[version]
    folder, platform = place.state.hub(HUB), place.platform()
    adopt(place, folder, database, tmp_path / "fleet")

    (snapshot,) = platform.snapshots(HUB)
    assert snapshot.database_schema == OLD[version], "made before the migration, by itself"
    assert schema_of(folder.database) == installed_schemas()[0]
    assert not list(folder.path.glob(".hub.sqlite*"))
    assert who(place, token) == "bo"
    old_rows = rows(folder.path / "revisions" / snapshot.id / "hub.sqlite")

    with Person(place, HUB, "bo") as bo, Person(place, HUB, "newcomer") as newcomer:
        bo.start_server()
        kernel = bo.run("import os; x = 42; print(os.getpid())")
        newcomer.start_server()
        newcomer.run("y = 43")
        servers = running_servers(folder.path)
        hub_before = read_status(place.state).hubs[HUB].pid

        with pytest.raises(HubfleetError) as caught:
            platform.roll_back(HUB, snapshot.id, nothing, other_software="refuse")
        (problem,) = caught.value.problems
        assert problem.code == "software-differs"
        assert "--migrate-again" in problem.hint
        assert read_status(place.state).hubs[HUB].pid == hub_before, "nothing was touched"

        back = platform.roll_back(HUB, snapshot.id, nothing, other_software="migrate")
        assert back.changed
        assert back.revision == snapshot.revision + 1
        assert "newcomer" in back.note
        assert schema_of(folder.database) == installed_schemas()[0]
        assert who(place, token) == "bo"
        assert bo.run("print(os.getpid(), x)") == f"{kernel} 42"
        assert newcomer.run("print(y)") == "43"
        assert running_servers(folder.path) == servers

        platform.roll_back(HUB, snapshot.id, nothing, other_software="leave-down")
        assert read_status(place.state).hubs[HUB].pid is None
        assert schema_of(folder.database) == OLD[version]
        assert old_rows <= rows(folder.database)
        people = people_of(folder.database)
        assert {"ada", "bo", "cy", "dee", "newcomer"} <= set(people["users"])
        assert people["groups"] == {"researchers": ["bo", "cy"]}
        assert "ada" in people["admins"]
        assert running_servers(folder.path) == servers, "they go on without their hub"

        copy = tmp_path / "back" / "hub.sqlite"
        copy.parent.mkdir()
        copy.write_bytes(folder.database.read_bytes())
        with old_jupyterhub.running(python, copy) as hub:
            status, answer = hub.ask("GET", "user", token)
            assert (status, answer["name"]) == (200, "bo")

        platform.roll_back(HUB, snapshot.id, nothing, other_software="migrate")
        assert bo.run("print(os.getpid(), x)") == f"{kernel} 42"
        assert bo.server_answers()
        assert who(place, token) == "bo"

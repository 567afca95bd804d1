"""Going back: with people at work, from every bad day, and after a kill -9 at every moment."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from hubfleet.fleet.model import Hub
from hubfleet.kit.errors import HubfleetError
from hubfleet.planning.observation import ObservedHub
from hubfleet.planning.steps import RemoveHub, StartHub, UpdateHub
from hubfleet.platforms.local.control import KeeperClient, read_status
from hubfleet.platforms.local.folders import HubFolder
from hubfleet.platforms.local.platform import LocalPlatform
from hubfleet.platforms.local.servers import running_servers
from hubfleet.platforms.local.snapshots import putting_back, shelf
from hubfleet.platforms.local.snapshots.database import people_of, schema_of
from hubfleet.platforms.local.spec import HubSpec
from hubfleet.platforms.local.stopping import wait_until_down
from tests.fleets import write_fleet
from tests.integration.people import Person
from tests.places import LocalPlace, local_place, until
from tests.unit.local.hub_databases import OLDER, ask, execute, make_older

pytestmark = pytest.mark.integration

HUB = "ant/prod"
REMEMBER = "import os; x = 42; print(os.getpid())"


def nothing(*_: str) -> None: ...


@dataclass
class Hubs:
    """One hub in a place of its own."""

    place: LocalPlace
    root: Path
    declared: Hub

    @property
    def platform(self) -> LocalPlatform:
        return self.place.platform()

    @property
    def folder(self) -> HubFolder:
        return self.place.state.hub(HUB)

    def change(self, **values: Any) -> None:
        """Declare other values and have them run."""
        self.declared = declare(self.root, **values)
        self.platform.perform(UpdateHub(self.declared, ()), nothing)

    def seen(self) -> ObservedHub:
        return self.platform.observe("reef").hubs[HUB]

    def stop(self) -> None:
        KeeperClient(self.place.state).stop(HUB)
        wait_until_down(self.place.state, [HUB])

    def start(self) -> None:
        self.platform.perform(StartHub(self.declared, ()), nothing)

    def pid(self) -> int | None:
        return read_status(self.place.state).hubs[HUB].pid


def declare(root: Path, **values: Any) -> Hub:
    access = {"admins": ["ada"], "everyone": True}
    return write_fleet(root, {HUB: {"access": access, **values}}).hubs[HUB]


@pytest.fixture
def hubs(tmp_path) -> Iterator[Hubs]:
    with local_place(tmp_path / "state") as place:
        made = Hubs(place, tmp_path / "fleet", declare(tmp_path / "fleet"))
        made.platform.prepare([made.declared], nothing)
        made.start()
        yield made


def code_of(caught: pytest.ExceptionInfo[HubfleetError]) -> str:
    (problem,) = caught.value.problems
    assert problem.hint
    return problem.code


def test_configuration_goes_back_while_people_work_on(hubs):
    with Person(hubs.place, HUB, "bo") as bo:
        bo.start_server()
        kernel = bo.run(REMEMBER)
        servers = running_servers(hubs.folder.path)
        before = hubs.seen()
        snapshot = hubs.platform.snapshot(HUB)
        hubs.change(limits={"memory": "300M"}, title="Another")
        with Person(hubs.place, HUB, "newcomer"):
            pass
        preview = hubs.platform.preview_rollback(HUB, snapshot.id)
        assert {change.key for change in preview.changes} == {"limits.memory", "title"}
        assert not preview.database
        assert any("bo" in sentence for sentence in preview.keeps)

        back = hubs.platform.roll_back(HUB, snapshot.id, nothing)
        assert (back.changed, back.revision) == (True, 3)
        assert hubs.seen().values == before.values
        assert hubs.seen().revision == 3, "a rollback is a revision of its own"
        assert bo.run("print(os.getpid(), x)") == f"{kernel} 42"
        assert running_servers(hubs.folder.path) == servers
        assert "newcomer" in people_of(hubs.folder.database)["users"]

        pid = hubs.pid()
        again = hubs.platform.roll_back(HUB, snapshot.id, nothing)
        assert (again.changed, again.revision, hubs.pid()) == (False, 3, pid)


def test_a_database_that_is_put_back_knows_the_running_servers_and_the_newcomers(hubs):
    snapshot = hubs.platform.snapshot(HUB)
    with Person(hubs.place, HUB, "eve") as eve, Person(hubs.place, HUB, "fay"):
        eve.start_server()
        kernel = eve.run(REMEMBER)
        execute(hubs.folder.database, "UPDATE users SET admin = 1 WHERE name = 'eve'")
        preview = hubs.platform.preview_rollback(HUB, snapshot.id, put_database_back=True)
        assert any("eve, fay" in sentence for sentence in preview.keeps), preview.keeps
        assert preview.loses

        back = hubs.platform.roll_back(HUB, snapshot.id, nothing, put_database_back=True)
        assert "eve, fay" in back.note
        assert eve.run("print(os.getpid(), x)") == f"{kernel} 42"
        assert eve.server_answers()
        assert "eve" not in people_of(hubs.folder.database)["admins"]
        # Not only the proxy and the server: the hub itself knows and can stop it.
        with Person(hubs.place, HUB, "ada", admin=True):
            servers = ask(hubs.folder.database, "SELECT count(server_id) FROM spawners")
        assert servers == [(1,)]


def test_a_hub_that_is_down_or_crashes_all_the_time_is_brought_back(hubs):
    snapshot = hubs.platform.snapshot(HUB)
    values = hubs.declared.values
    wrong = values.jupyterhub.model_copy(update={"config": {"JupyterHub": {"logo_file": 12}}})
    broken = replace(hubs.declared, values=values.model_copy(update={"jupyterhub": wrong}))
    with pytest.raises(HubfleetError) as caught:
        hubs.platform.perform(UpdateHub(broken, ()), nothing)
    assert code_of(caught) == "hub-did-not-come-up"
    assert hubs.platform.roll_back(HUB, snapshot.id, nothing).changed
    assert hubs.seen().state == "running"
    hubs.stop()
    assert hubs.platform.roll_back(HUB, snapshot.id, nothing).changed
    assert hubs.seen().state == "running"


def test_a_snapshot_that_is_not_whole_changes_nothing(hubs):
    snapshot = hubs.platform.snapshot(HUB)
    hubs.change(limits={"memory": "300M"})
    pid, spec = hubs.pid(), hubs.folder.spec.read_bytes()
    people = hubs.folder.revisions / snapshot.id / "people.json"
    people.write_text(people.read_text().replace("ada", "eve"))
    with pytest.raises(HubfleetError) as caught:
        hubs.platform.roll_back(HUB, snapshot.id, nothing)
    assert code_of(caught) == "snapshot-damaged"
    assert (hubs.pid(), hubs.folder.spec.read_bytes()) == (pid, spec)


def test_an_environment_that_is_gone_changes_nothing(hubs):
    snapshot = hubs.platform.snapshot(HUB)
    kept = shelf.find(hubs.folder, snapshot.id)
    spec = kept.spec
    object.__setattr__(spec, "environment", str(hubs.place.state.environments / "env-gone"))
    spec.write(kept.path / "spec.json")
    digests = {**kept.digests, "spec.json": shelf.digest_of(kept.path / "spec.json")}
    (kept.path / "snapshot.json").write_text(shelf.marker(kept.what, digests))
    pid = hubs.pid()
    with pytest.raises(HubfleetError) as caught:
        hubs.platform.roll_back(HUB, snapshot.id, nothing)
    assert (code_of(caught), hubs.pid()) == ("environment-missing", pid)


def test_a_damaged_database_refuses_a_snapshot_and_is_mended_by_a_rollback(hubs):
    with Person(hubs.place, HUB, "bo"):
        pass
    snapshot = hubs.platform.snapshot(HUB)
    hubs.stop()
    damaged = b"SQLite format 3\x00" + os.urandom(5000)
    hubs.folder.database.write_bytes(damaged)
    with pytest.raises(HubfleetError) as caught:
        hubs.platform.snapshot(HUB)
    assert code_of(caught) == "database-damaged"
    with pytest.raises(HubfleetError) as caught:
        hubs.start()
    assert code_of(caught) == "database-damaged", "the change is refused, too"

    back = hubs.platform.roll_back(HUB, snapshot.id, nothing)
    assert "Nothing could be carried over" in back.note
    assert hubs.seen().state == "running"
    assert {"ada", "bo"} <= set(people_of(hubs.folder.database)["users"])
    (replaced,) = (hubs.folder.revisions / "replaced").glob("*.sqlite")
    assert replaced.read_bytes() == damaged


def test_a_disk_that_fills_up_in_the_middle_is_said_and_loses_nothing(hubs, monkeypatch):
    snapshot = hubs.platform.snapshot(HUB)
    hubs.change(title="Another")
    with Person(hubs.place, HUB, "eve") as eve:
        eve.start_server()
        kernel = eve.run(REMEMBER)

        def full(*_: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patched:
            patched.setattr(putting_back, "merge", full)
            with pytest.raises(HubfleetError) as caught:
                hubs.platform.roll_back(HUB, snapshot.id, nothing, put_database_back=True)
        assert code_of(caught) == "rollback-failed"
        assert "started again as it was" in caught.value.problems[0].hint
        until(lambda: hubs.seen().state == "running", "the hub as it was")
        assert hubs.seen().revision == 2

        with monkeypatch.context() as patched:
            patched.setattr(HubSpec, "write", full)
            with pytest.raises(HubfleetError) as caught:
                hubs.platform.roll_back(HUB, snapshot.id, nothing, put_database_back=True)
        assert code_of(caught) == "rollback-failed"
        back = hubs.platform.roll_back(HUB, snapshot.id, nothing, put_database_back=True)
        assert (back.revision, hubs.seen().state) == (3, "running")
        assert eve.run("print(os.getpid(), x)") == f"{kernel} 42"
        assert eve.server_answers()


def test_a_migration_that_fails_half_way_leaves_the_database_as_it_was(hubs):
    hubs.stop()
    make_older(hubs.folder.database)
    before = hubs.folder.database.read_bytes()
    with pytest.raises(HubfleetError) as caught:
        hubs.start()
    assert code_of(caught) == "hub-did-not-come-up"
    assert f"The migration of the database from schema {OLDER}" in caught.value.problems[0].why
    assert "failed, it is as it was" in caught.value.problems[0].why
    assert "duplicate column name: code_challenge" in caught.value.problems[0].why
    assert hubs.folder.database.read_bytes() == before
    (snapshot,) = hubs.platform.snapshots(HUB)
    assert snapshot.database_schema == OLDER

    with pytest.raises(HubfleetError) as caught:
        hubs.platform.roll_back(HUB, snapshot.id, nothing)
    assert code_of(caught) == "rollback-did-not-come-up"
    assert "install jupyterhub" in caught.value.problems[0].hint
    assert hubs.folder.database.read_bytes() == before


def test_a_database_that_another_program_half_migrated_gets_its_rows_back(hubs):
    from jupyterhub import dbutil

    with Person(hubs.place, HUB, "bo"):
        pass
    hubs.stop()
    make_older(hubs.folder.database)
    snapshot = hubs.platform.snapshot(HUB)
    rows = everything(hubs.folder.database)
    with dbutil._temp_alembic_ini(f"sqlite:///{hubs.folder.database}") as settings:
        command = [sys.executable, "-m", "alembic", "-c", settings, "upgrade", "head"]
        assert subprocess.run(command, check=False, capture_output=True).returncode
    assert schema_of(hubs.folder.database) != OLDER
    back = hubs.platform.roll_back(HUB, snapshot.id, nothing, other_software="leave-down")
    assert "is down until jupyterhub" in back.note
    assert hubs.pid() is None
    assert everything(hubs.folder.database) == rows
    assert schema_of(hubs.folder.database) == OLDER


def test_a_hub_does_not_migrate_what_it_could_not_go_back_to(hubs):
    hubs.stop()
    make_older(hubs.folder.database)
    KeeperClient(hubs.place.state).start(HUB)
    wait_until_down(hubs.place.state, [HUB])
    assert "no snapshot to go back to" in hubs.folder.log.read_text()
    assert schema_of(hubs.folder.database) == OLDER


def test_the_folder_of_a_removed_hub_keeps_its_snapshots(hubs):
    snapshot = hubs.platform.snapshot(HUB)
    hubs.platform.perform(RemoveHub(HUB, "reef", ()), nothing)
    (marker,) = hubs.place.state.removed.glob(f"ant/prod-*/revisions/{snapshot.id}/snapshot.json")
    assert marker.is_file()


KILLED = """
import os, signal, sys
from pathlib import Path
from hubfleet.platforms.local import control, platform
from hubfleet.platforms.local.folders import StateFolder
from hubfleet.platforms.local.snapshots import database, journal, putting_back, restoring
from hubfleet.platforms.local.spec import HubSpec
state, port, hub, snapshot, after = sys.argv[1:]
left = int(after)
def deadly(owner, name):
    real = getattr(owner, name)
    def counted(*arguments, **named):
        global left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        return real(*arguments, **named)
    setattr(owner, name, counted)
for owner, name in [(journal.Intention, "write"), (restoring, "copy_aside"),
    (control.KeeperClient, "stop"), (restoring, "wait_until_down"), (restoring, "exchange"),
    (putting_back, "merge"), (putting_back.os, "link"), (Path, "replace"),
    (putting_back.shutil, "rmtree"), (HubSpec, "write"), (control.KeeperClient, "start"),
    (restoring, "wait_until_up"), (journal, "finish")]:
    deadly(owner, name)
platform.LocalPlatform(StateFolder(Path(state)), port=int(port)).roll_back(
    hub, snapshot, lambda phase: None, put_database_back=True)
"""


def test_a_kill_at_any_moment_is_mended_by_the_same_rollback_again(hubs):
    snapshot = hubs.platform.snapshot(HUB)
    with Person(hubs.place, HUB, "bo") as bo:
        bo.start_server()
        kernel = bo.run(REMEMBER)
        servers = running_servers(hubs.folder.path)
        for moment in range(40):
            hubs.change(limits={"memory": f"{300 + moment}M"})
            revision = hubs.seen().revision
            arguments = [str(hubs.place.state.path), str(hubs.place.port), HUB, snapshot.id]
            cut = subprocess.run(
                [sys.executable, "-c", KILLED, *arguments, str(moment)],
                check=False,
                capture_output=True,
            )
            if cut.returncode != -signal.SIGKILL:
                assert cut.returncode == 0, cut.stderr
                break
            back = hubs.platform.roll_back(HUB, snapshot.id, nothing, put_database_back=True)
            assert back.revision == revision + 1, moment
            assert hubs.seen().values["limits.memory"] == "1G", moment
            assert running_servers(hubs.folder.path) == servers, moment
            assert people_of(hubs.folder.database)["users"].count("bo") == 1
            assert not (hubs.folder.revisions / "rollback.json").exists()
        assert moment > 10, "it was killed at many moments"
        assert bo.run("print(os.getpid(), x)") == f"{kernel} 42"
        assert bo.server_answers()


def test_the_command_shows_asks_and_goes_back(hubs):
    run = hubs.place.run
    assert "has no snapshot yet" in run("rollback", HUB, "--list").stdout
    snapshot = hubs.platform.snapshot(HUB)
    hubs.change(title="Another")
    listed = hubs.place.json("rollback", HUB, "--list")["snapshots"]
    assert [one["id"] for one in listed] == [snapshot.id]

    asked = run("rollback", HUB)
    assert asked.returncode == 1
    assert "error[not-confirmed]" in asked.stderr
    assert "title  Another -> " in asked.stdout
    assert "hub database stays as it is" in asked.stdout
    assert hubs.seen().revision == 2

    done = hubs.place.json("rollback", HUB, "--yes", "--message", "it was better")
    assert (done["revision"], done["to"]["revision"]) == (3, 1)
    assert hubs.seen().revision == 3
    (noted,) = hubs.place.json("history", HUB)["revisions"]
    assert (noted["revision"], noted["action"], noted["why"]) == (3, "roll-back", "it was better")

    missing = run("rollback", HUB, "--to", "7", "--yes")
    assert missing.returncode == 1
    assert "error[no-such-snapshot]: ant/prod has no snapshot of revision 7" in missing.stderr


def everything(path: Path) -> dict[str, set[tuple[Any, ...]]]:
    """Every row of every table."""
    tables = [name for (name,) in ask(path, "SELECT name FROM sqlite_master WHERE type='table'")]
    return {name: set(ask(path, f'SELECT * FROM "{name}"')) for name in tables}

"""A snapshot of a hub: whole or not there, of a busy database too, and refused when it must be."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from contextlib import closing
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from hubfleet.kit.errors import HubfleetError
from hubfleet.platforms.keeping import Keep
from hubfleet.platforms.local.environment_use import in_use
from hubfleet.platforms.local.folders import StateFolder
from hubfleet.platforms.local.processes import boot_id, start_time
from hubfleet.platforms.local.snapshots import shelf, taking
from hubfleet.platforms.local.snapshots.database import check, installed_schemas, schema_of
from hubfleet.platforms.local.snapshots.taking import secure_before_migration, take
from hubfleet.platforms.local.spec import RunRecord
from tests.unit.local.hub_databases import SECRETS, ask, make_hub, make_older, spec


@pytest.fixture
def hub(tmp_path):
    return make_hub(tmp_path, "ada", "bo")


def code_of(caught: pytest.ExceptionInfo[HubfleetError]) -> str:
    (problem,) = caught.value.problems
    assert problem.place
    assert problem.hint
    return problem.code


def test_it_holds_configuration_database_people_and_declared_secrets(hub):
    replace(SECRETS, declared={"access.client_secret": "told"}).write(hub.secrets)
    made = take(hub)
    assert (made.hub, made.id, made.revision) == ("ant/prod", "0001-r1", 1)
    assert made.database_schema == installed_schemas()[0]
    kept = shelf.find(hub, made.id)
    assert kept.spec == spec(1)
    assert kept.declared_secrets == {"access.client_secret": "told"}
    assert kept.people == {
        "users": ["ada", "bo"],
        "admins": ["ada"],
        "groups": {"all": ["ada", "bo"]},
        "homes": {"ada": 1},
    }
    assert made.size == sum((kept.path / name).stat().st_size for name in shelf.FILES)


def test_no_other_secret_is_in_it_and_nobody_else_may_read_it(hub):
    made = take(hub)
    folder = hub.revisions / made.id
    text = b"".join(path.read_bytes() for path in folder.iterdir())
    for secret in (b"admin-password", b'"probe"', b"cookie_secret"):
        assert secret not in text
    modes = {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert modes == {0o600}
    assert {stat.S_IMODE(p.stat().st_mode) for p in (folder, folder.parent)} == {0o700}


def test_it_is_of_what_runs_and_not_of_what_should_run(hub):
    own = os.getpid()
    RunRecord(own, start_time(own) or 0, boot_id(), "", asdict(spec(4))).write(hub.run)
    spec(5).write(hub.spec)
    assert take(hub).revision == 4


def test_a_hub_that_is_down_or_has_no_database_yet_has_one_too(hub):
    RunRecord(1, 1, "another boot", "", asdict(spec(2))).write(hub.run)
    assert take(hub).revision == 2
    hub.database.unlink()
    made = take(hub)
    assert made.database_schema == ""
    assert shelf.find(hub, made.id).people["users"] == []


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_the_copy_of_a_busy_database_is_whole(hub, mode):
    with closing(sqlite3.connect(hub.database)) as database:
        database.execute(f"PRAGMA journal_mode = {mode}")
    done = threading.Event()

    def be_busy() -> None:
        with closing(sqlite3.connect(hub.database, timeout=30)) as database:
            for number in range(100_000):
                person = (f"person-{number}", f"c-{number}")
                database.execute("INSERT INTO users (name, cookie_id) VALUES (?, ?)", person)
                database.commit()
                if done.is_set():
                    return

    busy = threading.Thread(target=be_busy)
    busy.start()
    try:
        made = [take(hub) for _ in range(3)]
    finally:
        done.set()
        busy.join()
    counts = []
    for one in made:
        kept = shelf.find(hub, one.id)
        check(kept.database)
        assert not list(kept.path.glob("hub.sqlite-*"))
        counts.append(ask(kept.database, "SELECT count(*) FROM users")[0][0])
        assert len(kept.people["users"]) == counts[-1]
    assert counts == sorted(counts)


@pytest.mark.parametrize("harm", ["pages", "one letter"])
def test_a_damaged_database_is_found_and_refused(hub, harm):
    with closing(sqlite3.connect(hub.database)) as database, database:
        people = [(f"somebody-{n}-" * 20, f"c-{n}") for n in range(200)]
        database.executemany("INSERT INTO users (name, cookie_id) VALUES (?, ?)", people)
    content = bytearray(hub.database.read_bytes())
    if harm == "pages":
        for offset in range(8192, len(content), 4096):
            content[offset : offset + 64] = b"\xff" * 64
    else:
        # Nothing that reads it notices, but table and index now say different things.
        content[content.index(b"somebody-117-")] = ord("S")
    hub.database.write_bytes(content)
    with pytest.raises(HubfleetError) as caught:
        take(hub)
    assert code_of(caught) == "database-damaged"
    assert left_behind(hub.path) == []


@pytest.mark.skipif(os.getuid() == 0, reason="root is shown by the read-only disk below")
def test_a_folder_that_cannot_be_written_is_a_refusal(hub):
    hub.path.chmod(0o500)
    try:
        with pytest.raises(HubfleetError) as caught:
            take(hub)
    finally:
        hub.path.chmod(0o700)
    assert code_of(caught) == "snapshot-not-written"


def test_something_in_the_way_is_a_refusal(hub):
    hub.revisions.write_text("not a folder")
    with pytest.raises(HubfleetError) as caught:
        take(hub)
    assert code_of(caught) == "snapshot-not-written"


def test_a_nearly_full_disk_is_refused_before_anything_is_written(hub, monkeypatch):
    full = SimpleNamespace(free=10**6)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    with pytest.raises(HubfleetError) as caught:
        take(hub)
    assert code_of(caught) == "snapshot-not-written"
    assert left_behind(hub.path) == []


@pytest.mark.skipif(os.getuid() != 0, reason="only root can mount a small disk")
@pytest.mark.parametrize("disk", ["size=64k", "size=1m,ro"])
def test_a_disk_that_is_full_half_way_or_read_only_leaves_nothing(hub, monkeypatch, disk):
    hub.revisions.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"mode=700,{disk}", "none", str(hub.revisions)],
        check=False,
        capture_output=True,
    )
    if mounted.returncode:
        pytest.skip("mounting is not allowed here")
    try:
        monkeypatch.setattr(taking, "_refuse_when_full", lambda *_: None)
        with pytest.raises(HubfleetError) as caught:
            take(hub)
        assert code_of(caught) == "snapshot-not-written"
        assert left_behind(hub.path) == []
    finally:
        subprocess.run(["umount", str(hub.revisions)], check=True)


KILLED = """
import os, signal, sys
from pathlib import Path
from types import SimpleNamespace
from hubfleet.platforms.local.folders import HubFolder
from hubfleet.platforms.local.snapshots import taking
after = int(sys.argv[2])
def count(module, name):
    real = getattr(module, name)
    def counted(*arguments):
        global after
        if after == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        after -= 1
        return real(*arguments)
    setattr(module, name, counted)
for module, name in [(taking, "make_private_folder"), (taking.database, "copy_database"),
    (taking, "write_atomically"), (taking.database, "sync"), (Path, "rename")]:
    count(module, name)
taking.take(HubFolder(Path(sys.argv[1])))
"""


@pytest.mark.parametrize("after", range(8))
def test_a_kill_at_any_moment_leaves_a_whole_snapshot_or_none(hub, after):
    first = take(hub)
    ended = subprocess.run([sys.executable, "-c", KILLED, str(hub.path), str(after)], check=False)
    assert ended.returncode in (-signal.SIGKILL, 0)
    for kept in shelf.all_of(hub):
        shelf.require_whole(hub, kept)
    assert shelf.all_of(hub)[0].what == first
    again = take(hub)
    shelf.find(hub, again.id)
    assert left_behind(hub.path) == []


def test_a_snapshot_that_is_not_whole_is_never_gone_back_to(hub):
    made = [take(hub) for _ in range(3)]
    with (hub.revisions / made[0].id / "hub.sqlite").open("r+b") as file:
        file.seek(200)
        file.write(b"x")
    (hub.revisions / made[1].id / "spec.json").unlink()
    (hub.revisions / made[2].id / "snapshot.json").unlink()
    for one in made:
        with pytest.raises(HubfleetError) as caught:
            shelf.find(hub, one.id)
        assert code_of(caught) == "snapshot-damaged"
    for wanted in ("0009-r9", "..", "", "../../x"):
        with pytest.raises(HubfleetError) as caught:
            shelf.find(hub, wanted)
        assert code_of(caught) == "no-such-snapshot"


def test_old_ones_are_discarded_and_their_numbers_not_given_again(hub):
    for revision in (1, 2, 3, 4):
        spec(revision).write(hub.spec)
        take(hub)
    (hub.revisions / ".building-0009-r9").mkdir()
    gone = shelf.discard(hub, Keep(2, timedelta(days=1)))
    assert [one.id for one in gone] == ["0001-r1", "0002-r2"]
    assert left_behind(hub.path) == []
    assert take(hub).id == "0005-r4"


def test_environments_of_kept_revisions_are_in_use(hub, tmp_path):
    environments = StateFolder(tmp_path).environments
    older, newer = environments / f"env-{'a' * 32}", environments / f"env-{'b' * 32}"
    replace(spec(1), environment=str(older)).write(hub.spec)
    take(hub)
    replace(spec(2), environment=str(newer)).write(hub.spec)
    assert set(in_use(StateFolder(tmp_path))) == {older, newer}


def test_a_start_that_will_migrate_makes_one_once(hub):
    secure_before_migration(hub)
    assert shelf.all_of(hub) == []
    make_older(hub.database)
    secure_before_migration(hub)
    secure_before_migration(hub)
    (kept,) = shelf.all_of(hub)
    assert kept.what.database_schema == schema_of(hub.database) != installed_schemas()[0]


def test_the_installed_schema_is_the_one_that_jupyterhub_itself_names():
    from alembic.script import ScriptDirectory
    from jupyterhub.dbutil import ALEMBIC_DIR

    scripts = ScriptDirectory(ALEMBIC_DIR)
    chain = [script.revision for script in scripts.walk_revisions()]
    assert list(installed_schemas()) == chain


def left_behind(folder: Path) -> list[str]:
    """What is neither a finished snapshot nor its keeper's own."""
    place = folder / "revisions"
    if not place.is_dir():
        return []
    return [p.name for p in place.iterdir() if p.name.startswith(".b") or p.name == ".restoring"]

"""The hub's database: copied while the hub works, and put back, by real programs inside pods.

The nodes' stand-in runs the programs in a folder that stands for the hub's volume; everything on
the way there (API, exec, helper pod, scaling) is real.
"""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest

from hubfleet.platforms.kubernetes.api import NAMESPACES, PODS
from hubfleet.platforms.kubernetes.database import HELPER
from hubfleet.platforms.kubernetes.shelf import Shelf
from tests.control_plane.fake_nodes import volume_folder
from tests.integration.kubernetes.acting import (
    HUB,
    NOT_READY,
    bring_up,
    keys_of_plan,
    nothing,
    refusal,
    seen,
    update,
)

pytestmark = pytest.mark.integration


def database(place) -> Path:
    folder = volume_folder(place.plane.volumes, place.namespace(HUB), "hub-db-dir")
    folder.mkdir(parents=True, exist_ok=True)
    return folder / "jupyterhub.sqlite"


def write_people(path: Path, *people: str, schema: str = "4621fec11365") -> None:
    path.unlink(missing_ok=True)
    with contextlib.closing(sqlite3.connect(path)) as made, made:
        made.execute("CREATE TABLE users (name TEXT)")
        # More than one message of the exec protocol holds.
        made.execute("CREATE TABLE ballast AS SELECT randomblob(300000) AS weight")
        made.execute("CREATE TABLE alembic_version (version_num TEXT)")
        made.execute("INSERT INTO alembic_version VALUES (?)", [schema])
        made.executemany("INSERT INTO users VALUES (?)", [(one,) for one in people])


def people_in(path: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(path)) as made:
        return [name for (name,) in made.execute("SELECT name FROM users ORDER BY name")]


def test_a_snapshot_holds_a_consistent_copy_of_the_database(place):
    fleet = place.fleet("one", {HUB: {}})
    platform = place.platform(fleet)
    bring_up(platform, fleet)
    assert platform.snapshot(HUB).database_schema == "", "there is none yet"
    path = database(place)
    write_people(path, "ada", "bo")
    # As a working hub leaves it: committed, but not in the file itself yet.
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as working:
        working.execute("PRAGMA journal_mode=WAL")
        working.execute("INSERT INTO users VALUES ('cy')")

        snapshot = platform.snapshot(HUB)

    assert snapshot.database_schema == "4621fec11365"
    kept = Shelf(place.folder / "state" / "snapshots" / "reef", HUB).find(snapshot.id)
    assert kept.database is not None
    assert people_in(kept.database) == ["ada", "bo", "cy"]
    assert kept.database.stat().st_mode & 0o077 == 0


def test_a_damaged_database_is_told_and_the_hub_is_not_changed(place):
    fleet = place.fleet("one", {HUB: {}})
    platform = place.platform(fleet)
    bring_up(platform, fleet)
    database(place).write_bytes(b"SQLite format 3\0" + b"nonsense" * 1000)

    problem = refusal(platform.snapshot, HUB)

    assert (problem.code, problem.what) == (
        "database-damaged",
        "the database of ant/prod is damaged",
    )
    assert platform.snapshots(HUB) == ()


def test_what_the_cluster_says_of_a_pod_that_is_gone_is_told(place):
    place.api.create(NAMESPACES, {"metadata": {"name": f"{place.prefix}-empty"}})

    problem = refusal(place.api.run, "hub", f"{place.prefix}-empty", ["true"])

    assert problem.code == "refused-by-cluster"
    assert problem.why == 'pods "hub" not found'


def test_the_database_goes_back_when_asked_and_the_later_one_stays_beside_it(place):
    fleet = place.fleet("one", {HUB: {}})
    platform = place.platform(fleet)
    bring_up(platform, fleet)
    path = database(place)
    write_people(path, "ada")
    snapshot = platform.snapshot(HUB)
    write_people(path, "ada", "late")

    preview = platform.preview_rollback(HUB, snapshot.id, put_database_back=True)
    assert preview.database
    assert preview.loses == (
        f"The hub database is that of {snapshot.at}: people, tokens and servers that came since "
        "then are not in it.",
    )
    outcome = platform.roll_back(HUB, snapshot.id, nothing, put_database_back=True)

    assert outcome.note == f"ant/prod: the hub database is that of {snapshot.at}."
    assert people_in(path) == ["ada"]
    assert people_in(path.with_name("jupyterhub.sqlite.before-rollback")) == ["ada", "late"]
    assert place.api.find(PODS, HELPER, place.namespace(HUB)) is None
    assert seen(platform).state == "running"
    assert keys_of_plan(platform, fleet) == []


def test_another_chart_that_migrated_the_database_brings_it_back_with_itself(place):
    fleet = place.fleet("one", {HUB: {}})
    platform = place.platform(fleet)
    bring_up(platform, fleet)
    path = database(place)
    write_people(path, "ada")
    snapshot = platform.snapshot(HUB)
    newer = place.fleet("newer", {HUB: {"helm_values": NOT_READY}}, kubernetes={"come_up": "4s"})
    chart = place.folder / "newer" / "charts" / "jupyterhub" / "Chart.yaml"
    chart.write_text(chart.read_text().replace("version: 4.3.3", "version: 4.4.0"))
    newly = place.platform(newer)
    assert refusal(update, newly, newer).code == "hub-did-not-come-up"
    write_people(path, "ada", schema="newer")

    back = newly.roll_back(HUB, snapshot.id, nothing)

    assert back.note == f"ant/prod: the hub database is that of {snapshot.at}."
    with contextlib.closing(sqlite3.connect(path)) as now:
        assert now.execute("SELECT * FROM alembic_version").fetchall() == [("4621fec11365",)]
    assert keys_of_plan(platform, fleet) == []


def test_a_snapshot_that_is_not_whole_changes_nothing(place):
    fleet = place.fleet("one", {HUB: {}})
    platform = place.platform(fleet)
    bring_up(platform, fleet)
    write_people(database(place), "ada")
    snapshot = platform.snapshot(HUB)
    shelf = Shelf(place.folder / "state" / "snapshots" / "reef", HUB)
    copy = shelf.find(snapshot.id).database
    assert copy is not None
    copy.write_bytes(b"")

    problem = refusal(platform.roll_back, HUB, snapshot.id, nothing)

    assert problem.code == "snapshot-damaged"
    assert seen(platform).revision == 1

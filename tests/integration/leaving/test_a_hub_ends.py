"""A real hub with a person's files ends: agreed, removed, erased, looked for, certified."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from hubfleet.kit.clock import today
from tests.fleets import write_fleet
from tests.integration.people import Person
from tests.places import LocalPlace, local_place

pytestmark = pytest.mark.integration

CANARY = "the only copy of somebody's thesis"
HUB = "ant/prod"


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LocalPlace, Path]]:
    """Two hubs that run, and their fleet's folder."""
    folder = tmp_path_factory.mktemp("ends")
    write(folder / "fleet", HUB, "ant/other")
    with local_place(folder / "state") as place:
        done = place.run("apply", "--yes", "--without-probes", fleet=folder / "fleet")
        assert done.returncode == 0, done.stderr
        yield place, folder / "fleet"


def write(root: Path, *hubs: str) -> None:
    write_fleet(root, {key: {} for key in hubs}, defaults={"gate": "none"})


def long_ago(place: LocalPlace, days: int) -> None:
    """As if everything about endings had happened so many days earlier."""
    place.state.endings.unlink()
    with closing(sqlite3.connect(place.state.ledger)) as database, database:
        for column in ("asked_on", "notice", "export_from", "last_day", "removal", "retention_end"):
            database.execute(
                f"UPDATE leaving_ending SET {column} = date({column}, ?)", (f"-{days} days",)
            )


def files_with(state: Path, words: str) -> list[str]:
    """Every file of the state folder that holds the words."""
    wanted = words.encode()
    return [
        str(path.relative_to(state))
        for path in state.rglob("*")
        if path.is_file() and not path.is_symlink() and wanted in path.read_bytes()
    ]


def test_a_running_hub_is_imported_by_its_own_api(
    ran: tuple[LocalPlace, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, _ = ran
    with Person(place, HUB, "ada", admin=True) as ada:
        for path, body in (
            ("hub/api/users/bo", None),
            ("hub/api/users/zoe", None),
            ("hub/api/groups/course", None),
            ("hub/api/groups/course/users", {"users": ["zoe"]}),
        ):
            ada.ask("POST", path, body)
        token = ada.token
    port = json.loads((place.state.proxy / "ports.json").read_text())[HUB]
    write_fleet(tmp_path / "new", {})
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", token)
    said = place.run(
        "import", "jupyterhub", f"http://127.0.0.1:{port}", "--into", str(tmp_path / "new"),
        "--as", "bee/prod", "--cluster", "reef", "--representative", "Zoe <zoe@example.org>",
        "--json",
    )  # fmt: skip
    told = json.loads(said.stdout)
    assert told["missing"] == []
    declared = yaml.safe_load((tmp_path / "new/communities/bee/hubs/prod.yaml").read_text())
    assert declared["access"]["admins"] == ["ada"]
    assert {"bo", "zoe"} <= set(declared["access"]["allow"]["users"])
    assert declared["groups"]["course"] == ["zoe"]
    assert set(told["people"]["activity"]) >= {"ada", "bo", "zoe"}


def test_a_hub_ends_and_nothing_is_left(ran: tuple[LocalPlace, Path], tmp_path: Path) -> None:
    place, root = ran
    state = place.state
    home = state.hub(HUB).homes / "1"
    (home / "hidden").mkdir(parents=True)
    (home / "thesis.txt").write_text(CANARY)
    (home / "hidden" / "more.txt").write_text(CANARY)
    (home / "hidden").chmod(0)
    state.hub(HUB).path.joinpath("homes.json").write_text(json.dumps({"bo": 1}))
    assert place.run("home", "snapshot", HUB, fleet=root).returncode == 0

    last = today("UTC") + timedelta(days=10)
    asked = place.json(
        "hub", "end", HUB, "--on", str(last), "--consent-of", "ada", "--reason", "her mail",
        fleet=root,
    )  # fmt: skip
    assert (asked["phase"], asked["consent"]["of"]) == ("asked", "ada")
    with closing(sqlite3.connect(state.ledger)) as database, database:
        database.execute("UPDATE leaving_ending SET asked_by = 'eve', consent_by = 'eve'")
    agreed = place.json("hub", "end", HUB, "--confirm", fleet=root)
    assert agreed["phase"] == "end-notice"

    write(root, "ant/other")
    (root / "communities/ant/hubs/prod.yaml").unlink()
    early = place.run("apply", "--yes", "--allow-removals", fleet=root)
    assert early.returncode == 1
    assert f"error[removal-too-early]: {HUB} may not be removed before {last} is over" in (
        early.stderr
    )
    long_ago(place, 20)
    done = place.run("apply", "--yes", "--allow-removals", "--drain", "0", fleet=root)
    assert done.returncode == 0, done.stderr
    look = place.run(
        "hub", "evidence", HUB, "--data", "exported", "--consent-of", "ada", "--reason", "mail",
        "--json", fleet=root,
    )  # fmt: skip
    assert look.returncode == 1
    found = {one["kind"]: one for one in json.loads(look.stdout)["assets"]}
    assert found["home-directories"]["state"] == "exported"
    assert found["home-directories"]["count"] >= 1
    assert found["secrets"]["state"] == "present"
    assert files_with(state.path, CANARY)

    erased = place.run("hub", "erase", HUB, "--yes", fleet=root)
    assert erased.returncode == 0, erased.stderr
    assert "Home directories: " in erased.stdout
    assert files_with(state.path, CANARY) == []
    assert state.hub("ant/other").spec.exists()
    by_hand = place.json(
        "hub", "evidence", HUB, "--record", "backups", "--reason", "tapes were overwritten",
        fleet=root,
    )  # fmt: skip
    assert (by_hand["nothing_left"], by_hand["phase"]) == (True, "removed")
    states = {one["kind"]: one["state"] for one in by_hand["assets"]}
    assert set(states.values()) <= {"deleted", "kept"}
    certificate = place.json("hub", "certificate", HUB, "--to", str(tmp_path / "c.pdf"), fleet=root)
    assert (tmp_path / "c.pdf").read_bytes().startswith(b"%PDF")
    assert certificate["bytes"] == (tmp_path / "c.pdf").stat().st_size

"""A real hub with a person's files ends: agreed, removed, erased, looked for, certified."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from hubfleet.kit.clock import today
from tests.fleets import write_fleet
from tests.places import LocalPlace, local_place

CANARY = "the only copy of somebody's thesis"
HUB = "ant/prod"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[LocalPlace]:
    with local_place(tmp_path / "state") as made:
        yield made


def write(root: Path, *hubs: str) -> None:
    write_fleet(root, {key: {} for key in hubs}, defaults={"gate": "none"})


def long_ago(place: LocalPlace, days: int) -> None:
    """As if everything about endings had happened so many days earlier."""
    with sqlite3.connect(place.state.ledger) as database:
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


def test_a_hub_ends_and_nothing_is_left(place: LocalPlace, tmp_path: Path) -> None:
    root, state = tmp_path / "fleet", place.state
    write(root, HUB, "ant/other")
    assert place.run("apply", "--yes", "--without-probes", fleet=root).returncode == 0
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
    alone = place.run("hub", "end", HUB, "--confirm", fleet=root)
    assert "error[same-person]" in alone.stderr
    with sqlite3.connect(state.ledger) as database:
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
    kept = place.run("hub", "erase", HUB, "--yes", fleet=root)
    assert "error[hub-not-gone]" in kept.stderr and "error[data-undecided]" in kept.stderr
    assert home.exists()

    place.json("hub", "endings", fleet=root)
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
    too_early = place.run("hub", "certificate", HUB, "--to", str(tmp_path / "c.pdf"), fleet=root)
    assert "error[certificate-too-early]" in too_early.stderr
    by_hand = place.json(
        "hub", "evidence", HUB, "--record", "backups", "--reason", "tapes were overwritten",
        fleet=root,
    )  # fmt: skip
    assert by_hand["nothing_left"] is True
    states = {one["kind"]: one["state"] for one in by_hand["assets"]}
    assert set(states.values()) <= {"deleted", "kept"}
    certificate = place.json("hub", "certificate", HUB, "--to", str(tmp_path / "c.pdf"), fleet=root)
    assert (tmp_path / "c.pdf").read_bytes().startswith(b"%PDF")
    assert certificate["bytes"] == (tmp_path / "c.pdf").stat().st_size
    assert place.json("hub", "endings", fleet=root)["endings"][0]["phase"] == "removed"

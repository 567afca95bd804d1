"""What a removed hub leaves on this machine is counted by kind, deleted, and nothing else is."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from hubfleet.kit.errors import HubfleetError
from hubfleet.platforms.local import remains
from hubfleet.platforms.local.folders import StateFolder

HUB = "ant/prod"
GONE = "removed/ant/prod-20260301T090000Z"
OWN, SHARED = f"env-{'a' * 32}", f"env-{'b' * 32}"


def put(path: Path, text: str = "x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    """A hub that was removed, one that lives, and one whose name begins alike."""
    state = StateFolder(tmp_path / "state")
    gone = state.path / GONE
    put(gone / "homes/1/a/thesis.txt", "12345")
    put(gone / "homes/2/notes.txt", "123")
    put(gone / "homes.json", "{}")
    put(gone / "snapshots/20260301T020000Z/1/thesis.txt", "12345")
    put(gone / "shared-readwrite/data", "12")
    put(gone / "hub.sqlite", "1234567")
    put(gone / "hub.log.1")
    put(gone / "secrets.json")
    put(gone / "spec.json", json.dumps({"environment": f"/x/{OWN}", "other": SHARED}))
    put(state.path / "removed/ant/prod-2-20260301T090000Z/homes/1/other.txt")
    put(state.path / "removed/ant/prod-notes.txt")
    put(state.hub("ant/other").spec, json.dumps({"environment": SHARED}))
    for name in (OWN, SHARED):
        put(state.environments / name / "bin/python")
    (state.environments / "busy").mkdir()
    put(state.proxy / "ports.json", json.dumps({HUB: 20000, "ant/other": 20001}))
    return state


def counts(state: StateFolder, *environments: str) -> dict[str, tuple[int, int]]:
    seen = remains.look(state, HUB, environments)
    return {kind: (one.count, one.size) for kind, one in seen.found.items() if one.count}


def test_what_is_left_is_counted_by_kind(state: StateFolder) -> None:
    spec = (state.path / GONE / "spec.json").stat().st_size
    assert counts(state) == {
        "home-directories": (2, 8),
        "home-snapshots": (1, 5),
        "shared-folders": (1, 2),
        "hub-database": (1, 7),
        "logs": (1, 1),
        "secrets": (1, 1),
        "hub-record": (2, 2 + spec),
        "environments": (1, 0),
        "addresses": (1, 0),
    }
    assert remains.look(state, HUB).folders == (GONE,)


def test_it_is_erased_and_nothing_else_is(state: StateFolder, tmp_path: Path) -> None:
    outside = put(tmp_path / "outside/precious.txt")
    home = state.path / GONE / "homes/1"
    (home / "link").symlink_to(outside.parent)
    os.link(outside, home / "hard")
    (home / "a").chmod(0)
    home.chmod(0o500)
    names = remains.look(state, HUB).found["environments"].places
    remains.erase(state, HUB)
    assert counts(state, *names) == {}
    assert outside.read_text() == "x"
    assert (state.path / "removed/ant/prod-2-20260301T090000Z/homes/1/other.txt").exists()
    assert (state.path / "removed/ant/prod-notes.txt").exists()
    assert not (state.environments / OWN).exists()
    assert (state.environments / SHARED / "bin/python").exists()
    assert json.loads((state.proxy / "ports.json").read_text()) == {"ant/other": 20001}
    remains.erase(state, HUB)


def test_a_hub_that_is_there_is_not_erased(state: StateFolder) -> None:
    with pytest.raises(HubfleetError) as error:
        remains.erase(state, "ant/other")
    assert str(error.value) == (
        "error[hub-still-there]: ant/other was not removed\n"
        f"  --> {state.hub('ant/other').path}\n"
        "  why: people may be working on it\n"
        "  hint: take it out of the declaration and run `hubfleet apply --allow-removals`"
    )
    assert remains.look(state, "ant/other").lives
    assert state.hub("ant/other").spec.exists()


def test_a_set_aside_folder_that_is_a_link_is_none(state: StateFolder, tmp_path: Path) -> None:
    put(tmp_path / "elsewhere/homes/1/x")
    link = state.path / "removed/ant/prod-20260302T090000Z"
    link.symlink_to(tmp_path / "elsewhere")
    assert remains.set_aside(state, HUB) == [state.path / GONE]
    remains.erase(state, HUB)
    assert (tmp_path / "elsewhere/homes/1/x").exists()

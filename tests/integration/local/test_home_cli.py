"""`hubfleet home` and `hubfleet link` as an operator types them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from hubfleet.cli import home, link
from hubfleet.kit.errors import HubfleetError
from hubfleet.platforms.local.folders import StateFolder
from hubfleet.platforms.local.homes import priority
from hubfleet.platforms.local.homes.chores import begun, ended, note
from hubfleet.platforms.local.homes.snapshots import only_one
from hubfleet.platforms.local.platform import LocalPlatform
from hubfleet.platforms.local.spec import HubSpec
from tests.unit.local.homes import make_homes

pytestmark = pytest.mark.integration

app = typer.Typer()
app.add_typer(home.app)
app.command("link")(link.link)


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StateFolder:
    """Two hubs, as `apply` leaves them, with two people's homes."""
    # The command runs inside the tests, which are to keep their priority.
    monkeypatch.setattr(priority, "give_way", lambda: None)
    state = StateFolder(tmp_path / "state")
    for name in ("reef/prod", "reef/staging"):
        files: dict[str, dict[str, str | bytes]] = {
            "ada": {"a": b"x" * 100_000, "b/c": "c"},
            "bo": {"d": "d"},
        }
        make_homes(state.hub(name).path, files)
        values = {"interface": "notebook", "storage": {"shared": True, "home_quota": "100K"}}
        HubSpec(
            name=name,
            cluster="reef",
            revision=1,
            domain="prod-reef.localhost",
            title="Reef",
            url="http://prod-reef.localhost:8000",
            port=1,
            proxy_api="",
            proxy_port=8000,
            flat={},
            values=values,
        ).write(state.hub(name).spec)
    return state


def run(state: StateFolder, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--state", str(state.path)])


def json_of(state: StateFolder, *arguments: str) -> Any:
    done = run(state, *arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_the_list_shows_people_usage_quota_and_the_last_snapshot(state: StateFolder) -> None:
    run(state, "home", "snapshot", "reef/prod")
    value = json_of(state, "home", "list", "reef/prod")
    ada, bo = value["homes"]
    assert (ada["user"], ada["home"], ada["files"], ada["state"]) == ("ada", 1, 2, "refuse")
    assert (bo["user"], bo["quota"], bo["state"]) == ("bo", 102400, "ok")
    assert ada["last_snapshot"] == value["snapshots"][0]
    table = run(state, "home", "list", "reef/prod").stdout
    assert table.splitlines()[0].split()[:6] == ["user", "home", "used", "files", "quota", "state"]


def test_the_list_says_when_snapshots_are_made_and_how_the_last_one_went(
    state: StateFolder,
) -> None:
    hub = state.hub("reef/prod")
    assert "nightly snapshots: from 2:00; none yet\n" in run(state, "home", "list", hub.name).stderr
    chore = begun(datetime(2026, 3, 1, 2, 15, tzinfo=UTC))
    note(hub.path, "snapshot", ended(chore, datetime(2026, 3, 1, 2, 16, tzinfo=UTC)))
    done = run(state, "home", "list", hub.name)
    assert "nightly snapshots: from 2:00; made 2026-03-01T02:16:00Z\n" in done.stderr
    note(hub.path, "snapshot", ended(chore, datetime(2026, 3, 1, 3, tzinfo=UTC), "no room"))
    done = run(state, "home", "list", hub.name)
    assert "nightly snapshots: from 2:00; failed 2026-03-01T03:00:00Z: no room\n" in done.stderr
    assert json_of(state, "home", "list", hub.name)["chores"] == {
        "snapshot": {
            "begun": "2026-03-01T02:15:00Z",
            "ended": "2026-03-01T03:00:00Z",
            "result": "no room",
        }
    }
    remark = (
        "The last nightly snapshot of reef/prod failed (2026-03-01T03:00:00Z): no room. "
        "It is tried again every hour."
    )
    assert remark in LocalPlatform(state).remarks()


def test_usage_measures_the_hubs_that_match(state: StateFolder) -> None:
    value = json_of(state, "home", "usage", "reef/*")
    assert [hub["hub"] for hub in value["hubs"]] == ["reef/prod", "reef/staging"]
    assert "reef/prod  2 homes, 3 files, " in run(state, "home", "usage", "reef/prod").stdout


def test_a_snapshot_and_a_file_that_comes_back(state: StateFolder) -> None:
    value = json_of(state, "home", "snapshot", "reef/prod")
    (snapshot,) = value["hubs"]
    lost = state.hub("reef/prod").homes / "1/b/c"
    lost.unlink()
    done = run(state, "home", "restore", "reef/prod", "ada", "b/c")
    assert (
        done.stdout
        == f"1 file from {snapshot['snapshot']}, now in ~/restored-{snapshot['snapshot']}\n"
    )
    done = run(state, "home", "restore", "reef/prod", "ada", "b/c", "--in-place", "--yes")
    assert done.exit_code == 0
    assert lost.read_text() == "c"


def test_nothing_is_replaced_without_a_yes(state: StateFolder) -> None:
    run(state, "home", "snapshot")
    done = run(state, "home", "restore", "reef/prod", "ada", "--in-place")
    assert isinstance(done.exception, HubfleetError)
    assert done.exception.problems[0].code == "not-confirmed"
    assert (
        run(state, "home", "restore", "reef/prod", "ada", "--in-place", "--to", "x").exit_code == 2
    )


def test_a_hub_whose_snapshot_is_being_made_does_not_hold_up_the_others(state: StateFolder) -> None:
    with only_one(state.hub("reef/prod").path):
        done = run(state, "home", "snapshot", "--json")
    assert done.exit_code == 1
    value = json.loads(done.stdout)
    assert [hub["hub"] for hub in value["hubs"]] == ["reef/staging"]
    assert [problem["code"] for problem in value["problems"]] == ["snapshot-running"]


def test_an_unknown_hub_is_named_with_those_that_exist(state: StateFolder) -> None:
    for arguments in (
        ["home", "list", "reef/x"],
        ["home", "usage", "reef/x"],
        ["link", "reef/x", "y"],
    ):
        done = run(state, *arguments)
        assert isinstance(done.exception, HubfleetError)
        assert done.exception.problems[0].code == "no-such-hub"
        assert "reef/prod, reef/staging" in str(done.exception)


def test_a_link_uses_the_hubs_address_and_interface(state: StateFolder) -> None:
    done = run(state, "link", "reef/prod", "https://github.com/reef/lessons", "--path", "a.ipynb")
    assert done.stdout == (
        "http://prod-reef.localhost:8000/hub/user-redirect/git-pull"
        "?repo=https%3A%2F%2Fgithub.com%2Freef%2Flessons&urlpath=tree%2Flessons%2Fa.ipynb\n"
    )

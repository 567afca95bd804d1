"""What is said of the place where hubs run, besides what it cannot do."""

from __future__ import annotations

from hubfleet.platforms.local import platform
from hubfleet.platforms.local.folders import StateFolder
from hubfleet.platforms.local.platform import LocalPlatform
from hubfleet.platforms.local.sandbox import Sandbox, waive_isolation
from tests.fleets import write_fleet
from tests.unit.local.hub_databases import spec

WAIVED = (
    "People of ant/prod are not kept apart: that was accepted with --without-isolation. "
    "Install bubblewrap 0.8 or later."
)


def test_a_waiver_of_isolation_is_said_for_as_long_as_it_matters(tmp_path, monkeypatch):
    state = StateFolder(tmp_path)
    folder = state.hub("ant/prod")
    folder.path.mkdir(parents=True)
    spec(1).write(folder.spec)
    waive_isolation(folder.path, waived=True)
    local = LocalPlatform(state)
    monkeypatch.setattr(platform, "find_sandbox", lambda: Sandbox(None, "not installed"))
    assert WAIVED in local.remarks()
    monkeypatch.setattr(platform, "find_sandbox", lambda: Sandbox("/usr/bin/bwrap"))
    assert WAIVED not in local.remarks()


def test_a_damaged_record_of_the_fleet_is_an_error_with_a_cure(tmp_path):
    state = StateFolder(tmp_path / "state")
    folder = state.hub("ant/prod")
    folder.path.mkdir(parents=True)
    spec(1).write(folder.spec)
    fleet = write_fleet(tmp_path / "fleet", {"ant/prod": {}})
    local = LocalPlatform(state)
    assert local.other_fleet(fleet) is None
    for text in ("", "[]", "{}"):
        state.fleet_record.write_text(text)
        problem = local.other_fleet(fleet)
        assert problem is not None
        assert (problem.code, problem.place) == ("damaged-file", str(state.fleet_record))
        assert problem.hint.startswith("delete the file if the hubs there are those of")

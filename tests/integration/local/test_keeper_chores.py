"""The keeper copies and measures people's homes by itself, one thing at a time."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from hubfleet.kit.clock import now
from hubfleet.platforms.local.folders import HubFolder
from hubfleet.platforms.local.homes.chores import begun, chores_of, ended, note
from hubfleet.platforms.local.homes.snapshots import snapshots
from hubfleet.platforms.local.homes.usage import stored_usage
from hubfleet.platforms.local.processes import start_time
from tests.integration.local.keeper_place import Place, eventually, place_in
from tests.unit.local.homes import make_homes

pytestmark = pytest.mark.integration

LONG_AGO = now() - timedelta(days=3)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with place_in(tmp_path / "state") as made:
        made.pace |= {"chore_check": 0.1}
        yield made


def waiting_hub(place: Place, name: str) -> HubFolder:
    """A hub with a home whose last snapshot and measurement were long ago."""
    folder = place.declare(name)
    make_homes(folder.path, {"ada": {"a": "x"}})
    for kind in ("snapshot", "usage"):
        note(folder.path, kind, ended(begun(LONG_AGO), LONG_AGO))
    return folder


def done(folder: HubFolder) -> bool:
    known = chores_of(folder.path)
    return all(chore.result == "done" and chore.begun > "2026" for chore in known.values()) and (
        known["snapshot"].begun != ended(begun(LONG_AGO), LONG_AGO).begun
    )


def test_homes_are_copied_and_measured_one_after_the_other(place: Place) -> None:
    hubs = [waiting_hub(place, f"coast/hub{number}") for number in range(3)]
    client = place.keep()
    eventually(lambda: all(done(hub) and stored_usage(hub.path) for hub in hubs), 60)
    eventually(lambda: place.state.keeper_log.read_text().count("ended with 0") == 6)
    for hub in hubs:
        assert len(snapshots(hub.path)) == 1
    lines = place.state.keeper_log.read_text().splitlines()
    told = [line for line in lines if " of coast/" in line]
    # Begun, ended, begun, ended: never two.
    assert len(told) == 12
    assert all(": begun, process" in line for line in told[::2])
    assert all(line.endswith(": ended with 0") for line in told[1::2])
    assert {hub.state for hub in client.status().hubs.values()} == {"up"}


def test_a_hub_without_homes_or_seen_for_the_first_time_has_nothing_to_do(place: Place) -> None:
    empty = place.declare("coast/empty")
    new = place.declare("coast/new")
    make_homes(new.path, {"ada": {"a": "x"}})
    place.keep()
    eventually(lambda: set(chores_of(new.path)) == {"snapshot", "usage"})
    assert {chore.result for chore in chores_of(new.path).values()} == {"waiting"}
    assert chores_of(empty.path) == {}
    assert " of coast/" not in place.state.keeper_log.read_text()


def test_what_goes_on_when_the_keeper_ends_is_stopped_and_made_up_for(place: Place) -> None:
    hub = waiting_hub(place, "coast/prod")
    for number in range(4000):
        (hub.homes / "1" / f"f{number}").write_text("x")
    place.keep()
    eventually(lambda: chores_of(hub.path)["snapshot"].result in {"underway", "done"})
    place.client.shutdown(hubs=False)
    eventually(lambda: not any(doing(hub)))
    note(hub.path, "snapshot", begun(LONG_AGO))
    place.keep()
    eventually(lambda: done(hub), 60)
    assert not [p for p in (hub.path / "snapshots").iterdir() if p.name == ".building"]


def test_one_that_outlived_its_keeper_is_not_begun_twice(place: Place) -> None:
    hub = waiting_hub(place, "coast/prod")
    place.keep()
    pid = eventually(lambda: next(iter(doing(hub)), 0))
    os.kill(pid, signal.SIGSTOP)
    place.kill_keeper()
    known = chores_of(hub.path)
    if known["snapshot"].result == "underway":
        # Begun a moment ago: the new keeper does not begin another.
        place.keep()
        eventually(lambda: place.client.status().hubs)
        assert start_time(pid) is not None
        assert len(list(doing(hub))) == 1
    os.kill(pid, signal.SIGCONT)
    eventually(lambda: snapshots(hub.path) or place.keep() is None, 30)


def doing(hub: HubFolder) -> Iterator[int]:
    """The programs that copy or measure the homes of a hub."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().decode().split("\0")
        except OSError:
            continue
        if "hubfleet.platforms.local.homes.doing" in words and str(hub.path) in words:
            yield int(process.name)


def test_a_damaged_hub_does_not_keep_the_others_waiting(place: Place) -> None:
    damaged, sound = waiting_hub(place, "coast/a"), waiting_hub(place, "coast/b")
    place.keep()
    spec = json.loads(damaged.spec.read_text())
    damaged.spec.write_text(json.dumps({**spec, "timezone": "No/Where"}))
    eventually(lambda: done(sound), 60)

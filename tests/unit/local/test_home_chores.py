"""When homes are copied and measured by themselves, and what is remembered of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubfleet.fleet.model import HubValues, Snapshots
from hubfleet.kit.clock import now, timestamp
from hubfleet.platforms.local.homes.chores import (
    Chore,
    begun,
    chores_of,
    ended,
    first_seen,
    night_before,
    note,
    snapshot_due,
    usage_due,
)
from hubfleet.platforms.local.homes.doing import do
from hubfleet.platforms.local.homes.snapshots import only_one, snapshots
from hubfleet.platforms.local.homes.usage import stored_usage
from hubfleet.platforms.local.spec import HubSpec
from tests.unit.local.homes import make_homes

NIGHTLY = Snapshots()
HOUR = timedelta(hours=1)
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Pacific/Auckland"])
MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1)).map(
    lambda moment: moment.replace(tzinfo=UTC)
)


@given(MOMENTS, ZONES, st.integers(0, 23), st.sampled_from(["reef/prod", "ant/x", "b/c"]))
def test_there_is_one_night_a_day_whatever_clocks_do(
    moment: datetime, zone: str, hour: int, hub: str
) -> None:
    night = night_before(moment, hub, zone, hour)
    assert timedelta(0) <= moment - night <= timedelta(hours=25)
    assert night_before(night, hub, zone, hour) == night
    before = night_before(night - timedelta(seconds=1), hub, zone, hour)
    assert timedelta(hours=23) <= night - before <= timedelta(hours=25)


def test_the_hour_is_one_of_the_services_zone_and_hubs_are_spread_over_it() -> None:
    moment = datetime(2026, 7, 15, 12, tzinfo=UTC)
    nights = {night_before(moment, f"reef/{n}", "Europe/Berlin", 2) for n in range(40)}
    # Berlin is two hours ahead in summer.
    assert {night.strftime("%d %H") for night in nights} == {"15 00"}
    assert len({night.minute for night in nights}) > 15


def test_a_hub_that_was_seen_today_waits_for_its_first_night() -> None:
    noon = datetime(2026, 7, 15, 12, tzinfo=UTC)
    chore = first_seen(noon)
    assert not snapshot_due(chore, noon, "reef/prod", "UTC", NIGHTLY)
    assert not snapshot_due(chore, noon + 13 * HOUR, "reef/prod", "UTC", NIGHTLY)
    assert snapshot_due(chore, noon + 15 * HOUR, "reef/prod", "UTC", NIGHTLY)


def test_a_night_in_which_the_machine_was_off_is_made_up_for_once() -> None:
    noon = datetime(2026, 7, 15, 12, tzinfo=UTC)
    old = ended(begun(noon - timedelta(days=9)), noon - timedelta(days=9))
    assert snapshot_due(old, noon, "reef/prod", "UTC", NIGHTLY)
    made = ended(begun(noon), noon + HOUR)
    assert not snapshot_due(made, noon + 2 * HOUR, "reef/prod", "UTC", NIGHTLY)


def test_what_failed_or_was_cut_off_is_tried_again_after_an_hour() -> None:
    noon = datetime(2026, 7, 15, 12, tzinfo=UTC)
    for chore in (ended(begun(noon), noon, "the disk is full"), begun(noon)):
        assert not snapshot_due(chore, noon + HOUR / 2, "reef/prod", "UTC", NIGHTLY)
        assert snapshot_due(chore, noon + HOUR, "reef/prod", "UTC", NIGHTLY)


def test_nothing_is_made_where_the_declaration_says_so() -> None:
    noon = datetime(2026, 7, 15, 12, tzinfo=UTC)
    off = Snapshots(nightly=False)
    assert not snapshot_due(first_seen(noon - timedelta(days=9)), noon, "a/b", "UTC", off)


def test_a_clock_that_was_set_back_stops_nothing() -> None:
    noon = datetime(2026, 7, 15, 12, tzinfo=UTC)
    later = noon + timedelta(days=400)
    chore = ended(begun(later), later)
    assert snapshot_due(chore, noon, "reef/prod", "UTC", NIGHTLY)
    assert usage_due(chore, timestamp(later), noon, HOUR)


def test_homes_are_measured_an_hour_after_the_last_time_whoever_did_it() -> None:
    noon = datetime(2026, 7, 15, 12, tzinfo=UTC)
    old = ended(begun(noon - 5 * HOUR), noon)
    assert usage_due(old, None, noon, HOUR)
    assert usage_due(old, "rubbish", noon, HOUR)
    assert not usage_due(old, timestamp(noon - HOUR / 2), noon, HOUR)
    assert not usage_due(first_seen(noon), None, noon + HOUR / 2, HOUR)


def spec(folder: Path) -> None:
    HubSpec(
        "reef/prod", "c", 1, "d", "t", "u", 1, "a", 2, {}, HubValues().model_dump(mode="json")
    ).write(folder / "spec.json")


def test_a_snapshot_is_made_and_written_down(tmp_path: Path) -> None:
    folder = make_homes(tmp_path, {"ada": {"a": "x"}})
    spec(folder)
    assert do("snapshot", folder)
    assert do("usage", folder)
    assert len(snapshots(folder)) == 1
    usage = stored_usage(folder)
    assert usage is not None
    assert usage.homes["ada"].files == 1
    known = chores_of(folder)
    assert {kind: chore.result for kind, chore in known.items()} == {
        "snapshot": "done",
        "usage": "done",
    }
    assert known["snapshot"].said() == f"made {known['snapshot'].ended}"


def test_a_failure_is_written_down_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_homes(tmp_path, {"ada": {"a": "x"}})
    spec(folder)
    (folder / "homes.json").write_text("{")
    assert not do("snapshot", folder)
    chore = chores_of(folder)["snapshot"]
    assert chore.failed
    assert chore.said().startswith(f"failed {chore.ended}: it cannot be read whose home is which: ")


def test_a_snapshot_that_somebody_makes_by_hand_is_no_failure(tmp_path: Path) -> None:
    folder = make_homes(tmp_path, {"ada": {"a": "x"}})
    spec(folder)
    with only_one(folder):
        assert do("snapshot", folder)
    assert snapshots(folder) == []
    assert not chores_of(folder)["snapshot"].failed


def test_a_record_that_cannot_be_read_is_as_none(tmp_path: Path) -> None:
    for text in ("", "[]", '{"snapshot": 3}', '{"snapshot": {"x": 1}}'):
        (tmp_path / "chores.json").write_text(text)
        assert chores_of(tmp_path) == {}
    note(tmp_path, "usage", Chore(timestamp(now())))
    assert set(chores_of(tmp_path)) == {"usage"}

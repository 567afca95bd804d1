"""Looking at the fleet: what is written down, how days are counted, what a gap means."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from hubfleet.planning.observation import ObservedHub

BERLIN = ZoneInfo("Europe/Berlin")
START = datetime(2026, 3, 1, 22, 58, tzinfo=UTC)
"""Two minutes before midnight in Berlin."""


def seen(at: datetime, state: str = "running", *, people: int = 0) -> None:
    from hubfleet.office.watching.observing import write_down

    hub = ObservedHub("ant/prod", "reef", state, {}, revision=1, url="http://x/")  # type: ignore[arg-type]
    write_down({"ant/prod": hub}, {"ant/prod": ["p"] * people}, at, BERLIN)


def days() -> dict[date, tuple[float, float]]:
    from hubfleet.office.watching.models import HubDay

    return {row.day: (row.up, row.down) for row in HubDay.objects.filter(hub="ant/prod")}


@pytest.fixture
def empty(console):
    from hubfleet.office.watching.models import Look, Sighting

    Look.objects.all().delete()
    Sighting.objects.all().delete()


def test_time_up_and_down_is_counted_on_the_day_of_the_services_zone(empty):
    for minute in range(5):
        seen(START + timedelta(minutes=minute))
    seen(START + timedelta(minutes=5), "crashed")
    seen(START + timedelta(minutes=6), "running")
    seen(START + timedelta(minutes=7), "crashed")
    assert days() == {date(2026, 3, 1): (120, 0), date(2026, 3, 2): (180 + 60, 60)}


def test_what_nobody_watched_counts_for_neither(empty):
    seen(START)
    seen(START + timedelta(seconds=50))
    seen(START + timedelta(hours=3), "crashed")
    seen(START + timedelta(hours=3, seconds=30), "running")
    up, down = (sum(values) for values in zip(*days().values(), strict=True))
    assert (up, down) == (50, 30)


def test_a_state_keeps_its_beginning_and_a_look_without_news_writes_no_row(empty):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from hubfleet.office.watching.models import Sighting

    seen(START, people=1)
    with CaptureQueriesContext(connection) as asked:
        seen(START + timedelta(seconds=10), people=1)
    assert not [one["sql"] for one in asked if "sighting" in one["sql"] and "INSERT" in one["sql"]]
    assert Sighting.objects.get().since == START
    seen(START + timedelta(seconds=20), "hanging", people=2)
    row = Sighting.objects.get()
    assert (row.state, row.since, row.users) == ("hanging", START + timedelta(seconds=20), 2)


def test_a_clock_that_goes_back_undoes_nothing(empty):
    seen(START)
    seen(START + timedelta(seconds=30), "crashed")
    before = days()
    seen(START + timedelta(seconds=10))
    assert days() == before


def test_a_hub_that_is_gone_is_seen_no_more_and_keeps_its_days(empty):
    from hubfleet.office.watching.models import Sighting
    from hubfleet.office.watching.observing import write_down

    seen(START)
    seen(START + timedelta(seconds=30), "crashed")
    write_down({}, {}, START + timedelta(seconds=40), BERLIN)
    assert not Sighting.objects.exists()
    assert days()


def test_a_loop_that_fails_is_tried_again_later_and_later_and_says_so_once(caplog):
    from hubfleet.office.site.loops import LONGEST_WAIT, Loop

    outcomes = [OSError("no\nroute")] * 9 + [None]

    def act() -> None:
        outcome = outcomes.pop(0)
        if outcome:
            raise outcome

    loop = Loop("watching", 2, act)
    waits = [loop.turn() for _ in range(9)]
    assert waits[:3] == [4, 8, 16]
    assert max(waits) == LONGEST_WAIT
    assert loop.turn() == 2
    assert [record.message for record in caplog.records] == [
        "watching failed, and is tried again: OSError: no",
        "watching works again",
    ]


def test_the_desk_reads_the_declaration_again_and_keeps_the_last_good_one(console):
    desk, root = console.desk, console.office.root
    file = root / "communities/ant/hubs/prod.yaml"
    good = file.read_text()
    file.write_text(good.replace("Ants", "Many Ants"))
    assert desk.reload().hubs["ant/prod"].values.title == "Many Ants"
    same = desk.reload()
    assert desk.reload() is same, "nothing is read again without a change"
    file.write_text("title: [\n")
    assert desk.reload() is same
    assert desk.troubles()
    file.write_text(good)
    assert desk.reload().hubs["ant/prod"].values.title == "Ants"
    assert desk.troubles() == ()

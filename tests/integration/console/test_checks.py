"""Checks by schedule: what results become, over the real tables and a scripted fleet."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from hubfleet.probes.light import LightResult
from tests.scripted import checked

START = datetime(2026, 3, 1, 9, tzinfo=UTC)


@pytest.fixture
def light(console):
    """One light check of every hub, however long it is until the next one is due."""
    from hubfleet.kit.clock import now
    from hubfleet.office.watching import checking
    from hubfleet.office.watching.models import Check

    def check(times: int = 1) -> None:
        for _ in range(times):
            Check.objects.filter(kind="light").update(due_at=now())
            checking.light()

    check(2)
    return check


def turns(hub: str = "ant/prod") -> list[tuple[str, str]]:
    from hubfleet.office.watching.models import Turn

    return list(Turn.objects.filter(hub=hub).order_by("id").values_list("state", "cause"))


def state(hub: str = "ant/prod") -> str:
    from hubfleet.office.watching.models import Condition

    return str(Condition.objects.get(hub=hub).state)


def test_a_hub_that_works_is_up_and_nobody_hears_of_it(light):
    assert state() == "up"
    assert turns() == []


def test_three_failures_are_one_turn_with_its_cause_and_beginning(console, light):
    from hubfleet.office.watching.models import Check, Turn

    console.desk.troubled["ant/prod"] = "hub"
    light(2)
    assert turns() == []
    assert Check.objects.get(hub="ant/prod", kind="light").due_at - START > timedelta()
    first = Check.objects.get(hub="ant/prod", kind="light").counted["failed"][1]
    light(8)
    assert turns() == [("down", "hub")]
    turn = Turn.objects.get()
    assert turn.what == "hub: the hub itself does not answer (the script says so)"
    assert turn.hint.startswith("Read the hub's log")
    assert turn.began_at == datetime.fromisoformat(first)
    assert turn.reacted_at is None
    del console.desk.troubled["ant/prod"]
    light(5)
    assert turns() == [("down", "hub"), ("up", "")]
    assert turns("bee/prod") == []


def test_flapping_turns_nothing(console, light):
    for _ in range(10):
        console.desk.troubled["ant/prod"] = "hub"
        light(2)
        console.desk.troubled.clear()
        light()
    assert turns() == []
    assert state() == "up"


def test_only_news_are_kept_of_many_checks(console, light):
    from hubfleet.office.watching.models import Check, Finding

    light(10)
    console.desk.troubled["ant/prod"] = "hub"
    light(10)
    found = list(
        Finding.objects.filter(hub="ant/prod").order_by("id").values_list("kind", "verdict")
    )
    assert found == [("light", "healthy"), ("light", "failed")]
    assert Check.objects.filter(hub="ant/prod").count() == 2


def test_hubs_of_a_cluster_that_fail_alike_turn_together_and_say_so(console, light):
    from hubfleet.kit.clock import now
    from hubfleet.office.watching import checking
    from hubfleet.office.watching.models import Check, Turn

    console.desk.troubled |= {"ant/prod": "proxy", "ant/staging": "proxy"}
    later = now() + timedelta(seconds=50)
    Check.objects.filter(kind="light").update(due_at=later)
    Check.objects.filter(kind="light", hub="ant/prod").update(due_at=now())
    checking.light()
    beside = Check.objects.get(kind="light", hub="ant/staging")
    assert beside.due_at < later, "what is shared is asked of the others at once"
    assert Check.objects.get(kind="light", hub="bee/prod").due_at == later
    light(3)
    said = {turn.hub: turn.what for turn in Turn.objects.all()}
    assert said["ant/prod"].endswith("; 2 of 2 hubs of the cluster `reef` fail in the same way")
    assert set(said) == {"ant/prod", "ant/staging"}


def path(console, times: int = 1) -> None:
    from hubfleet.kit.clock import now
    from hubfleet.office.watching import checking
    from hubfleet.office.watching.models import Check

    for _ in range(times):
        Check.objects.filter(kind="path").update(due_at=now())
        checking.paths()


def test_a_path_that_fails_makes_a_hub_down_that_answers(console, light):
    from hubfleet.office.watching.models import ProbeRecord

    console.desk.failing.add("ant/prod")
    path(console, 3)
    light(3)
    assert turns() == [("down", "kernel")]
    assert state() == "down", "that it answers does not make it work"
    assert ProbeRecord.objects.filter(hub="ant/prod", asked_by="schedule").count() == 3
    # Now it does not even answer: still one trouble, and nobody walks into it.
    console.desk.troubled["ant/prod"] = "hub"
    light(4)
    path(console)
    assert ProbeRecord.objects.filter(hub="ant/prod").count() == 3
    assert turns() == [("down", "kernel")]
    console.desk.troubled.clear()
    console.desk.failing.clear()
    light(3)
    assert state() == "down"
    path(console, 2)
    assert turns() == [("down", "kernel"), ("up", "")]


def announce(kind: str = "maintenance", community: str = "", **more) -> None:
    from hubfleet.kit.clock import now
    from hubfleet.office.watching.models import Announcement

    begin = now() - timedelta(minutes=1)
    times = {"starts_at": begin, **more}
    Announcement.objects.create(
        kind=kind, title="New disks", community=community, made_by="eve", **times
    )


def test_nothing_turns_and_no_path_is_walked_in_a_declared_maintenance(console, light):
    from hubfleet.kit.clock import now
    from hubfleet.office.watching.models import Announcement, ProbeRecord

    announce(community="ant")
    console.desk.troubled |= {"ant/prod": "hub", "bee/prod": "hub"}
    light(5)
    path(console)
    assert turns() == []
    assert turns("bee/prod") == [("down", "hub")], "of another community"
    assert not ProbeRecord.objects.filter(hub__startswith="ant/").exists()
    Announcement.objects.update(ends_at=now())
    light(2)
    assert turns() == [], "what failed in the maintenance is not counted"
    light()
    assert turns() == [("down", "hub")]


def test_a_notice_is_no_maintenance(console, light):
    announce(kind="notice")
    console.desk.troubled["ant/prod"] = "hub"
    light(3)
    assert turns() == [("down", "hub")]


def test_a_hub_that_vanished_is_down_and_one_that_is_no_longer_declared_is_forgotten(
    console, light
):
    from hubfleet.office.watching.models import Check, Condition

    console.desk.gone.add("ant/prod")
    console.desk.troubled["ant/prod"] = "hub"
    console.look()
    light(3)
    assert turns() == [("down", "hub")]
    (console.office.root / "communities/ant/hubs/prod.yaml").unlink()
    console.desk.reload()
    light()
    assert not Condition.objects.filter(hub="ant/prod").exists()
    assert not Check.objects.filter(hub="ant/prod").exists()


def test_a_hub_that_was_never_created_is_not_checked(console):
    from hubfleet.office.watching import checking
    from hubfleet.office.watching.models import Check

    console.desk.gone.add("ant/prod")
    console.look()
    checking.light()
    assert set(Check.objects.values_list("hub", flat=True)) == {"ant/staging", "bee/prod"}


def test_a_new_revision_makes_a_path_due(console, light, monkeypatch):
    from hubfleet.kit.clock import now
    from hubfleet.office.watching import checking
    from hubfleet.office.watching.models import Check, ProbeRecord

    Check.objects.filter(kind="path").update(due_at=now() + timedelta(minutes=9))
    checking.paths()
    assert not ProbeRecord.objects.exists()
    Check.objects.filter(kind="path", hub="ant/prod").update(revision=2)
    light()
    checking.paths()
    assert [row.hub for row in ProbeRecord.objects.all()] == ["ant/prod"]


def test_no_more_paths_at_once_than_declared(console, light, monkeypatch):
    from threading import Lock

    from hubfleet.office.watching.models import ProbeRecord

    lock, there, most = Lock(), [0], [0]
    probe = console.desk.probe

    def slowly(names):
        with lock:
            there[0] += 1
            most[0] = max(most[0], there[0])
        try:
            return probe(names)
        finally:
            with lock:
                there[0] -= 1

    monkeypatch.setattr(console.desk, "probe", slowly)
    path(console)
    assert ProbeRecord.objects.count() == 3
    assert most[0] <= 2


@pytest.fixture
def days(console):
    """Counted seconds of `ant/prod` by day; looks and checks at made-up times."""
    from hubfleet.office.watching.models import HubDay, Look, Sighting

    for model in (Look, Sighting, HubDay):
        model.objects.all().delete()

    def counted() -> dict[str, tuple[float, float, float]]:
        return {
            str(row.day): (row.up, row.down, row.excused)
            for row in HubDay.objects.filter(hub="ant/prod")
        }

    return counted


def look(at: datetime, shown: str = "running") -> None:
    from hubfleet.office.watching.observing import write_down
    from hubfleet.planning.observation import ObservedHub

    hub = ObservedHub("ant/prod", "reef", shown, {}, revision=3, url="http://x/")  # type: ignore[arg-type]
    write_down({"ant/prod": hub}, {}, at, ZoneInfo("UTC"))


def judged(console, at: datetime, cause: str | None = None) -> None:
    """One light check of `ant/prod` that ended at that moment."""
    from hubfleet.office.watching import checking
    from hubfleet.office.watching.judging import Result, Terms, judge
    from hubfleet.office.watching.maintenance import now_of
    from hubfleet.office.watching.models import Check

    found = checking._subjects()
    checking._keep_rows(found, at, checking._terms().pace)
    terms = Terms(checking._terms().pace, ZoneInfo("UTC"), now_of(at))
    result: LightResult = checked("ant/prod", cause)  # type: ignore[arg-type]
    judge(Check.Kind.LIGHT, [Result.of_light(result, at)], found, terms)


def minute(number: float) -> datetime:
    return START + timedelta(minutes=number)


def test_time_in_which_the_checks_say_down_is_down_from_the_first_failure(console, days):
    for number in range(31):
        look(minute(number * 0.5))
        if number % 2 == 0:
            judged(console, minute(number * 0.5), "proxy" if 10 <= number < 20 else None)
    # Failures at minutes 5, 6, 7, 8, 9; successes from 10 on. The platform saw it run all the time.
    look(minute(15.5), "crashed")
    assert days() == {"2026-03-01": (10.5 * 60, 5 * 60, 0)}


def test_a_short_trouble_between_two_counts_is_down_for_as_long_as_it_lasted(console, days):
    for number in range(13):
        look(minute(number * 0.5))
        if number % 2 == 0:
            judged(console, minute(number * 0.5), "hub" if 2 <= number < 8 else None)
    # Failures at minutes 1, 2 and 3; successes from 4 on: nothing was counted before the turns.
    look(minute(6.5), "crashed")
    assert days() == {"2026-03-01": (3.5 * 60, 3 * 60, 0)}


def test_trouble_in_a_maintenance_is_excused(console, days):
    announce(starts_at=minute(2), ends_at=minute(4))
    for number in range(13):
        look(minute(number * 0.5), "crashed" if 2 <= number * 0.5 < 5 else "running")
    look(minute(6.5), "crashed")
    up, down, excused = days()["2026-03-01"]
    assert (up, down, excused) == (3.5 * 60, 60, 2 * 60)


def test_a_turn_over_midnight_is_counted_on_both_days(console, days):
    begin = datetime(2026, 3, 1, 23, 55, tzinfo=UTC)
    for number in range(11):
        at = begin + timedelta(minutes=number)
        look(at)
        judged(console, at, "network" if number >= 4 else None)
    look(begin + timedelta(minutes=10, seconds=30), "crashed")
    look(begin + timedelta(minutes=10, seconds=40), "running")
    found = days()
    assert found["2026-03-01"] == (4 * 60, 60, 0)
    assert found["2026-03-02"] == (0, 5 * 60 + 40, 0)

"""Which hubs are checked, and when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from hubfleet.fleet.monitoring import Checks
from hubfleet.office.watching.due import Pace, alike, next_light, next_path, slot, subjects
from hubfleet.office.watching.turning import Standing, Thresholds, take
from hubfleet.planning.observation import Observation, ObservedHub
from tests.fleets import write_fleet

NOW = datetime(2026, 3, 1, 9, 0, 7, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1)).map(
    lambda moment: moment.replace(tzinfo=UTC)
)


@given(st.text(min_size=1), MOMENTS, st.timedeltas(timedelta(seconds=1), timedelta(days=2)))
@settings(deadline=None)
def test_a_hub_is_due_once_in_each_period_and_a_restart_moves_nothing(hub, at, period):
    due = slot(hub, at, period)
    assert at < due <= at + period
    assert slot(hub, at + (due - at) / 2, period) == due
    assert slot(hub, due, period) == due + period


def test_many_hubs_are_spread_over_the_period():
    minutes = [
        int((slot(f"a/h{n}", NOW, QUARTER) - NOW) / timedelta(minutes=1)) for n in range(500)
    ]
    counts = [minutes.count(minute) for minute in range(15)]
    assert min(counts) > 15
    assert max(counts) < 60


def known(*verdicts: str) -> Standing:
    standing = Standing()
    for number, verdict in enumerate(verdicts):
        at = NOW + timedelta(minutes=number)
        standing = take(standing, verdict, at, Thresholds())  # type: ignore[arg-type]
    return standing


def test_doubt_is_followed_soon_and_trouble_more_often():
    pace = Pace.of(Checks())
    well, doubt = known("healthy", "healthy"), known("healthy", "healthy", "failed")
    down = known("failed", "failed", "failed")
    assert next_light("a/b", well, NOW, pace) == slot("a/b", NOW, pace.light)
    assert next_light("a/b", doubt, NOW, pace) <= NOW + timedelta(seconds=20)
    assert next_path("a/b", well, NOW, pace) == slot("a/b", NOW, QUARTER)
    assert next_path("a/b", doubt, NOW, pace) <= NOW + timedelta(minutes=1)
    assert next_path("a/b", down, NOW, pace) <= NOW + QUARTER / 3


def test_a_killed_hub_is_known_to_be_down_within_three_and_a_half_minutes():
    """Even when it is killed right after a check, and each failure takes its whole time."""
    pace, longest = Pace.of(Checks()), timedelta(seconds=15)
    at, standing = NOW, known("healthy", "healthy")
    due = slot("a/b", at, pace.light)
    while standing.state != "down":
        at = due + longest
        standing = take(standing, "failed", at, pace.thresholds)
        due = next_light("a/b", standing, at, pace)
    assert at - NOW <= timedelta(minutes=3, seconds=30)


def test_a_fast_pace_is_possible():
    pace = Pace.of(Checks(light="2s", path="30s", at_once=3))
    assert (pace.light, pace.retry, pace.at_once) == (
        timedelta(seconds=2), timedelta(seconds=2), 3,
    )  # fmt: skip


def test_only_hubs_that_ought_to_work_are_checked(tmp_path):
    fleet = write_fleet(
        tmp_path, {f"a/{name}": {} for name in ("up", "new", "lost", "ends", "bad")}
    )

    def seen(name: str, **more) -> ObservedHub:
        return ObservedHub(f"a/{name}", "reef", "running", {}, revision=2, url="http://x/", **more)

    hubs = [seen("up"), seen("ends", closing="2026-03-01T10:00:00Z"), seen("bad", came_up=False)]
    found = subjects(
        fleet,
        [Observation("reef", {hub.name: hub for hub in [*hubs, seen("undeclared")]})],
        {"a/lost": "http://lost/"},
    )
    assert sorted(found) == ["a/lost", "a/up"]
    assert found["a/up"].revision == 2
    assert found["a/lost"].url == "http://lost/"


def test_hubs_that_fail_alike_are_counted():
    hubs = ["a/b", "a/c", "a/d", "a/e"]
    assert alike("reef", hubs[:3], hubs) == (
        "3 of 4 hubs of the cluster `reef` fail in the same way"
    )
    assert alike("reef", hubs[:1], hubs[:2]) == ""
    assert alike("reef", hubs[:2], hubs * 2) == ""

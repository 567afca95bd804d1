"""Laws of the arithmetic of use: hours, days, periods, and people who count once."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubfleet.meters.samples import ServerSample
from hubfleet.office.usage.days import (
    GIB,
    LONGEST_BACK,
    Hours,
    Session,
    advance,
    total,
)
from hubfleet.office.usage.hashing import Keyring
from hubfleet.office.usage.periods import (
    KINDS,
    PRESENT,
    by_day,
    days_between,
    days_touched,
    kind_of,
    last_of,
    start_of,
)

NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)
days = st.dates(date(1990, 1, 1), date(2090, 12, 31))
moments = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))
gaps = st.lists(st.floats(0.5, 4000), min_size=1, max_size=25)


def server(started: datetime, user: str = "ada", used: int | None = GIB) -> ServerSample:
    return ServerSample(user, "", started, 2 * GIB, used, 10.0)


@given(moments, gaps)
def test_however_often_it_is_read_a_server_has_run_as_long_as_it_has(
    started: datetime, between: list[float]
) -> None:
    """Weeks without a reading included: it was there before and after."""
    known: dict[str, Session] = {}
    found: list[Hours] = []
    at, before = started, None
    for minutes in between:
        at += timedelta(minutes=minutes)
        moved = advance(known, {"a": server(started)}, at, before)
        known, before = dict(moved.sessions), at
        found += moved.days.values()
    hours = (at - started).total_seconds() / 3600
    together = total(found)
    first = timedelta(minutes=between[0])
    lost = max(first - LONGEST_BACK, timedelta()).total_seconds() / 3600
    assert together.sessions == 1
    assert together.server_hours == pytest.approx(hours - lost)
    assert together.requested == pytest.approx(2 * together.server_hours)
    assert together.used == pytest.approx(together.measured)
    assert together.measured <= together.server_hours + 1e-9
    assert together.cpu == pytest.approx(10 / 3600)


@given(moments, st.lists(st.floats(-3000, 3000), min_size=1, max_size=20))
def test_readings_in_any_order_never_take_hours_back(
    started: datetime, offsets: list[float]
) -> None:
    known: dict[str, Session] = {}
    before = None
    for minutes in offsets:
        at = started + timedelta(minutes=minutes)
        moved = advance(known, {"a": server(started)}, at, before)
        known, before = dict(moved.sessions), at
        for hours in moved.days.values():
            assert min(hours.server_hours, hours.requested, hours.used, hours.cpu) >= 0


@given(
    st.lists(
        st.builds(
            Hours,
            st.integers(0, 9),
            *(st.integers(0, 1000).map(lambda number: number / 8) for _ in range(5)),
        )
    ),
    st.randoms(),
)
def test_adding_up_is_independent_of_order(found: list[Hours], chance: random.Random) -> None:
    assert total(chance.sample(found, len(found))) == total(found)


def test_cpu_time_of_processes_that_ended_is_not_taken_back() -> None:
    known = {"a": Session(NOON, NOON, None, 50.0)}
    at = NOON + timedelta(minutes=1)
    less = replace(server(NOON), cpu_seconds=20.0)
    moved = advance(known, {"a": less}, at, NOON)
    assert moved.days[at.date()].cpu == 0
    more = replace(server(NOON), cpu_seconds=86.0)
    again = advance(moved.sessions, {"a": more}, at + timedelta(minutes=1), at)
    assert again.days[at.date()].cpu == pytest.approx(36 / 3600)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),
        ("America/New_York", date(2026, 11, 1), 25),
    ],
)
def test_a_day_on_which_clocks_change_has_as_many_hours_as_it_has(
    zone: str, day: date, hours: float
) -> None:
    """A server that ran through it, told of in local time."""
    start = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))
    end = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)) + timedelta(days=1)
    assert sum(seconds for _, seconds in by_day(start, end)) == hours * 3600
    moved = advance({}, {"a": server(start)}, end.astimezone(UTC), None)
    assert total(moved.days.values()).server_hours == pytest.approx(hours)


@given(moments, st.floats(0, 200))
def test_every_second_belongs_to_the_day_it_lies_in(start: datetime, hours: float) -> None:
    end = start + timedelta(hours=hours)
    found = dict(by_day(start, end))
    assert sum(found.values()) == pytest.approx((end - start).total_seconds())
    assert all(0 < seconds <= 86400 for seconds in found.values())
    assert set(found) <= set(days_touched(start, end))


@given(days)
def test_periods_tile_time(day: date) -> None:
    for kind in KINDS:
        start = start_of(kind, day)
        assert start <= day <= last_of(kind, start)
        assert start_of(kind, last_of(kind, start)) == start
        following = last_of(kind, start) + timedelta(days=1)
        assert start_of(kind, following) == following
    assert start_of("week", day).isoweekday() == 1


@given(days)
def test_a_range_that_is_a_period_is_known_as_one(day: date) -> None:
    for kind in PRESENT:
        start = start_of(kind, day)
        assert kind_of(start, last_of(kind, start)) == kind
        assert kind_of(start, last_of(kind, start) + timedelta(days=1)) is None


users = st.sampled_from(["ada", "bo", "cy", "dee"])


@given(st.lists(st.tuples(st.dates(date(2026, 11, 1), date(2026, 11, 30)), users), max_size=40))
def test_a_month_has_no_more_people_than_its_days_and_no_fewer_than_its_best_day(
    seen: list[tuple[date, str]],
) -> None:
    ring = Keyring(b"k" * 32)

    def people(kind: str, start: date) -> int:
        found = {
            ring.hashed("ant", one, start, user)
            for one in KINDS
            if one == kind
            for day, user in seen
            if start_of(one, day) == start
        }
        return len(found)

    by_days = [people("day", day) for day in days_between(date(2026, 11, 1), date(2026, 11, 30))]
    weeks = {start_of("week", day) for day, _ in seen}
    month = people("month", date(2026, 11, 1))
    assert month == len({user for _, user in seen})
    assert max(by_days, default=0) <= month <= sum(by_days)
    assert month <= sum(people("week", start) for start in weeks) <= sum(by_days)


def test_hashes_of_one_person_in_two_periods_or_communities_have_nothing_in_common() -> None:
    ring = Keyring(b"k" * 32)
    october, november = date(2026, 10, 1), date(2026, 11, 1)
    found = {
        ring.hashed("ant", "month", october, "ada"),
        ring.hashed("ant", "month", november, "ada"),
        ring.hashed("ant", "billed", november, "ada"),
        ring.hashed("bee", "month", november, "ada"),
        Keyring(b"other").hashed("ant", "month", november, "ada"),
        ring.hashed("ant", "month", november, "ad", "a"),
    }
    assert len(found) == 6
    assert all(len(one) == 32 for one in found)
    assert repr(ring) == "Keyring(...)"

"""What follows from moments: states, updates, times, working days."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubfleet.office.incidents import clocks, working_days

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu")


@dataclass
class One:
    """An incident as far as clocks look at it."""

    priority: str = "P1"
    channel: str = ""
    began_at: datetime = AT
    opened_at: datetime = AT + timedelta(minutes=3)
    acknowledged_at: datetime | None = None
    informed_at: datetime | None = None
    updated_at: datetime | None = None
    mitigated_at: datetime | None = None
    resolved_at: datetime | None = None
    users_affected: int | None = None


moments = st.none() | st.integers(-100, 10_000).map(lambda m: AT + timedelta(minutes=m))
incidents = st.builds(
    One,
    priority=st.sampled_from(["P1", "P2"]),
    channel=st.sampled_from(["", "#incident"]),
    began_at=moments.filter(bool),
    opened_at=moments.filter(bool),
    acknowledged_at=moments,
    informed_at=moments,
    updated_at=moments,
    mitigated_at=moments,
    resolved_at=moments,
    users_affected=st.none() | st.integers(0, 10_000),
)


@given(incidents)
def test_active_means_that_all_four_conditions_hold(one):
    met = [condition.met for condition in clocks.conditions(one)]
    assert len(met) == 4
    if clocks.state_of(one) == "active":
        assert all(met)
    if all(met) and one.mitigated_at is None and one.resolved_at is None:
        assert clocks.state_of(one) == "active"


@given(incidents)
def test_no_time_is_negative_and_what_did_not_happen_has_none(one):
    took = clocks.times(one)
    spans = (took.detect, took.acknowledge, took.mitigate, took.resolve)
    assert all(span is None or span >= timedelta(0) for span in spans)
    assert (took.resolve is None) == (one.resolved_at is None)
    assert (took.acknowledge is None) == (one.acknowledged_at is None)
    minutes = clocks.user_minutes(one)
    assert minutes is None or minutes >= 0


@given(incidents, st.integers(1, 100))
def test_the_next_update_is_due_so_long_after_the_last_until_it_is_over(one, hours):
    due = clocks.next_update(one, timedelta(hours=hours))
    if one.resolved_at is not None:
        assert due is None
    else:
        assert due == (one.updated_at or one.opened_at) + timedelta(hours=hours)


def test_user_minutes_are_people_times_minutes():
    one = One(users_affected=20, resolved_at=AT + timedelta(minutes=30))
    assert clocks.user_minutes(one) == 600
    assert clocks.user_minutes(replace(one, mitigated_at=AT + timedelta(minutes=10))) == 200
    assert clocks.user_minutes(replace(one, users_affected=None)) is None


SPANS = {
    None: "-", 0: "0 s", 42: "42 s", 300: "5 min", 3700: "1 h 1 min", 12_000: "3 h 20 min",
    90_000: "1 day 1 h", 187_200: "2 days 4 h",
}  # fmt: skip


def test_spans_are_told_in_two_words_at_most():
    for seconds, words in SPANS.items():
        span = None if seconds is None else timedelta(seconds=seconds)
        assert clocks.in_words(span) == words


BERLIN = ZoneInfo("Europe/Berlin")
DAYS = [
    # Thursday afternoon, over a weekend.
    ("2026-03-05T15:00:00+01:00", 5, "2026-03-12T15:00:00+01:00"),
    # Clocks went forward on Sunday 29 March: the hour on the wall stays.
    ("2026-03-27T10:00:00+01:00", 1, "2026-03-30T10:00:00+02:00"),
    # Clocks went back on Sunday 25 October.
    ("2026-10-23T10:00:00+02:00", 1, "2026-10-26T10:00:00+01:00"),
    # A weekend counts for nothing: its end is the beginning of Monday.
    ("2026-03-07T12:00:00+01:00", 0, "2026-03-09T00:00:00+01:00"),
    ("2026-03-08T23:59:00+01:00", 5, "2026-03-16T00:00:00+01:00"),
    # In UTC it is still Friday, in Berlin Saturday has begun.
    ("2026-03-06T23:30:00+00:00", 1, "2026-03-10T00:00:00+01:00"),
]


@pytest.mark.parametrize(("start", "days", "due"), DAYS)
def test_working_days_are_days_on_the_clock_on_the_wall(start, days, due):
    found = working_days.after(datetime.fromisoformat(start), days, BERLIN)
    assert found == datetime.fromisoformat(due)


starts = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1)).map(
    lambda one: one.replace(tzinfo=UTC)
)


@given(starts, st.integers(0, 30), st.sampled_from(ZONES))
def test_a_deadline_is_on_a_working_day_and_neither_early_nor_late(start, days, zone):
    place = ZoneInfo(zone)
    due = working_days.after(start, days, place)
    assert due.astimezone(place).weekday() < 5
    passed = due - start
    assert passed >= timedelta(days=days) - timedelta(hours=1), "but for an hour of summer time"
    assert passed <= timedelta(days=days + 2 * (days // 5 + 2)) + timedelta(hours=1)


@given(starts, st.integers(0, 10), st.integers(0, 10), st.sampled_from(ZONES))
def test_days_after_days_are_as_many_days_together(start, first, then, zone):
    place = ZoneInfo(zone)
    two = working_days.after(working_days.after(start, first, place), then, place)
    one = working_days.after(start, first + then, place)
    # An hour that does not exist on a day when clocks change is told as the next.
    assert abs(two - one) <= timedelta(hours=1)


@given(starts, starts, st.integers(0, 10), st.sampled_from(ZONES))
def test_who_begins_later_is_due_no_earlier(one, other, days, zone):
    place, hour = ZoneInfo(zone), timedelta(hours=1)
    first, second = sorted((one, other))
    assert working_days.after(first, days, place) <= working_days.after(second, days, place) + hour

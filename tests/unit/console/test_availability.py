"""The arithmetic of availability."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from hubfleet.office.watching.availability import (
    Day,
    Share,
    by_day,
    history,
    in_percent,
    together,
    total,
)

ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Apia"]).map(ZoneInfo)
MOMENTS = st.datetimes(datetime(2025, 1, 1), datetime(2026, 12, 31)).map(
    lambda moment: moment.replace(tzinfo=UTC)
)


@given(MOMENTS, st.timedeltas(timedelta(), timedelta(days=9)), ZONES)
@settings(max_examples=60, deadline=None)
def test_no_second_is_lost_or_counted_twice(start, span, zone):
    parts = list(by_day(start, start + span, zone))
    assert abs(sum(seconds for _, seconds in parts) - span.total_seconds()) < 1e-3
    days = [day for day, _ in parts]
    assert days == sorted(set(days)), "each day once, in order"
    assert all(0 < seconds <= 25 * 3600 for _, seconds in parts)


def test_a_day_on_which_clocks_change_has_its_own_length():
    zone = ZoneInfo("Europe/Berlin")
    start = datetime(2026, 3, 29, tzinfo=zone)
    assert list(by_day(start, datetime(2026, 3, 30, tzinfo=zone), zone)) == [
        (date(2026, 3, 29), 23 * 3600)
    ]
    start = datetime(2026, 10, 25, tzinfo=zone)
    assert list(by_day(start, datetime(2026, 10, 26, tzinfo=zone), zone)) == [
        (date(2026, 10, 25), 25 * 3600)
    ]


@given(st.floats(0, 1))
def test_a_share_is_never_shown_as_better_than_it_is(part):
    shown = in_percent(part)
    assert float(shown.removesuffix(" %")) <= part * 100 + 1e-9
    assert (shown == "100 %") == (part >= 1)


def test_words_for_shares():
    assert in_percent(None) == "not measured"
    assert in_percent(0.99999) == "99.99 %"
    assert Share(86400, 0).word == "good"
    assert Share(86400 - 600, 600).word == "warn"
    assert Share(1, 1).word == "bad"
    assert Share().word == "quiet"


def test_days_that_nobody_watched_are_empty_and_count_for_nothing():
    days = history({date(2026, 3, 2): Share(10, 10)}, date(2026, 3, 3), 3)
    assert [day.share for day in days] == [Share(), Share(10, 10), Share()]
    assert total(day.share for day in days).part == 0.5


def test_several_hubs_are_added_day_by_day():
    one = (Day(date(2026, 3, 1), Share(10, 0)),)
    two = (Day(date(2026, 3, 1), Share(0, 30)),)
    assert together([one, two]) == (Day(date(2026, 3, 1), Share(10, 30)),)

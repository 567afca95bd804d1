"""The dates of an ending, as laws over all days and zones."""

from __future__ import annotations

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubfleet.fleet.ending import Ending as Policy
from hubfleet.kit.units import day_after, day_before, parse_period
from hubfleet.office.leaving.dates import (
    Progress,
    begins,
    dates_of,
    objection,
    phase_of,
)

DAYS = st.dates(date(2000, 1, 1), date(2120, 12, 31))
PERIODS = st.one_of(
    st.integers(1, 400).map(lambda n: f"{n}d"),
    st.integers(1, 60).map(lambda n: f"{n}w"),
    st.integers(1, 9).map(lambda n: f"{n}y"),
)
POLICIES = st.builds(
    Policy,
    notice=PERIODS,
    remind=st.lists(PERIODS, max_size=4).map(tuple),
    export_days=st.integers(1, 60),
    retention=PERIODS,
)
ZONES = st.sampled_from(
    ["UTC", "Europe/Madrid", "America/Santiago", "Africa/Cairo", "Asia/Beirut", "Pacific/Apia",
     "America/Havana", "Asia/Tehran", "Australia/Lord_Howe"]
)  # fmt: skip


@given(DAYS, st.integers(0, 1800), POLICIES)
def test_dates_come_in_order_or_the_ending_is_refused(asked: date, ahead: int, policy) -> None:
    last = asked + timedelta(days=ahead)
    refused = objection("ant/prod", last, asked, policy)
    assert (refused is not None) == (ahead < policy.export_days)
    found = dates_of(last, asked, policy)
    if refused is None:
        assert asked < found.export_from <= found.last_day
    assert found.last_day < found.removal < found.retention_end
    assert all(asked < day < last for day in found.reminders)
    assert list(found.reminders) == sorted(set(found.reminders))
    assert (found.last_day - found.export_from).days == policy.export_days - 1
    assert found.late == (asked > found.notice)


@given(DAYS, PERIODS)
def test_a_later_day_never_has_an_earlier_date(day: date, period: str) -> None:
    following = day + timedelta(days=1)
    assert day_after(day, period) <= day_after(following, period)
    assert day_before(day, period) <= day_before(following, period)
    assert day_before(day, period) < day < day_after(day, period)
    if parse_period(period)[0]:
        assert day_before(day_after(day, period), period) == day


@given(st.integers(2000, 2100), st.integers(1, 8))
def test_a_year_keeps_the_day_of_the_year_but_for_29_february(year: int, years: int) -> None:
    day = date(year, 7, 1)
    assert day_after(day, f"{years}y") == date(year + years, 7, 1)
    if year % 4 == 0 and year != 2100:
        leap = day_after(date(year, 2, 29), f"{years}y")
        wanted = (2, 29) if (year + years) % 4 == 0 and year + years != 2100 else (2, 28)
        assert (leap.year, leap.month, leap.day) == (year + years, *wanted)


@given(DAYS, ZONES)
def test_days_of_a_zone_begin_one_after_the_other(day: date, zone: str) -> None:
    begun, next_one = begins(day, zone), begins(day + timedelta(days=1), zone)
    # Where the clock is set at midnight the day begins an hour later; a day is never empty.
    assert timedelta(hours=22) <= next_one - begun <= timedelta(hours=26) or zone == "Pacific/Apia"
    assert begun.astimezone(ZoneInfo(zone)).date() in (day, day + timedelta(days=1))


def test_the_default_policy_of_an_ending() -> None:
    found = dates_of(date(2028, 2, 29), date(2028, 1, 10), Policy())
    assert found.as_json() == {
        "asked": "2028-01-10",
        "notice": "2028-01-30",
        "late": False,
        "reminders": ["2028-02-15", "2028-02-27"],
        "export_from": "2028-02-23",
        "last_day": "2028-02-29",
        "removal": "2028-03-01",
        "retention_end": "2029-03-01",
    }


def test_the_words_of_what_is_refused() -> None:
    soon = objection("ant/prod", date(2026, 3, 5), date(2026, 3, 1), Policy())
    assert str(soon) == (
        "error[ending-too-soon]: ant/prod cannot end on 2026-03-05\n"
        "  --> --on\n"
        "  why: people have 7 days to take their files along (`service.ending.export_days`)\n"
        "  hint: choose 2026-03-08 or a later day"
    )
    far = objection("ant/prod", date(2036, 3, 5), date(2026, 3, 1), Policy())
    assert far is not None and far.code == "ending-too-far"


DONE = Progress(consent=True, confirmed=True)


@pytest.mark.parametrize(
    ("progress", "today", "phase"),
    [
        (Progress(), "2028-02-25", "asked"),
        (Progress(consent=True), "2028-02-25", "asked"),
        (DONE, "2028-02-22", "end-notice"),
        (DONE, "2028-02-23", "export"),
        (DONE, "2028-05-23", "export"),
        (Progress(consent=True, confirmed=True, gone=True), "2028-03-01", "removed"),
        (Progress(consent=True, confirmed=True, gone=True, settled=True), "2028-03-01", "removed"),
        (
            Progress(consent=True, confirmed=True, gone=True, settled=True, forgotten=True),
            "2029-03-01",
            "closed",
        ),
        (Progress(consent=True, cancelled=True), "2028-02-25", "cancelled"),
    ],
)
def test_how_far_a_hub_is_on_its_way_out(progress: Progress, today: str, phase: str) -> None:
    dates = dates_of(date(2028, 2, 29), date(2028, 1, 10), Policy())
    assert phase_of(progress, dates, date.fromisoformat(today)) == phase


@pytest.mark.parametrize("text", ["", "0d", "1m", "d", "-1d", "1.5y", "1 year", "99999d"])
def test_what_is_no_period(text: str) -> None:
    with pytest.raises(ValueError, match="is not a period; write one such as 30d, 2w or 1y"):
        parse_period(text)

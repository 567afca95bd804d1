"""Laws of who is on call, for any rotation, any zone and any moment; then days to the letter."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubfleet.fleet.oncall import HandOver, Hours, OnCallFile, OnCallPerson, Override, Rotation
from hubfleet.fleet.rota import (
    Absence,
    Duty,
    Schedule,
    Shift,
    gaps,
    next_begin,
    next_person,
    on_call,
    shifts,
    within,
)

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]
PEOPLE = ("ada", "ben", "cyd", "dee")
START = datetime(2026, 1, 5, tzinfo=UTC)
zones = st.sampled_from(ZONES)
clocks = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.sampled_from([0, 15, 30, 59]))
moments = st.integers(0, 2 * 366 * 24 * 60).map(lambda n: START + timedelta(minutes=n))
weekdays = st.sampled_from(["monday", "thursday", "saturday", "sunday"])
rotations = st.builds(
    Rotation,
    people=st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=4, unique=True).map(tuple),
    every=st.sampled_from(["1d", "3d", "1w", "2w"]),
    start=st.dates(date(2025, 12, 1), date(2026, 2, 1)),
    hand_over=st.builds(HandOver, day=weekdays, at=clocks),
    timezone=zones,
)
absences = st.lists(
    st.builds(
        lambda person, at, hours, reduced: Absence(
            person, at, at + timedelta(hours=hours), reduced=reduced
        ),
        st.sampled_from(PEOPLE),
        moments,
        st.integers(1, 24 * 30),
        st.booleans(),
    ),
    max_size=6,
).map(tuple)
overrides = st.lists(
    st.builds(
        lambda person, at, hours: Override(
            rotation="primary",
            person=person,
            start=at,
            end=at + timedelta(hours=hours),
            reason="they swapped",
        ),
        st.sampled_from(PEOPLE),
        moments,
        st.integers(1, 24 * 14),
    ),
    max_size=3,
).map(tuple)


def schedule_of(
    rotation: Rotation,
    off: tuple[Absence, ...] = (),
    instead: tuple[Override, ...] = (),
    **others: Rotation,
) -> Schedule:
    people = {name: OnCallPerson(name=name, email=f"{name}@example.org") for name in PEOPLE}
    turns = {"primary": rotation, **others}
    return Schedule(
        OnCallFile(people=people, rotations=turns, overrides=instead), "primary", "UTC", off
    )


@settings(deadline=None)
@given(rotations, moments)
def test_without_hours_and_time_off_there_is_always_somebody_whose_turn_it_is(
    rotation: Rotation, at: datetime
):
    duty = on_call(schedule_of(rotation), at)

    assert duty.person in rotation.people
    assert duty.reason == "turn"


@settings(deadline=None)
@given(rotations, absences, moments)
def test_nobody_on_time_off_is_on_call_and_a_gap_means_that_all_are_away(
    rotation: Rotation, off: tuple[Absence, ...], at: datetime
):
    duty = on_call(schedule_of(rotation, off), at)

    away = {a.person for a in off if a.start <= at < a.end and not a.reduced}
    if duty.person is None:
        assert duty.reason == "away"
        assert away >= set(rotation.people)
    else:
        assert duty.person not in away


@settings(deadline=None)
@given(rotations, absences, overrides, moments)
def test_an_override_wins_and_of_two_the_later(
    rotation: Rotation, off: tuple[Absence, ...], instead: tuple[Override, ...], at: datetime
):
    duty = on_call(schedule_of(rotation, off, instead), at)

    declared = [one.person for one in instead if one.start <= at < one.end]
    if declared:
        assert (duty.person, duty.reason) == (declared[-1], "override")
    else:
        assert duty.reason != "override"


@settings(max_examples=60, deadline=None)
@given(rotations, absences, overrides, moments, st.integers(1, 40), st.data())
def test_shifts_cover_the_time_without_gaps_and_say_what_on_call_says(
    rotation: Rotation,
    off: tuple[Absence, ...],
    instead: tuple[Override, ...],
    start: datetime,
    days: int,
    data: st.DataObject,
):
    schedule, end = schedule_of(rotation, off, instead), start + timedelta(days=days)
    found = shifts(schedule, start, end)

    assert (found[0].start, found[-1].end) == (start, end)
    assert all(a.end == b.start and a.duty != b.duty for a, b in itertools.pairwise(found))
    at = start + timedelta(minutes=data.draw(st.integers(0, days * 24 * 60 - 1)))
    there = next(one for one in found if one.start <= at < one.end)
    assert there.duty == on_call(schedule, at)


@settings(max_examples=60, deadline=None)
@given(rotations, moments)
def test_turns_change_in_order_and_at_the_declared_time_of_the_day(
    rotation: Rotation, start: datetime
):
    schedule = schedule_of(rotation)
    zone = ZoneInfo(rotation.timezone or "UTC")
    found = shifts(schedule, start, start + timedelta(days=60))
    people = rotation.people

    for before, after in itertools.pairwise(found):
        index = people.index(before.duty.person or "")
        assert after.duty.person == people[(index + 1) % len(people)]
        local = after.start.astimezone(zone)
        # A time that the clocks leave out counts as if they had not changed yet.
        skipped = local.utcoffset() != (local - timedelta(hours=3)).utcoffset()
        assert f"{local:%H:%M}" == rotation.hand_over.at or skipped
        if rotation.every in ("7d", "14d"):
            assert f"{local:%A}".lower() == rotation.hand_over.day


hours = st.builds(
    Hours,
    days=st.lists(weekdays, min_size=1, max_size=4, unique=True).map(tuple),
    start=clocks,
    end=clocks,
)


@settings(deadline=None)
@given(hours, zones, moments)
def test_hours_begin_where_it_is_said_that_they_begin_next(open_in: Hours, zone: str, at: datetime):
    place = ZoneInfo(zone)
    begin = next_begin(open_in, place, at)

    assert begin >= at
    assert (begin == at) == within(open_in, place, at) or begin > at
    assert begin - at <= timedelta(days=8)
    if begin > at:
        assert not within(open_in, place, begin - timedelta(seconds=1))


def weekly(*people: str, zone: str = "Europe/Berlin", **more: object) -> Rotation:
    return Rotation.model_validate(
        {"people": people, "start": "2026-01-05", "timezone": zone, **more}
    )


def local(text: str, zone: str = "Europe/Berlin") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def names(found: tuple[Shift, ...], zone: str = "Europe/Berlin") -> Iterator[tuple[str, str]]:
    for one in found:
        yield f"{one.start.astimezone(ZoneInfo(zone)):%a %d %b %H:%M}", one.duty.person or "-"


@pytest.mark.parametrize("clock", ["02:30", "03:00", "01:59"])
def test_a_night_with_an_hour_less_has_one_hand_over(clock: str):
    # In Berlin the clocks went from 02:00 to 03:00 on Sunday 29 March 2026.
    schedule = schedule_of(weekly("ada", "ben", hand_over={"day": "sunday", "at": clock}))

    found = shifts(schedule, local("2026-03-28T12:00"), local("2026-03-29T12:00"))

    assert [one.duty.person for one in found] == ["ada", "ben"]
    assert found[1].start == local({"02:30": "2026-03-29T03:30"}.get(clock, f"2026-03-29T{clock}"))


@pytest.mark.parametrize("clock", ["02:30", "02:00", "03:00"])
def test_a_night_with_an_hour_more_has_one_hand_over(clock: str):
    # The clocks went from 03:00 back to 02:00 on Sunday 25 October 2026.
    schedule = schedule_of(weekly("ada", "ben", hand_over={"day": "sunday", "at": clock}))

    found = shifts(schedule, local("2026-10-24T12:00"), local("2026-10-25T12:00"))

    assert [one.duty.person for one in found] == ["ada", "ben"]
    assert found[1].start == local(f"2026-10-25T{clock}")


def test_the_week_of_a_change_is_longer_or_shorter_by_the_hour():
    schedule = schedule_of(weekly("ada", "ben"))
    weeks = shifts(schedule, local("2026-03-23T09:00"), local("2026-04-06T09:00"))

    assert [one.end - one.start for one in weeks] == [
        timedelta(days=7) - timedelta(hours=1),
        timedelta(days=7),
    ]


def test_two_rotations_follow_the_sun():
    europe = weekly("ada", hours={"start": "08:00", "end": "20:00"}, otherwise="pacific")
    pacific = weekly("ben", zone="Pacific/Auckland", hours={"start": "06:00", "end": "19:00"})
    schedule = schedule_of(europe, pacific=pacific)

    found = shifts(schedule, local("2026-06-01T08:00"), local("2026-06-02T08:00"))

    assert list(names(found)) == [
        ("Mon 01 Jun 08:00", "ada"),
        ("Mon 01 Jun 20:00", "ben"),
    ]
    # In winter, Auckland's day ends an hour early: said, not hidden.
    winter = gaps(schedule, local("2026-12-01T08:00"), local("2026-12-02T08:00"))
    assert list(names(winter)) == [("Wed 02 Dec 07:00", "-")]
    assert winter[0].duty == Duty("pacific", None, "hours")


def test_who_is_away_is_stood_in_for_by_the_next_in_order():
    off = Absence("ben", local("2026-01-14T00:00"), local("2026-01-16T00:00"))
    schedule = schedule_of(weekly("ada", "ben", "cyd"), (off,))

    found = shifts(schedule, local("2026-01-12T09:00"), local("2026-01-19T09:00"))

    assert list(names(found)) == [
        ("Mon 12 Jan 09:00", "ben"),
        ("Wed 14 Jan 00:00", "cyd"),
        ("Fri 16 Jan 00:00", "ben"),
    ]
    assert found[1].duty == Duty("primary", "cyd", "cover", "ben")


def test_reduced_hours_spare_somebody_only_where_another_is_there():
    span = (local("2026-01-12T00:00"), local("2026-01-19T00:00"))
    spared = schedule_of(weekly("ada", "ben"), (Absence("ben", *span, reduced=True),))
    needed = schedule_of(
        weekly("ada", "ben"), (Absence("ben", *span, reduced=True), Absence("ada", *span))
    )
    at = local("2026-01-13T12:00")

    assert on_call(spared, at).person == "ada"
    assert on_call(needed, at).person == "ben"


def test_the_next_person_is_the_next_other_one():
    schedule = schedule_of(weekly("ada", "ben"))
    found = next_person(schedule, local("2026-01-06T12:00"), timedelta(weeks=2))

    assert found is not None
    assert (found.duty.person, found.start) == ("ben", local("2026-01-12T09:00"))
    alone = schedule_of(weekly("ada"))
    assert next_person(alone, local("2026-01-06T12:00"), timedelta(weeks=2)) is None

"""Calendars of time off: titles, whole days, what repeats, and what is not to be trusted."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hubfleet.fleet.oncall import OnCallPerson
from hubfleet.fleet.rota import Absence
from hubfleet.fleet.time_off import Read, read_time_off
from hubfleet.kit.errors import HubfleetError

PEOPLE = {
    "ada": OnCallPerson(name="Ada Example", email="ada@example.org", timezone="Europe/Berlin"),
    "ben": OnCallPerson(name="Ben Example", email="ben@example.org", login="benb"),
}
START, END = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)


def calendar(*events: str) -> str:
    inside = [f"BEGIN:VEVENT\nUID:{n}\n{event}\nEND:VEVENT" for n, event in enumerate(events)]
    lines = "\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:test", *inside, "END:VCALENDAR"])
    return lines.replace("\n", "\r\n") + "\r\n"


def read(*events: str) -> Read:
    return read_time_off(calendar(*events), PEOPLE, START, END, place="away.ics")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text + "+00:00")


@pytest.mark.parametrize(
    "whose", ["Ada Example", "ada", "ADA@example.org", "Ada Example (wedding)", "ada - hiking"]
)
def test_whole_days_are_days_of_the_persons_zone(whose: str):
    found = read(
        f"SUMMARY:AWAY: {whose}\nDTSTART;VALUE=DATE:20261024\nDTEND;VALUE=DATE:20261026",
    )

    # The clocks change within: two days, of 24 and 25 hours.
    assert found.absences == (Absence("ada", at("2026-10-23T22:00"), at("2026-10-25T23:00")),)


def test_reduced_hours_and_a_login():
    event = "SUMMARY:Reduced: benb\nDTSTART:20261007T080000Z\nDURATION:PT4H"
    assert read(event).absences == (
        Absence("ben", at("2026-10-07T08:00"), at("2026-10-07T12:00"), reduced=True),
    )


def test_what_repeats_is_spread_out_without_what_was_left_out_or_moved():
    zone = "TZID=Europe/Berlin"
    weekly = (
        f"SUMMARY:AWAY: ben\nDTSTART;{zone}:20260903T090000\nDTEND;{zone}:20260903T120000\n"
        f"RRULE:FREQ=WEEKLY;UNTIL=20261022T235959Z\nEXDATE;{zone}:20261008T090000"
    )
    moved = (
        f"SUMMARY:AWAY: ben\nRECURRENCE-ID;{zone}:20261015T090000\n"
        f"DTSTART;{zone}:20261016T100000\nDTEND;{zone}:20261016T130000"
    )
    text = calendar(weekly, moved).replace("UID:1", "UID:0")

    found = read_time_off(text, PEOPLE, START, END, place="away.ics")

    begins = sorted(one.start for one in found.absences)
    assert begins == [at("2026-10-01T07:00"), at("2026-10-16T08:00"), at("2026-10-22T07:00")]


def test_titles_of_others_are_passed_by_and_strangers_named():
    found = read(
        "SUMMARY:Team lunch\nDTSTART:nonsense",
        "SUMMARY:AWAY: Zoe\nDTSTART;VALUE=DATE:20261002",
        "SUMMARY:HOLIDAY: Reunification\nDTSTART;VALUE=DATE:20261003",
        "SUMMARY:AWAY: ada\nSTATUS:CANCELLED\nDTSTART;VALUE=DATE:20261004",
    )

    assert found.absences == ()
    assert found.strangers == ("AWAY: Zoe",)
    assert [name for name, _, _ in found.holidays] == ["Reunification"]


RULE = "SUMMARY:AWAY: ada\nDTSTART:20261002T080000Z\nRRULE:{}"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "It holds no calendar."),
        ("x" * 2_000_001, "It is larger than 2 MB."),
        ("hello", "It is not iCalendar: Content line could not be parsed into parts: 'hello': "),
        (calendar(RULE.format("FREQ=SECONDLY")), "An event repeats more often than daily."),
        (
            calendar(RULE.format("FREQ=YEARLY;INTERVAL=0")),
            "An event repeats by a rule that time off does not need.",
        ),
        (
            calendar(RULE.format("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30")),
            "An event repeats by a rule that time off does not need.",
        ),
        (
            calendar(*[RULE.format("FREQ=DAILY")] * 201),
            "It has more than 5000 events, or 200 that repeat.",
        ),
        (
            calendar(*[RULE.format("FREQ=DAILY")] * 199),
            "It says more than 5000 times that somebody is off.",
        ),
        (
            calendar("SUMMARY:AWAY: ada\nDTSTART:99999999T000000Z"),
            "An event has no sound time: ",
        ),
    ],
    ids=[
        "empty",
        "large",
        "no calendar",
        "secondly",
        "never",
        "dense",
        "many",
        "too often",
        "no time",
    ],
)
def test_a_calendar_that_cannot_be_trusted_is_refused(text: str, why: str):
    with pytest.raises(HubfleetError) as raised:
        read_time_off(text, PEOPLE, START, END, place="away.ics")

    told = raised.value.problems[0]
    assert told.why.startswith(why)
    assert (told.code, told.what, told.place, told.hint) == (
        "unreadable-calendar",
        "a calendar of time off cannot be read",
        "away.ics",
        "export it anew as iCalendar (.ics), with titles such as `AWAY: Ada`",
    )

"""Who is on call, as iCalendar for people's own calendars. Pure.

An event's id is made of the rotation and its beginning, so that a calendar that reads it again
changes the event and makes no other.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from hubfleet.fleet.model import Fleet
from hubfleet.fleet.rota import Shift


def calendar_of(fleet: Fleet, rotation: str, shifts: Iterable[Shift], at: datetime) -> bytes:
    """The shifts of a rotation; `at` is when they were worked out."""
    from icalendar import Calendar, Event

    service = fleet.service
    made = Calendar()
    made.add("prodid", "-//hubfleet//on call//EN")
    made.add("version", "2.0")
    made.add("name", f"On call: {rotation} ({service.name})")
    made.add("x-wr-calname", f"On call: {rotation} ({service.name})")
    made.add("refresh-interval", timedelta(hours=1), parameters={"value": "DURATION"})
    for shift in shifts:
        event = Event()
        event.add("uid", f"{rotation}-{shift.start:%Y%m%dT%H%M%SZ}@oncall.{service.domain}")
        event.add("dtstamp", at)
        event.add("dtstart", shift.start)
        event.add("dtend", shift.end)
        event.add("summary", f"{in_words(fleet, shift)} ({rotation})")
        event.add("transp", "TRANSPARENT")
        if shift.duty.note:
            event.add("description", shift.duty.note)
        made.add_component(event)
    return bytes(made.to_ical())


def window(at: datetime, weeks: int) -> tuple[datetime, datetime]:
    """Four weeks back to so many ahead, by whole weeks: a shift that began before it has another
    id, and only then another one.
    """
    monday = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    monday -= timedelta(days=monday.weekday())
    return monday - timedelta(weeks=4), at + timedelta(weeks=weeks)


def in_words(fleet: Fleet, shift: Shift) -> str:
    """`Ada Example is on call`, `Nobody is on call`."""
    return f"{person_name(fleet, shift.duty.person)} is on call"


def person_name(fleet: Fleet, person: str | None) -> str:
    """What people call them; `Nobody`."""
    return fleet.oncall.people[person].name if person else "Nobody"

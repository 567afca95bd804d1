"""Time off from an iCalendar text: `AWAY: Ada`, `REDUCED: ben`, `HOLIDAY: New Year`. Pure.

Whose it is follows the word: a name, a login or an address of `oncall.yaml`, with anything behind
a dash, a comma or in brackets left aside. Days without a time are days of that person's zone. A
holiday with nobody's name is everybody's: it spares nobody, because somebody must be on call.

Calendars are written by others: a text too large, too many events or a rule that repeats more
often than daily are refused, and what repeats is spread out only where somebody asks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from hubfleet.fleet.oncall import OnCallFile, OnCallPerson
from hubfleet.fleet.rota import Absence
from hubfleet.kit.errors import HubfleetError, Problem, failure

MAX_BYTES = 2_000_000
MAX_EVENTS = 5_000
MAX_ABSENCES = 5_000
"""In the window that is read; everything that asks who is on call looks through them."""
MAX_RULES = 200
MAX_TIMES = 15_000
"""Daily for forty years: of a rule that repeats more often the rest is not seen."""

_TITLE = re.compile(r"^\s*(AWAY|REDUCED|HOLIDAY)\s*:\s*(.*?)\s*$", re.IGNORECASE)
_ASIDE = re.compile(r"\s*(?:[(\[,;]|\s[-\u2013\u2014]\s).*$")
_REPEATS = {"DAILY", "WEEKLY", "MONTHLY", "YEARLY"}
_RULE_WORDS = {"FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "BYMONTH", "BYMONTHDAY", "WKST"}


@dataclass(frozen=True, slots=True)
class Read:
    """What a calendar says of a window. `strangers` are titles that name nobody in the file."""

    absences: tuple[Absence, ...] = ()
    holidays: tuple[tuple[str, datetime, datetime], ...] = ()
    strangers: tuple[str, ...] = ()


def read_time_off(
    text: str | bytes,
    people: Mapping[str, OnCallPerson],
    start: datetime,
    end: datetime,
    *,
    place: str,
) -> Read:
    """Raises `unreadable-calendar`; `place` is what the error calls the calendar."""
    absences: list[Absence] = []
    holidays: list[tuple[str, datetime, datetime]] = []
    strangers: list[str] = []
    for event, moved in _events(text, place):
        match = _TITLE.match(str(event.get("SUMMARY", "")))
        if match is None:
            continue
        word, whose = match[1].upper(), match[2]
        person = _person(whose, people)
        if person is None and word != "HOLIDAY":
            strangers.append(f"{word}: {whose}")
            continue
        zone = ZoneInfo(people[person].timezone) if person else ZoneInfo("UTC")
        for begin, finish in _times(event, moved, zone, start, end, place):
            if person:
                absences.append(Absence(person, begin, finish, reduced=word == "REDUCED"))
            else:
                holidays.append((whose, begin, finish))
        if len(absences) + len(holidays) > MAX_ABSENCES:
            raise _unreadable(
                place, f"It says more than {MAX_ABSENCES} times that somebody is off."
            )
    return Read(tuple(absences), tuple(holidays), tuple(dict.fromkeys(strangers)))


def _person(whose: str, people: Mapping[str, OnCallPerson]) -> str | None:
    """By the word in the file, the login, the address or the name; case does not matter."""
    wanted = {whose.casefold(), _ASIDE.sub("", whose).casefold()}
    for word, person in people.items():
        names = {word, person.login or word, person.email, person.name}
        if wanted & {name.casefold() for name in names}:
            return word
    return None


def _events(text: str | bytes, place: str) -> Iterator[tuple[Any, frozenset[datetime | date]]]:
    """Each event, with the times of it that an event of its own replaces."""
    if find_spec("icalendar") is None:
        raise failure(
            "no-icalendar",
            "calendars of time off cannot be read",
            place=place,
            why="the Python package icalendar is missing",
            hint="install hubfleet with its extra: pip install 'hubfleet[office]'",
        )
    from icalendar import Calendar

    if len(text) > MAX_BYTES:
        raise _unreadable(place, f"It is larger than {MAX_BYTES // 1_000_000} MB.")
    try:
        calendars = Calendar.from_ical(text, multiple=True)
        events: list[Any] = [event for one in calendars for event in one.walk("VEVENT")]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise _unreadable(place, f"It is not iCalendar: {_one_line(error)}") from None
    if not calendars:
        raise _unreadable(place, "It holds no calendar.")
    if len(events) > MAX_EVENTS or sum("RRULE" in event for event in events) > MAX_RULES:
        why = f"It has more than {MAX_EVENTS} events, or {MAX_RULES} that repeat."
        raise _unreadable(place, why)
    moved: dict[str, set[datetime | date]] = {}
    for event in events:
        if "RECURRENCE-ID" in event:
            moved.setdefault(str(event.get("UID")), set()).add(_plain(event["RECURRENCE-ID"].dt))
    for event in events:
        if str(event.get("STATUS", "")).upper() == "CANCELLED" or "DTSTART" not in event:
            continue
        replaced = moved.get(str(event.get("UID")), set()) if "RRULE" in event else set()
        yield event, frozenset(replaced)


def _times(
    event: Any,
    moved: frozenset[datetime | date],
    zone: tzinfo,
    start: datetime,
    end: datetime,
    place: str,
) -> Iterator[tuple[datetime, datetime]]:
    """When it is, within the window."""
    try:
        first = event["DTSTART"].dt
        begins = list(_begins(event, first, moved, zone, start, end, place))
        span = _span(event, first)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise _unreadable(place, f"An event has no sound time: {_one_line(error)}") from None
    for begin in begins:
        # Added to the local time: a day in which clocks change is a day all the same.
        finish = _instant(begin + span, zone)
        at = _instant(begin, zone)
        if at < end and finish > start:
            yield at, finish


def _begins(
    event: Any,
    first: datetime | date,
    moved: frozenset[datetime | date],
    zone: tzinfo,
    start: datetime,
    end: datetime,
    place: str,
) -> Iterator[datetime | date]:
    if "RRULE" in event:
        back = start.astimezone(zone).replace(tzinfo=None) - _span(event, first)
        until = end.astimezone(zone).replace(tzinfo=None) + timedelta(days=2)
        dropped = moved | {_plain(one) for one in _dates(event, "EXDATE")}
        for each in _repeated(event["RRULE"], _local(first), place):
            if each > until:
                break
            begin = _like(each, first)
            if each >= back - timedelta(days=2) and _plain(begin) not in dropped:
                yield begin
    else:
        yield first
    yield from _dates(event, "RDATE")


def _repeated(rule: Any, first: datetime, place: str) -> Iterator[datetime]:
    """The times of a rule on the clock of its zone. Only rules are taken that end or come to a
    time soon: one that matches nothing would be followed for thousands of years.
    """
    from dateutil.rrule import rrulestr

    if isinstance(rule, list):
        raise _unreadable(place, "An event has several rules.")
    often = {str(freq).upper() for freq in rule.get("FREQ", [])}
    if not often or not often <= _REPEATS:
        raise _unreadable(place, "An event repeats more often than daily.")
    strange = {str(key).upper() for key in rule} - _RULE_WORDS
    dense = often <= {"DAILY", "WEEKLY"} and "BYMONTHDAY" in rule
    if strange or dense or any(int(n) < 1 for n in rule.get("INTERVAL", [1])) or first.year < 1990:
        raise _unreadable(place, "An event repeats by a rule that time off does not need.")
    # The clock of the event's own zone counts; `UNTIL` in UTC would not compare with it.
    text = re.sub(r"UNTIL=(\d{8})(T\d{6})?Z?", r"UNTIL=\1T235959", rule.to_ical().decode())
    yield from islice(rrulestr(text, dtstart=first), MAX_TIMES)


def _dates(event: Any, key: str) -> Iterator[datetime | date]:
    found: Any = event.get(key)
    for group in found if isinstance(found, list) else [found] if found is not None else []:
        for one in group.dts:
            if isinstance(one.dt, date):
                yield one.dt


def _span(event: Any, first: datetime | date) -> timedelta:
    if "DURATION" in event:
        found: timedelta = event["DURATION"].dt
        return max(found, timedelta(0))
    if "DTEND" in event:
        last: datetime | date = event["DTEND"].dt
        return max(_local(last) - _local(first), timedelta(0))
    return timedelta(0) if isinstance(first, datetime) else timedelta(days=1)


def _local(value: datetime | date) -> datetime:
    """The time on the clock of its own zone."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    return datetime.combine(value, time())


def _like(each: datetime, first: datetime | date) -> datetime | date:
    return each.replace(tzinfo=first.tzinfo) if isinstance(first, datetime) else each.date()


def _plain(value: datetime | date) -> datetime | date:
    """Comparable: an instant where there is a zone."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC)
    return value


def _instant(value: datetime | date, zone: tzinfo) -> datetime:
    if not isinstance(value, datetime):
        value = datetime.combine(value, time())
    return (value if value.tzinfo else value.replace(tzinfo=zone)).astimezone(UTC)


def _unreadable(place: str, why: str) -> HubfleetError:
    return failure(
        "unreadable-calendar",
        "a calendar of time off cannot be read",
        place=place,
        why=why,
        hint="export it anew as iCalendar (.ics), with titles such as `AWAY: Ada`",
    )


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def read_files(
    root: Path, oncall: OnCallFile, start: datetime, end: datetime
) -> tuple[Read, tuple[Problem, ...]]:
    """What the calendars in the fleet's folder say, and those that cannot be read; no feeds."""
    reads: list[Read] = []
    problems: list[Problem] = []
    for source in oncall.time_off.values():
        if source.file is None:
            continue
        try:
            text = _file(root, source.file)
            reads.append(read_time_off(text, oncall.people, start, end, place=source.file))
        except HubfleetError as error:
            problems += error.problems
    return joined(reads), tuple(problems)


def _file(root: Path, name: str) -> bytes:
    """A calendar in the fleet's folder; links do not lead out of it."""
    path = (root / name).resolve()
    if not path.is_relative_to(root.resolve()):
        raise _unreadable(name, "It leads out of the fleet's folder.")
    try:
        with path.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise _unreadable(name, f"{error.strerror}.") from None


def joined(reads: Iterable[Read]) -> Read:
    """Several calendars as one."""
    every = tuple(reads)
    return Read(
        tuple(one for read in every for one in read.absences),
        tuple(one for read in every for one in read.holidays),
        tuple(dict.fromkeys(one for read in every for one in read.strangers)),
    )

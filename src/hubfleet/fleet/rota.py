"""Who is on call: pure, from a rotation, exceptions and time off to one person at a moment.

All is decided on instants: local times (hand-over, hours) become instants first, so a night in
which clocks change has neither two hand-overs nor none. A local time that a zone leaves out counts
as if the clocks had not changed yet; of one that it has twice, the first counts.

Who has it: a declared override; else the person whose turn it is; else, when that person is away,
the next one in order who is not (who works reduced hours only where nobody else is there).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Literal
from zoneinfo import ZoneInfo

from hubfleet.fleet.oncall import DAY_SECONDS, WEEKDAYS, Hours, OnCallFile, Override, Rotation
from hubfleet.kit.units import parse_duration

Reason = Literal["turn", "override", "cover", "away", "hours"]
"""Why somebody has it: it is their turn, or they stand in. Why nobody has it: all are away, or the
hour is outside of all that are declared.
"""


@dataclass(frozen=True, slots=True)
class Absence:
    """A person's time off, or (`reduced`) time in which they are to be spared."""

    person: str
    start: datetime
    end: datetime
    reduced: bool = False


@dataclass(frozen=True, slots=True)
class Duty:
    """Who has it at a moment, and why; `person` is None where nobody has.

    `rotation` is where they were found, which may be an `otherwise` of the one asked for.
    """

    rotation: str
    person: str | None
    reason: Reason
    instead_of: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Shift:
    """A duty from one moment to another."""

    duty: Duty
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Schedule:
    """One rotation with all that bears on it. `timezone` is that of rotations that name none."""

    oncall: OnCallFile
    rotation: str
    timezone: str = "UTC"
    absences: tuple[Absence, ...] = ()

    def zone(self, rotation: str) -> ZoneInfo:
        return ZoneInfo(self.oncall.rotations[rotation].timezone or self.timezone)


def on_call(schedule: Schedule, at: datetime) -> Duty:
    """Who is on call at a moment, which must have a time zone."""
    # In UTC: two times of a zone are not compared as instants where its clocks go back.
    return _duty(schedule, schedule.rotation, at.astimezone(UTC), ())


def shifts(schedule: Schedule, start: datetime, end: datetime) -> tuple[Shift, ...]:
    """Who is on call from one moment to another, without gaps; neighbours differ."""
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    near = tuple(one for one in schedule.absences if one.start < end and start < one.end)
    schedule = replace(schedule, absences=near)
    edges = sorted({start, end, *_edges(schedule, start, end)})
    found: list[Shift] = []
    for begin, finish in pairwise(edges):
        duty = on_call(schedule, begin)
        if found and found[-1].duty == duty:
            found[-1] = Shift(duty, found[-1].start, finish)
        else:
            found.append(Shift(duty, begin, finish))
    return tuple(found)


def next_person(schedule: Schedule, at: datetime, ahead: timedelta) -> Shift | None:
    """The first later shift of another person within the time ahead."""
    now = on_call(schedule, at).person
    later = shifts(schedule, at, at + ahead)
    return next((one for one in later if one.duty.person not in (None, now)), None)


def gaps(schedule: Schedule, start: datetime, end: datetime) -> tuple[Shift, ...]:
    """The shifts that nobody has."""
    return tuple(one for one in shifts(schedule, start, end) if one.duty.person is None)


def within(hours: Hours, zone: ZoneInfo, at: datetime) -> bool:
    """Whether a moment is in hours of a zone."""
    day = at.astimezone(zone).date()
    spans = (_span(hours, zone, day + timedelta(days=n)) for n in (-2, -1, 0))
    return any(span is not None and span[0] <= at < span[1] for span in spans)


def next_begin(hours: Hours, zone: ZoneInfo, at: datetime) -> datetime:
    """When they begin next, or `at` when they have begun."""
    if within(hours, zone, at):
        return at
    day = at.astimezone(zone).date()
    spans = (_span(hours, zone, day + timedelta(days=n)) for n in range(-1, 9))
    return min(span[0] for span in spans if span is not None and span[0] >= at)


def instant(local: datetime, zone: ZoneInfo) -> datetime:
    """A declared moment; one without an offset is of the zone."""
    return (local if local.tzinfo else local.replace(tzinfo=zone)).astimezone(UTC)


def _duty(schedule: Schedule, name: str, at: datetime, seen: tuple[str, ...]) -> Duty:
    rotation, zone = schedule.oncall.rotations[name], schedule.zone(name)
    override = _override(schedule, name, at)
    turn = turn_at(rotation, zone, at)
    if override is not None:
        instead = turn if turn != override.person else None
        return Duty(name, override.person, "override", instead, override.reason)
    if rotation.hours is not None and not within(rotation.hours, zone, at):
        onward = rotation.otherwise
        if onward is None or onward in (*seen, name):
            return Duty(name, None, "hours")
        return _duty(schedule, onward, at, (*seen, name))
    away = {a.person: a.reduced for a in sorted(_away(schedule, at), key=lambda a: not a.reduced)}
    order = _from(rotation.people, turn)
    free = [person for person in order if person not in away]
    person = next(iter(free or [one for one in order if away[one]]), None)
    if person is None:
        return Duty(name, None, "away", turn)
    return Duty(name, person, "turn") if person == turn else Duty(name, person, "cover", turn)


def _from(people: tuple[str, ...], first: str) -> list[str]:
    index = people.index(first)
    return list(dict.fromkeys([*people[index:], *people[:index]]))


def _away(schedule: Schedule, at: datetime) -> Iterator[Absence]:
    return (one for one in schedule.absences if one.start <= at < one.end)


def _override(schedule: Schedule, rotation: str, at: datetime) -> Override | None:
    zone = schedule.zone(rotation)
    for one in reversed(schedule.oncall.overrides):
        if one.rotation == rotation and instant(one.start, zone) <= at < instant(one.end, zone):
            return one
    return None


def turn_at(rotation: Rotation, zone: ZoneInfo, at: datetime) -> str:
    """Whose turn it is. Before the first turn it is the first person's."""
    days = turn_days(rotation)
    first = first_day(rotation)
    number = (at.astimezone(zone).date() - first).days // days
    # The hand-over of that day may be still to come.
    if at < _boundary(rotation, zone, first + timedelta(days=number * days)):
        number -= 1
    return rotation.people[max(number, 0) % len(rotation.people)]


def turn_days(rotation: Rotation) -> int:
    """How many days a turn lasts."""
    return parse_duration(rotation.every) // DAY_SECONDS


def first_day(rotation: Rotation) -> date:
    """The day on which the first turn begins."""
    if turn_days(rotation) % 7:
        return rotation.start
    ahead = (WEEKDAYS.index(rotation.hand_over.day) - rotation.start.weekday()) % 7
    return rotation.start + timedelta(days=ahead)


def _boundary(rotation: Rotation, zone: ZoneInfo, day: date) -> datetime:
    return _at(day, rotation.hand_over.at, zone)


def _at(day: date, clock: str, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.fromisoformat(clock), zone).astimezone(UTC)


def _span(hours: Hours, zone: ZoneInfo, day: date) -> tuple[datetime, datetime] | None:
    """The hours that begin on a day."""
    if WEEKDAYS[day.weekday()] not in hours.days:
        return None
    overnight = hours.end <= hours.start
    last = day + timedelta(days=1) if overnight else day
    return _at(day, hours.start, zone), _at(last, hours.end, zone)


def _edges(schedule: Schedule, start: datetime, end: datetime) -> Iterator[datetime]:
    """Every moment between at which something may change."""
    found: list[datetime] = [edge for one in schedule.absences for edge in (one.start, one.end)]
    for name in _chain(schedule):
        rotation, zone = schedule.oncall.rotations[name], schedule.zone(name)
        for one in schedule.oncall.overrides:
            if one.rotation == name:
                found += [instant(one.start, zone), instant(one.end, zone)]
        first, days = first_day(rotation), turn_days(rotation)
        day = start.astimezone(zone).date() - timedelta(days=2)
        last = end.astimezone(zone).date() + timedelta(days=2)
        while day <= last:
            if (day - first).days % days == 0:
                found.append(_boundary(rotation, zone, day))
            span = _span(rotation.hours, zone, day) if rotation.hours else None
            found += span or ()
            day += timedelta(days=1)
    return (edge for edge in found if start < edge < end)


def _chain(schedule: Schedule) -> list[str]:
    """The rotation and those that have it otherwise."""
    chain: list[str] = []
    name: str | None = schedule.rotation
    while name is not None and name not in chain:
        chain.append(name)
        name = schedule.oncall.rotations[name].otherwise
    return chain

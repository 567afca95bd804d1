"""What is right to declare and yet worth saying: gaps, names nobody has, what is not installed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from importlib.util import find_spec
from zoneinfo import ZoneInfo

from hubfleet.fleet.escalation import schedules
from hubfleet.fleet.model import Fleet
from hubfleet.fleet.rota import Absence, Shift, gaps, instant
from hubfleet.fleet.time_off import read_files

AT_MOST = 3
"""So many gaps of one rotation are told; more are counted."""
REASONS = {"away": "all are away", "hours": "outside of its hours"}


def oncall_notes(fleet: Fleet, at: datetime) -> list[str]:
    """Sentences for `validate`; reads the calendars in the fleet's folder."""
    oncall = fleet.oncall
    end = at + timedelta(weeks=oncall.gaps_ahead)
    read, problems = read_files(fleet.root, oncall, at, end)
    notes = [f"{problem.what}: {problem.place}. {problem.why}" for problem in problems]
    notes += [f"time off of nobody in oncall.yaml: {title}" for title in read.strangers]
    for schedule in schedules(fleet, read.absences):
        zone = schedule.zone(schedule.rotation)
        found = gaps(schedule, at, end) if end > at else ()
        notes += [gap_words(schedule.rotation, one, zone) for one in found[:AT_MOST]]
        if len(found) > AT_MOST:
            more = len(found) - AT_MOST
            notes.append(f"nobody is on call in `{schedule.rotation}` {more} more times")
    return [*notes, *_late_overrides(fleet, read.absences, at), *_extras(fleet)]


def gap_words(rotation: str, gap: Shift, zone: ZoneInfo) -> str:
    """A gap in a sentence, in the rotation's own time."""
    start, end = (moment.astimezone(zone) for moment in (gap.start, gap.end))
    why = REASONS.get(gap.duty.reason, gap.duty.reason)
    return (
        f"nobody is on call in `{rotation}` from {start:%Y-%m-%d %H:%M} to "
        f"{end:%Y-%m-%d %H:%M} ({zone.key}): {why}"
    )


def _late_overrides(fleet: Fleet, absences: tuple[Absence, ...], at: datetime) -> Iterator[str]:
    """Exceptions that call somebody who is away: they count, and ought to be meant."""
    for one in fleet.oncall.overrides:
        rotation = fleet.oncall.rotations[one.rotation]
        zone = ZoneInfo(rotation.timezone or fleet.service.timezone)
        start, end = max(instant(one.start, zone), at), instant(one.end, zone)
        if any(
            off.person == one.person and not off.reduced and off.start < end and start < off.end
            for off in absences
        ):
            yield (
                f"`{one.person}` has `{one.rotation}` from {one.start:%Y-%m-%d %H:%M} by an "
                "override, and is away then"
            )


def _extras(fleet: Fleet) -> Iterator[str]:
    wanted = {
        "pagerduty": bool(fleet.oncall.pagerduty),
        "apprise": any(person.channels for person in fleet.oncall.people.values()),
    }
    for library, needed in wanted.items():
        if needed and find_spec(library) is None:
            yield (
                f"pages go out by the library `{library}`, which is not installed here: "
                "pip install 'hubfleet[paging]'"
            )

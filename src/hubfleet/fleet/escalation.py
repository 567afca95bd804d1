"""Whom a page reaches, in which steps: pure, from responsibility, priority and `oncall.yaml`.

The community's contacts are told first where it owns `respond-to-incidents`, at once with the
operator's people where both do, and not at all where the operator does. Then the declared steps
of the priority follow, or the default ones: P1 and P2 wake who is on call in the first rotation;
when nobody acknowledges within `unanswered`, the next person; at last the operator's contact. P3
and P4 wake nobody: they are mail to the contact.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from hubfleet.fleet.model import Community, Fleet, Owner
from hubfleet.fleet.oncall import CONTACT, OnCallFile, Priority, Step
from hubfleet.fleet.responsibilities import owner_of
from hubfleet.fleet.rota import Absence, Schedule, next_person, on_call
from hubfleet.kit.units import parse_duration

RESPONSIBILITY = "respond-to-incidents"
UNANSWERED = "12h"
LOOK_AHEAD = timedelta(weeks=8)
"""The next person's turn begins within this time, or there is none."""


@dataclass(frozen=True, slots=True)
class Told:
    """Somebody to tell. `kind`: `person` and `pagerduty` by their word in the file, `mail` by an
    address. `gap`: nobody was on call, and this is who is told instead.
    """

    kind: Literal["person", "pagerduty", "mail"]
    to: str
    why: str
    gap: bool = False


@dataclass(frozen=True, slots=True)
class Planned:
    """One step: so long after the page was opened, or anew."""

    after: timedelta
    step: Step | None
    """None: the community's contacts."""


def planned_steps(fleet: Fleet, community: str, priority: Priority) -> tuple[Planned, ...]:
    """All steps of a page of that priority in that community, in order."""
    owner: Owner = "operator"
    if community in fleet.communities:
        owner = owner_of(fleet, community, RESPONSIBILITY)
    steps = fleet.oncall.escalation.get(priority) or default_steps(fleet.oncall, priority)
    found: list[Planned] = []
    at = timedelta(0)
    if owner != "operator":
        found.append(Planned(at, None))
    if owner == "community":
        at += _seconds(fleet.oncall.unanswered.get(priority, UNANSWERED))
    for step in steps:
        at += _seconds(step.after)
        found.append(Planned(at, step))
    return tuple(found)


def default_steps(oncall: OnCallFile, priority: Priority) -> tuple[Step, ...]:
    """Those of a priority for which nothing is declared."""
    first = next(iter([*oncall.rotations, *oncall.pagerduty]), None)
    if priority in ("P3", "P4") or first is None:
        return (Step(to=CONTACT),)
    wait = oncall.unanswered.get(priority, UNANSWERED)
    if first not in oncall.rotations:
        # PagerDuty has an escalation of its own.
        return (Step(to=first), Step(to=CONTACT, after=wait))
    return (Step(to=first), Step(to=first, turn="next", after=wait), Step(to=CONTACT, after=wait))


def whom(
    fleet: Fleet,
    community: str,
    planned: Planned,
    at: datetime,
    absences: tuple[Absence, ...] = (),
) -> tuple[Told, ...]:
    """Who is told at a step. Where nobody is on call: the operator's contact, marked as a gap."""
    if planned.step is None:
        known = fleet.communities.get(community)
        people = contacts_of(known) if known else ()
        why = f"a contact of {known.file.name}, who respond to incidents" if known else ""
        return tuple(Told("mail", address, why) for address in people)
    step, oncall = planned.step, fleet.oncall
    if step.to in oncall.rotations:
        schedule = Schedule(oncall, step.to, fleet.service.timezone, absences)
        return (_of_rotation(fleet, schedule, step, at),)
    if step.to in oncall.people:
        return (Told("person", step.to, "named by the escalation"),)
    if step.to in oncall.pagerduty:
        return (Told("pagerduty", step.to, "a service at PagerDuty"),)
    return (Told("mail", fleet.service.contact, "the operator's contact"),)


def _of_rotation(fleet: Fleet, schedule: Schedule, step: Step, at: datetime) -> Told:
    if step.turn == "next":
        shift = next_person(schedule, at, LOOK_AHEAD)
        if shift is not None and shift.duty.person is not None:
            return Told("person", shift.duty.person, f"next in the rotation {step.to}")
    duty = on_call(schedule, at)
    if duty.person is not None:
        return Told("person", duty.person, f"on call in the rotation {step.to}")
    why = f"nobody is on call in the rotation {step.to}: the operator's contact instead"
    return Told("mail", fleet.service.contact, why, gap=True)


def contacts_of(community: Community) -> tuple[str, ...]:
    """Whom a community's pages reach: its technical contacts, else its representatives."""
    contacts = [one.email for one in community.file.contacts if one.role == "technical"]
    people = contacts or [one.email for one in community.file.representatives]
    return tuple(dict.fromkeys(people))


def schedules(fleet: Fleet, absences: tuple[Absence, ...] = ()) -> Iterator[Schedule]:
    """One for each rotation that pages can reach by its own name, in the order of the file."""
    for name in reached(fleet.oncall):
        yield Schedule(fleet.oncall, name, fleet.service.timezone, absences)


def reached(oncall: OnCallFile) -> list[str]:
    """Rotations without those that are only the `otherwise` of another: their hours are parts of
    that one's, and no gaps of their own.
    """
    parts = {one.otherwise for name, one in oncall.rotations.items() if one.otherwise != name}
    named = {step.to for steps in oncall.escalation.values() for step in steps}
    first = next(iter(oncall.rotations), None)
    return [name for name in oncall.rotations if name not in parts or name in {*named, first}]


def _seconds(duration: str) -> timedelta:
    return timedelta(seconds=parse_duration(duration))

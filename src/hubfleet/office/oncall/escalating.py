"""Whom a page reaches next: steps that are due are taken, ends are told a little later.

A step is taken once, whatever happens: its deliveries and the count of steps are one transaction.
Nobody is told of the same page on the same way twice. The next step waits its time from the moment
at which the one before was really taken, so a console that was down does not wake everybody.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import DatabaseError, transaction

from hubfleet.fleet.escalation import Told, planned_steps, whom
from hubfleet.fleet.model import Fleet
from hubfleet.fleet.oncall import OnCallPerson, Priority
from hubfleet.fleet.rota import Absence, next_begin
from hubfleet.kit.clock import now
from hubfleet.kit.units import parse_duration
from hubfleet.office.oncall import absences, paging
from hubfleet.office.oncall.letters import send_mail
from hubfleet.office.oncall.models import Delivery, Page
from hubfleet.office.ports import desk

log = logging.getLogger("hubfleet.console")

AT_ONCE = 200
AGAIN = timedelta(minutes=1)
WAKING = ("P1", "P2")
"""Priorities for which people's channels are used; the others are mail."""


def work(at: datetime | None = None) -> None:
    """Called every few seconds; safe to be called by several processes at once."""
    moment = at or now()
    fleet = desk().fleet()
    settle_after = timedelta(seconds=parse_duration(fleet.oncall.settle_after))
    with transaction.atomic():
        over = Page.objects.filter(closed_at=None, settled_at__lte=moment - settle_after)
        for page in over.select_for_update(skip_locked=True)[:AT_ONCE]:
            close(page, moment)
    due = Page.objects.filter(closed_at=None, settled_at=None, due_at__lte=moment)
    if due.exists():
        off = absences.known(fleet, moment)
        for number in list(due.order_by("due_at").values_list("pk", flat=True)[:AT_ONCE]):
            _take(fleet, number, moment, off)


def _take(fleet: Fleet, number: int, at: datetime, off: tuple[Absence, ...]) -> None:
    """One page's step, while it is still due; a bug that one page meets stops no other."""
    try:
        with transaction.atomic():
            due = Page.objects.filter(pk=number, settled_at=None, due_at__lte=at)
            page = due.select_for_update(skip_locked=True).first()
            if page is not None:
                take_step(fleet, page, at, off)
    except DatabaseError:
        raise
    except Exception:
        log.exception("page %s: its step could not be taken, and is tried again", number)
        Page.objects.filter(pk=number).update(due_at=at + AGAIN)


def close(page: Page, at: datetime) -> None:
    """Tell the end of it; afterwards the same key is another page."""
    page.closed_at, page.due_at = at, None
    page.save(update_fields=["closed_at", "due_at"])
    paging.follow(page, "resolve")


def take_step(fleet: Fleet, page: Page, at: datetime, off: tuple[Absence, ...]) -> None:
    """Tell those of the step that is due, and of those that follow it at once."""
    priority: Priority = page.priority  # type: ignore[assignment]
    steps = planned_steps(fleet, page.community, priority)
    following = steps[page.steps :]
    taken = [step for step in following if step.after == following[0].after]
    for step in taken:
        for told in whom(fleet, page.community, step, at, off):
            tell(fleet, page, told, at)
    page.steps += len(taken)
    left = steps[page.steps :]
    # A test reaches who is on call, and goes no further.
    onward = left and taken and not page.key.startswith(paging.TEST)
    page.due_at = at + (left[0].after - taken[0].after) if onward else None
    page.save(update_fields=["steps", "due_at", "gap"])
    send_mail(page)


def tell(fleet: Fleet, page: Page, told: Told, at: datetime) -> None:
    """The deliveries of one who is told."""
    if told.gap:
        page.gap = True
        log.error("page `%s` (%s): %s", page.key, page.priority, told.why)
    if told.kind == "pagerduty":
        _deliver(page, Delivery.PAGERDUTY, told.to, told.why, at)
    elif told.kind == "mail":
        _deliver(page, Delivery.MAIL, told.to, told.why, at)
    else:
        person = fleet.oncall.people[told.to]
        _deliver(page, Delivery.MAIL, person.email, f"{person.name} is {told.why}", at)
        if page.priority in WAKING:
            due = _waking(person, page.priority, at)
            for channel in person.channels:
                way = f"{told.to}/{channel}"
                _deliver(page, Delivery.CHANNEL, way, f"{person.name} is {told.why}", due)


def _waking(person: OnCallPerson, priority: str, at: datetime) -> datetime:
    """When their channels may be used: at once, or for P2 in their working hours."""
    if priority == "P1" or person.working_hours is None:
        return at
    return next_begin(person.working_hours, ZoneInfo(person.timezone), at)


def _deliver(page: Page, way: str, to: str, why: str, due: datetime) -> None:
    """Once for each way, unless the first time failed for good."""
    told = page.deliveries.filter(act="trigger", way=way, to=to).exclude(state=Delivery.FAILED)
    earlier = told.first()
    if earlier is None:
        page.deliveries.create(act="trigger", way=way, to=to, why=why[:300], due_at=due)
    elif earlier.state == Delivery.WAITING and due < earlier.due_at and not earlier.tries:
        # It was to wait for working hours, and has become more urgent.
        earlier.due_at = due
        earlier.save(update_fields=["due_at"])

"""Who is on call, what was sent to whom, and the calendar that people's own programs read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.core.signing import BadSignature, Signer
from django.db.models import Prefetch
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from hubfleet.fleet.escalation import schedules
from hubfleet.fleet.model import Fleet
from hubfleet.fleet.oncall_notes import AT_MOST, REASONS, gap_words
from hubfleet.fleet.rota import Schedule, Shift, gaps, next_person, shifts
from hubfleet.fleet.rota_calendar import calendar_of, person_name, window
from hubfleet.kit.clock import now
from hubfleet.office.accounts.asking import ask, note, require
from hubfleet.office.accounts.models import Person
from hubfleet.office.accounts.people import standing
from hubfleet.office.accounts.rights import Action, decide
from hubfleet.office.console.seeing import signed_in
from hubfleet.office.oncall import absences, paging
from hubfleet.office.oncall.models import Delivery, Page
from hubfleet.office.ports import desk

AHEAD = timedelta(weeks=4)
LOOK_AHEAD = timedelta(weeks=8)
NEWEST = 30
_SALT = "hubfleet.oncall.calendar"
ACTS = {"trigger": "the problem", "acknowledge": "who has it", "resolve": "the end"}
STATES = {
    Delivery.WAITING: "busy",
    Delivery.SENT: "good",
    Delivery.FAILED: "bad",
    Delivery.DROPPED: "quiet",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A shift as the tables show it: times are of the rotation's zone."""

    start: datetime
    end: datetime
    name: str
    why: str
    gap: bool

    @property
    def one_day(self) -> bool:
        return self.start.date() == self.end.date()


@dataclass(frozen=True, slots=True)
class Turns:
    """One rotation: who has it, who is next, the coming weeks."""

    name: str
    zone: str
    now: Row
    next: Row | None
    rows: list[Row]
    calendar: str


@require_safe
@signed_in
def overview(request: HttpRequest) -> HttpResponse:
    """`/oncall/`, for staff."""
    require(request, Action.SEE_ONCALL)
    fleet, at = desk().fleet(), now()
    off = absences.read_all(fleet, at)
    found = list(schedules(fleet, off.read.absences))
    key = _signer().sign(str(request.user.pk))
    values = {
        "turns": [_turns(fleet, one, at, key) for one in found],
        "gaps": list(_gaps(found, at)),
        "troubles": off.troubles,
        "strangers": off.read.strangers,
        "holidays": [(name, start) for name, start, end in off.read.holidays if end > at][:5],
        "pages": _newest(),
        "fallback": fleet.service.contact,
        "may_answer": ask(request, Action.ANSWER_PAGES).allowed,
    }
    return render(request, "console/oncall.html", values)


def _turns(fleet: Fleet, schedule: Schedule, at: datetime, key: str) -> Turns:
    coming = shifts(schedule, at, at + AHEAD)
    later = next_person(schedule, at, LOOK_AHEAD)
    name = schedule.rotation
    return Turns(
        name,
        schedule.zone(name).key,
        _row(fleet, schedule, coming[0]),
        _row(fleet, schedule, later) if later else None,
        [_row(fleet, schedule, one) for one in coming],
        f"/oncall/{name}.ics?key={key}",
    )


def _row(fleet: Fleet, schedule: Schedule, shift: Shift) -> Row:
    zone, duty = schedule.zone(schedule.rotation), shift.duty
    why = duty.note
    if duty.person is None:
        why = REASONS.get(duty.reason, duty.reason)
    elif duty.reason == "cover":
        why = f"{person_name(fleet, duty.instead_of)} is away"
    elif duty.reason == "override" and duty.instead_of:
        why = f"instead of {person_name(fleet, duty.instead_of)}: {duty.note}"
    elif duty.rotation != schedule.rotation:
        why = f"by {duty.rotation}"
    start, end = shift.start.astimezone(zone), shift.end.astimezone(zone)
    return Row(start, end, person_name(fleet, duty.person), why, duty.person is None)


def _gaps(found: list[Schedule], at: datetime) -> Iterator[str]:
    for schedule in found:
        missing = gaps(schedule, at, at + AHEAD)
        zone = schedule.zone(schedule.rotation)
        for one in missing[:AT_MOST]:
            yield gap_words(schedule.rotation, one, zone).replace("`", "")
        if len(missing) > AT_MOST:
            yield f"nobody is on call in {schedule.rotation} {len(missing) - AT_MOST} more times"


def _newest() -> list[Page]:
    rows = Delivery.objects.filter(act="trigger").order_by("id")
    told = Prefetch("deliveries", queryset=rows, to_attr="told")
    return list(Page.objects.prefetch_related(told).order_by("-opened_at", "-id")[:NEWEST])


def _page_for(request: HttpRequest, number: int) -> tuple[Page, bool]:
    """The page, and whether the visitor may take it on; for staff and who responds on the hub."""
    found = get_object_or_404(Page, pk=number)
    hub = found.hub if found.hub in desk().fleet().hubs else ""
    respond = ask(request, Action.RESPOND_TO_INCIDENT, hub) if hub else None
    answers = ask(request, Action.ANSWER_PAGES).allowed or bool(respond and respond.allowed)
    if not (answers or ask(request, Action.SEE_ONCALL).allowed or (respond and respond.offered)):
        note(request, Action.SEE_ONCALL, hub, "hidden", "there is no such page")
        raise Http404
    return found, answers


@require_safe
@signed_in
def page(request: HttpRequest, number: int) -> HttpResponse:
    """`/oncall/pages/<number>/`: one page, with every try."""
    found, answers = _page_for(request, number)
    rows = found.deliveries.prefetch_related("attempts").order_by("id")
    values: dict[str, Any] = {
        "page": found,
        "deliveries": [(row, STATES[row.state], ACTS[row.act]) for row in rows],
        "may_answer": answers and found.acknowledged_at is None and found.settled_at is None,
    }
    return render(request, "console/oncall_page.html", values)


@require_POST
@signed_in
def acknowledge(request: HttpRequest, number: int) -> HttpResponse:
    """Take a page on: nobody else is woken."""
    found, answers = _page_for(request, number)
    if not answers:
        require(request, Action.ANSWER_PAGES)
    if found.acknowledged_at is None and found.closed_at is None:
        login = request.user.get_username()
        paging.acknowledge(found.key, login)
        target = found.hub or found.community
        note(request, Action.ANSWER_PAGES, target, "done", f"took on the page `{found.key}`")
        messages.success(request, "You have it. Nobody else is woken.")
    return redirect("console:oncall_page", number=number)


def _signer() -> Signer:
    return Signer(salt=_SALT)


@require_safe
def calendar(request: HttpRequest, rotation: str) -> HttpResponse:
    """`/oncall/<rotation>.ics`: for who is signed in, or by the key in somebody's own address,
    which is good while that person may see who is on call.
    """
    fleet, at = desk().fleet(), now()
    if not _may_read(request, fleet) or rotation not in fleet.oncall.rotations:
        raise Http404
    off = absences.known(fleet, at)
    schedule = Schedule(fleet.oncall, rotation, fleet.service.timezone, off)
    text = calendar_of(fleet, rotation, shifts(schedule, *window(at, 12)), at)
    response = HttpResponse(text, content_type="text/calendar; charset=utf-8")
    response.headers["Content-Disposition"] = f'inline; filename="{rotation}.ics"'
    response.headers["Cache-Control"] = "private, max-age=300"
    return response


def _may_read(request: HttpRequest, fleet: Fleet) -> bool:
    if request.user.is_authenticated:
        return ask(request, Action.SEE_ONCALL).allowed
    try:
        key = _signer().unsign(request.GET.get("key", "")[:200])
        person = Person.objects.filter(pk=key, is_active=True).first()
    except (BadSignature, ValueError):
        return False
    if person is None:
        return False
    return decide(standing(person, fleet), Action.SEE_ONCALL, "", fleet).allowed

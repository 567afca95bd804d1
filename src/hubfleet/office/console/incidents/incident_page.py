"""One incident: the screen for whoever is on it, tired or not, and what is done there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

from django import forms as django_forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from hubfleet.fleet.model import Fleet
from hubfleet.kit.clock import now
from hubfleet.kit.errors import HubfleetError
from hubfleet.office.accounts.asking import actor_of
from hubfleet.office.accounts.rights import Action
from hubfleet.office.audit.record import Actor
from hubfleet.office.console.acts.doing import tell_problems
from hubfleet.office.console.incident_sight import WORDS, Sight, demand, may, sight, title_for
from hubfleet.office.console.incidents import forms
from hubfleet.office.console.incidents.list_pages import desk_fleet
from hubfleet.office.console.incidents.texts import Copy, copies
from hubfleet.office.console.seeing import signed_in
from hubfleet.office.incidents import acting, clocks, proof, roles, showing
from hubfleet.office.incidents.models import Incident
from hubfleet.office.incidents.words import KINDS, PRIORITIES, ROLES, STATES
from hubfleet.office.watching import probing


@require_safe
@signed_in
def incident(request: HttpRequest, number: int) -> HttpResponse:
    """`/incidents/<number>/`."""
    return _page(request, sight(request, desk_fleet(), number))


def _page(
    request: HttpRequest, seen: Sight, wrong: dict[str, django_forms.Form] | None = None
) -> HttpResponse:
    """With the form that was not understood, if any."""
    fleet, one = desk_fleet(), seen.incident
    if not seen.whole:
        return render(request, "console/incidents/told.html", _told(seen))
    respond = may(request, one, Action.RESPOND_TO_INCIDENT)
    values = {
        **_told(seen),
        "measured": showing.users_measured(one, seen.hubs),
        "respond": respond,
        "may_act": respond.allowed or respond.answer == "with-approval",
        "conditions": clocks.conditions(one),
        "due": clocks.next_update(one, showing.every(fleet)),
        "proofs": proof.proofs(one, fleet, now()) if one.open else (),
        "probing": any(probing.under_way(hub) for hub in seen.hubs),
        "held": [(role, words, roles.holders(one)[role]) for role, words in ROLES.items()],
        "offers": [row for row in one.roles.all() if row.state == "offered"],
        "mine": [
            row
            for row in one.roles.all()
            if row.state == "offered" and row.login == request.user.get_username()
        ],
        "asked_first": showing.asked_first(one, fleet),
        "entries": list(one.entries.order_by("-at", "-id")),
        "copies": _copies(one, seen, fleet),
        "forms": {**_forms(one, fleet), **(wrong or {})},
        "report": getattr(one, "report", None),
        "may_write": may(request, one, Action.WRITE_INCIDENT_REPORT).allowed,
    }
    values["late"] = values["due"] is not None and values["due"] < now()
    status = 422 if wrong else 200
    return render(request, "console/incidents/incident.html", values, status=status)


def _told(seen: Sight) -> dict[str, Any]:
    """What also those see who see only what was told."""
    one = seen.incident
    took = clocks.times(one)
    return {
        "one": one,
        "title": title_for(seen),
        "hubs": seen.hubs,
        "others": seen.others,
        "word": WORDS[one.state],
        "words": STATES[one.state],
        "kind": KINDS[one.kind],
        "priority": PRIORITIES[one.priority],
        "updates": list(one.entries.exclude(public="").order_by("-at", "-id")),
        "took": [
            ("detect", clocks.in_words(took.detect)),
            ("acknowledge", clocks.in_words(took.acknowledge)),
            ("mitigate", clocks.in_words(took.mitigate)),
            ("resolve", clocks.in_words(took.resolve)),
        ],
        "minutes": clocks.user_minutes(one),
    }


def _copies(one: Incident, seen: Sight, fleet: Fleet) -> tuple[Copy, ...]:
    zone = ZoneInfo(fleet.service.timezone)
    due = clocks.next_update(one, showing.every(fleet))
    shown = "{:%Y-%m-%d %H:%M} " + fleet.service.timezone
    return copies(
        number=one.pk,
        title=one.title,
        kind=one.kind,
        priority=one.priority,
        state=one.state,
        hubs=seen.hubs,
        began=shown.format(one.began_at.astimezone(zone)),
        responder=", ".join(roles.holders(one)["responder"]),
        next_update=shown.format(due.astimezone(zone)) if due else "",
        channel=one.channel,
        address=settings.CONSOLE_ADDRESS,
    )


def _forms(one: Incident, fleet: Fleet) -> dict[str, django_forms.Form]:
    zone = ZoneInfo(fleet.service.timezone)
    known = {
        "title": one.title,
        "priority": one.priority,
        "kind": one.kind,
        "channel": one.channel,
        "users_affected": one.users_affected,
        "began_at": one.began_at.astimezone(zone).strftime("%Y-%m-%dT%H:%M"),
    }
    return {
        "say": forms.SayForm(auto_id="say-%s", initial={"kind": "observed"}),
        "tell": forms.TellForm(auto_id="tell-%s", initial={"public": _next_public(one)}),
        "correct": forms.CorrectForm(auto_id="correct-%s", initial=known),
        "role": forms.RoleForm(auto_id="role-%s"),
        "end": forms.EndForm(auto_id="end-%s"),
    }


def _next_public(one: Incident) -> str:
    if not one.open:
        return "resolved"
    return "monitoring" if one.mitigated_at else "investigating"


Act = Callable[[Actor, Fleet, Incident, dict[str, Any]], object]


def _acknowledge(actor: Actor, _fleet: Fleet, one: Incident, _said: dict[str, Any]) -> None:
    acting.acknowledge(actor, one.pk)


def _say(actor: Actor, fleet: Fleet, one: Incident, said: dict[str, Any]) -> None:
    acting.say(actor, fleet, one.pk, said["text"], kind=said["kind"], link=said["link"])


def _tell(actor: Actor, fleet: Fleet, one: Incident, said: dict[str, Any]) -> None:
    acting.say(actor, fleet, one.pk, said["text"], public=said["public"])


def _correct(actor: Actor, _fleet: Fleet, one: Incident, said: dict[str, Any]) -> None:
    # A browser tells minutes: what was not touched must not lose its seconds.
    if said["began_at"] == one.began_at.replace(second=0, microsecond=0):
        said = {**said, "began_at": None}
    acting.correct(actor, one.pk, **said)


def _offer(actor: Actor, _fleet: Fleet, one: Incident, said: dict[str, Any]) -> None:
    roles.offer(actor, one.pk, said["role"], said["to"].strip())


def _mitigate(actor: Actor, _fleet: Fleet, one: Incident, said: dict[str, Any]) -> None:
    acting.mitigate(actor, one.pk, said.get("text", ""))


def _resolve(actor: Actor, fleet: Fleet, one: Incident, said: dict[str, Any]) -> None:
    acting.resolve(actor, fleet, one.pk, said["text"], unverified=said["unverified"])


def _probe(actor: Actor, fleet: Fleet, one: Incident, _said: dict[str, Any]) -> None:
    for open_question in proof.unproven(one, fleet, now()):
        probing.ask_for(open_question.hub, actor.login)


ACTS: dict[str, tuple[type[django_forms.Form] | None, Act, str]] = {
    "acknowledge": (None, _acknowledge, "It is yours. Say where you talk, and tell the community."),
    "say": (forms.SayForm, _say, "It is in the timeline."),
    "tell": (forms.TellForm, _tell, "The public reads it now."),
    "correct": (forms.CorrectForm, _correct, "It is changed; what it was stays in the timeline."),
    "role": (forms.RoleForm, _offer, "They are asked; it is theirs once they accept."),
    "mitigate": (None, _mitigate, "Noted: people can work again."),
    "end": (forms.EndForm, _resolve, "It is over."),
    "probe": (None, _probe, "Probes are under way; their results appear here."),
}


@require_POST
@signed_in
def act(request: HttpRequest, number: int, what: str) -> HttpResponse:
    """`/incidents/<number>/do/<what>/`: every act but those on roles that were offered."""
    if what not in ACTS:
        raise Http404
    fleet = desk_fleet()
    seen = sight(request, fleet, number)
    # Whoever may declare one may also add what they see; everything else is the response's.
    demand(
        request, seen.incident,
        Action.DECLARE_INCIDENT if what == "say" and seen.whole else Action.RESPOND_TO_INCIDENT,
    )  # fmt: skip
    form_class, perform, words = ACTS[what]
    said: dict[str, Any] = {}
    if form_class is not None:
        form = form_class(request.POST, auto_id=f"{what}-%s")
        if not form.is_valid():
            return _page(request, seen, {what: form})
        said = form.cleaned_data
    try:
        perform(actor_of(request), fleet, seen.incident, said)
    except HubfleetError as error:
        tell_problems(request, error.problems)
    else:
        messages.success(request, words)
    return redirect("console:incident", number)


@require_POST
@signed_in
def answer(request: HttpRequest, number: int) -> HttpResponse:
    """Accept or decline what was offered: who is asked may, whatever their rights."""
    seen = sight(request, desk_fleet(), number)
    accepted = request.POST.get("answer") == "accept"
    perform = roles.accept if accepted else roles.decline
    try:
        perform(actor_of(request), number, request.POST.get("role", "")[:20])
    except HubfleetError as error:
        tell_problems(request, error.problems)
    else:
        messages.success(request, "It is yours now." if accepted else "They are told.")
    return redirect("console:incident", seen.incident.pk)

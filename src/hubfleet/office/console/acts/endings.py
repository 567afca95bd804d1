"""Endings: the list, and the page of each with its dates, its people and its ledger."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from hubfleet.fleet.model import Fleet
from hubfleet.kit.clock import now
from hubfleet.kit.errors import HubfleetError, Problem
from hubfleet.office.accounts.actions import Action
from hubfleet.office.accounts.asking import actor_of, ask, require, standing_here
from hubfleet.office.accounts.people import day_of
from hubfleet.office.console.acts import doing
from hubfleet.office.console.acts.hub_leaving import own_name
from hubfleet.office.console.seeing import signed_in
from hubfleet.office.leaving import certificate as paper
from hubfleet.office.leaving import ending as acts
from hubfleet.office.leaving import evidence, notice
from hubfleet.office.leaving.dates import Phase, phase_of
from hubfleet.office.leaving.models import Ending
from hubfleet.office.ports import desk

WORDS: dict[Phase, tuple[str, str]] = {
    "asked": ("warn", "asked, not agreed yet"),
    "end-notice": ("warn", "ends"),
    "export": ("bad", "ends; the final export is made"),
    "removed": ("quiet", "removed"),
    "closed": ("quiet", "closed: nothing is left"),
    "cancelled": ("good", "taken back: the hub stays"),
}
"""Class and words of each phase."""


@signed_in
@require_GET
def listing(request: HttpRequest) -> HttpResponse:
    """`/endings/`: those of hubs that the visitor may see."""
    fleet = desk().fleet()
    today = day_of(fleet)
    rows = [
        {"ending": one, "word": word, "words": words}
        for one in Ending.objects.order_by("gone_at", "last_day", "-id")[:500]
        if _sees(request, one)
        for word, words in [WORDS[phase_of(one.progress, one.dates, today)]]
    ]
    if not rows and not standing_here(request, fleet).communities:
        # Whoever belongs to nothing here learns nothing of what there is.
        require(request, Action.SEE_FLEET)
    return render(request, "console/acts/endings.html", {"rows": rows})


def _sees(request: HttpRequest, ending: Ending) -> bool:
    return ask(request, Action.END_HUB, ending.hub).offered


@signed_in
@require_GET
def page(request: HttpRequest, number: int) -> HttpResponse:
    """`/endings/<number>/`."""
    ending, fleet = _ending(request, number), desk().fleet()
    today = day_of(fleet)
    phase = phase_of(ending.progress, ending.dates, today)
    word, words = WORDS[phase]
    assets = list(ending.assets.all())
    may = {
        act: ask(request, act, ending.hub)
        for act in (Action.END_HUB, Action.CONSENT_TO_ENDING, Action.CONFIRM_ENDING)
    }
    open_here = phase not in ("removed", "closed", "cancelled")
    values = {
        "ending": ending,
        "phase": phase,
        "word": word,
        "words": words,
        "dates": _rows(ending),
        "people": _people(ending),
        "assets": [(evidence.TITLES.get(one.kind, one.kind), one) for one in assets],
        "declared": ending.hub in fleet.hubs,
        "may_consent": open_here and not ending.consent_at and may[Action.CONSENT_TO_ENDING],
        "may_confirm": open_here
        and ending.consent_at
        and not ending.confirmed_at
        and may[Action.CONFIRM_ENDING],
        "second": request.user.get_username() not in ending.people,
        "may_change": open_here and may[Action.END_HUB].allowed,
        "may_mark": phase not in ("closed", "cancelled")
        and ending.erase_begun_at is None
        and may[Action.CONSENT_TO_ENDING].allowed,
        "extension": fleet.service.ending.extension,
        "certified": ending.settled_at is not None and ending.erase_begun_at is not None,
        "community_known": ending.community in fleet.communities,
        "today": today,
    }
    return render(request, "console/acts/ending.html", values)


def _rows(ending: Ending) -> list[tuple[str, object, str]]:
    """The dates in order, each with what it means."""
    reminders = ", ".join(ending.reminders) or "none"
    return [
        ("Asked", ending.asked_on, f"by {ending.asked_by}"),
        ("Reminders", reminders, "to representatives and contacts"),
        ("Final export from", ending.export_from, "who needs help with it says so before"),
        ("Last day", ending.last_day, "people use the hub until its end"),
        ("Removed from", ending.removal, "no earlier"),
        ("Aggregates deleted", ending.retention_end, "days up and down, use and cost, no people"),
    ]


def _people(ending: Ending) -> list[tuple[str, str, Any, str]]:
    consent = ending.consent_reason
    if ending.consent_by and ending.consent_by != ending.consent_of:
        consent = f"written down by {ending.consent_by}: {ending.consent_reason}"
    data = {"exported": "has all data", "waived": "does not need the data"}.get(ending.data, "")
    return [
        ("Consent", ending.consent_of, ending.consent_at, consent),
        ("Second person", ending.confirmed_by, ending.confirmed_at, ""),
        ("People's data", ending.data_by, ending.data_at, data),
        ("Deleted by", ending.erased_by, ending.erase_begun_at, ""),
    ]


def _ending(request: HttpRequest, number: int) -> Ending:
    found = Ending.objects.filter(pk=number).first()
    if found is None:
        raise Http404
    if not _sees(request, found):
        require(request, Action.END_HUB, found.hub)
    return found


def _act(
    request: HttpRequest, number: int, action: Action, do: Callable[[Ending, Fleet], str]
) -> HttpResponse:
    """Ask the rights, act, say what became of it, and show the page again."""
    ending, fleet = _ending(request, number), desk().reload()
    require(request, action, ending.hub)
    try:
        messages.success(request, do(ending, fleet))
    except HubfleetError as error:
        doing.tell_problems(request, error.problems)
    return redirect("console:ending", number)


@signed_in
@require_POST
def consent(request: HttpRequest, number: int) -> HttpResponse:
    """A representative agrees, for themselves."""

    def do(ending: Ending, fleet: Fleet) -> str:
        mine = acts.Consent(own_name(request, ending.community), "in the console")
        acts.agree(ending, mine, actor_of(request), fleet=fleet)
        return "You agreed. Now a second person confirms it."

    return _act(request, number, Action.CONSENT_TO_ENDING, do)


@signed_in
@require_POST
def confirm(request: HttpRequest, number: int) -> HttpResponse:
    """The second person."""

    def do(ending: Ending, fleet: Fleet) -> str:
        acts.confirm(ending, actor_of(request), fleet=fleet)
        trouble = notice.announce(ending, doing.asked_by(request, "A hub's end is told there."))
        _tell_page(request, trouble, notice.announcement(ending))
        return f"{ending.hub} ends on {ending.last_day}. Everybody concerned is told."

    return _act(request, number, Action.CONFIRM_ENDING, do)


@signed_in
@require_POST
def extend(request: HttpRequest, number: int) -> HttpResponse:
    """Move the last day."""

    def do(ending: Ending, fleet: Fleet) -> str:
        acts.extend(ending, actor_of(request), fleet=fleet, today=day_of(fleet))
        if ending.progress.agreed:
            trouble = notice.announce(ending, doing.asked_by(request, "The last day was moved."))
            _tell_page(request, trouble, notice.announcement(ending))
        return f"The last day is {ending.last_day} now."

    return _act(request, number, Action.END_HUB, do)


@signed_in
@require_POST
def cancel(request: HttpRequest, number: int) -> HttpResponse:
    """Take it back."""

    def do(ending: Ending, fleet: Fleet) -> str:
        why = doing.text_of(request, "reason", 2000)
        acts.cancel(ending, actor_of(request), fleet=fleet, reason=why)
        trouble = notice.withdraw(ending, doing.asked_by(request, "The hub stays."))
        _tell_page(request, trouble, "take the announcement back")
        return f"{ending.hub} stays."

    return _act(request, number, Action.END_HUB, do)


@signed_in
@require_POST
def data(request: HttpRequest, number: int) -> HttpResponse:
    """A representative says what became of people's data."""
    said = request.POST.get("data", "")
    if said not in ("exported", "waived"):
        raise Http404

    def do(ending: Ending, fleet: Fleet) -> str:
        mine = acts.Consent(own_name(request, ending.community), "in the console")
        acts.mark_data(ending, said, mine, actor_of(request), fleet=fleet)
        return "That is written down."

    return _act(request, number, Action.CONSENT_TO_ENDING, do)


@signed_in
@require_GET
def certificate(request: HttpRequest, number: int) -> HttpResponse:
    """The PDF, for whoever may see the community's ending."""
    ending = _ending(request, number)
    require(request, Action.END_HUB, ending.hub)
    try:
        pdf = paper.make(ending, desk().fleet(), now())
    except HubfleetError as error:
        doing.tell_problems(request, error.problems)
        return redirect("console:ending", number)
    response = HttpResponse(pdf, content_type="application/pdf")
    name = f"deletion-{ending.hub.replace('/', '-')}.pdf"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _tell_page(request: HttpRequest, trouble: Problem | None, text: str) -> None:
    if trouble is not None:
        messages.warning(
            request,
            f"The hub's own pages do not say so yet: {trouble.what}. "
            f"Change page.announcement by hand: {text}",
        )

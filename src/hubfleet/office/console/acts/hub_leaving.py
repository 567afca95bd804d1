"""A hub's page *Leaving*: take the hub along at any time, and ask that it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from hubfleet.fleet.model import Fleet, Hub
from hubfleet.kit.clock import now
from hubfleet.kit.errors import HubfleetError
from hubfleet.kit.units import day_after
from hubfleet.office.accounts.actions import Action
from hubfleet.office.accounts.asking import actor_of, ask, note, require, standing_here
from hubfleet.office.accounts.models import Person
from hubfleet.office.accounts.people import day_of, facts_of
from hubfleet.office.console.acts import doing
from hubfleet.office.console.hub_frame import hub_context
from hubfleet.office.console.seeing import hub_for, signed_in
from hubfleet.office.leaving import ending as acts
from hubfleet.office.leaving import takes
from hubfleet.office.leaving.dates import dates_of
from hubfleet.office.leaving.models import Take
from hubfleet.office.ports import desk
from hubfleet.platforms.local.environments import EnvironmentStore
from hubfleet.platforms.local.folders import StateFolder
from hubfleet.replicate.audit import Finding, audit
from hubfleet.replicate.data.licences import licences_known

CHUNK = 256 * 1024


@signed_in
@require_GET
def page(request: HttpRequest, community: str, hub: str) -> HttpResponse:
    """`/hubs/<community>/<hub>/leaving/`."""
    return _render(request, _hub(request, community, hub))


def _hub(request: HttpRequest, community: str, hub: str) -> Hub:
    """For whoever may take it along or end it, or ask for that."""
    name = f"{community}/{hub}"
    declared = hub_for(request, desk().fleet(), name, Action.SEE_HUB)
    if not any(ask(request, act, name).offered for act in (Action.TAKE_HUB, Action.END_HUB)):
        require(request, Action.TAKE_HUB, name)
    return declared


def _render(request: HttpRequest, hub: Hub, *, status: int = 200) -> HttpResponse:
    fleet = desk().fleet()
    policy, today = fleet.service.ending, day_of(fleet)
    take = ask(request, Action.TAKE_HUB, hub.name)
    made = takes.of_hub(hub.name) if take.allowed else []
    usual = max(day_after(today, policy.notice), day_after(today, f"{policy.export_days}d"))
    values = {
        **hub_context(request, fleet, hub, "leaving"),
        "take": take,
        "parts": takes.PARTS.values(),
        "takes": [(one, takes.progress_of(one) if one.running else "") for one in made],
        "busy": any(one.running for one in made),
        "findings": _findings(fleet, hub) if take.allowed else (),
        "policy": policy,
        "end": ask(request, Action.END_HUB, hub.name),
        "usual": request.POST.get("on", "") or str(usual),
        "reason": request.POST.get("reason", ""),
        "dates": dates_of(usual, today, policy),
        "speaks": hub.community in standing_here(request, fleet).representative_of,
    }
    return render(request, "console/acts/hub_leaving.html", values, status=status)


def _findings(fleet: Fleet, hub: Hub) -> tuple[Finding, ...]:
    """What could not be taken along as it is; nothing where the answer itself fails."""
    store = EnvironmentStore(StateFolder(desk().state).environments)
    try:
        return audit(fleet, [hub.name], {hub.name: licences_known(hub, store)})
    except HubfleetError:
        return ()


@signed_in
@require_POST
def take(request: HttpRequest, community: str, hub: str) -> HttpResponse:
    """Begin to make a bundle."""
    declared = hub_for(request, desk().fleet(), f"{community}/{hub}", Action.TAKE_HUB)
    try:
        takes.begin(declared.name, request.POST.getlist("part")[:10], actor_of(request))
    except HubfleetError as error:
        doing.tell_problems(request, error.problems)
    else:
        messages.info(request, "The bundle is being made. You get a mail when it is ready.")
    return redirect("console:hub-leaving", community, hub)


@signed_in
@require_GET
def fetch(request: HttpRequest, key: str) -> HttpResponseBase:
    """`/takes/<id>/`: the file, for whoever may take the hub along; signed in, until it expires."""
    found = _take(request, key)
    path = takes.file_of(found)
    if not found.ready or (found.expires_at and found.expires_at <= now()) or not path.is_file():
        raise Http404
    note(
        request, Action.TAKE_HUB, found.hub, "done", f"fetched a bundle of {found.hub}",
        take=str(found.pk),
    )  # fmt: skip
    if hasattr(request, "scope"):
        # Django would read a plain file into memory as a whole before it sends the first byte.
        response: StreamingHttpResponse = StreamingHttpResponse(_read(path))
    else:
        response = FileResponse(path.open("rb"))
    response.headers["Content-Type"] = "application/zstd"
    response.headers["Content-Length"] = str(path.stat().st_size)
    response.headers["Content-Disposition"] = f'attachment; filename="{path.name}"'
    response.headers["Cache-Control"] = "private, no-store"
    return response


async def _read(path: Path) -> AsyncIterator[bytes]:
    """In pieces, each read in a thread: a slow reader holds up nobody."""
    with await asyncio.to_thread(path.open, "rb") as file:
        while piece := await asyncio.to_thread(file.read, CHUNK):
            yield piece


@signed_in
@require_POST
def drop(request: HttpRequest, key: str) -> HttpResponse:
    """Delete a bundle before it expires."""
    found = _take(request, key)
    try:
        takes.delete(found, actor_of(request), "asked for on its page")
    except HubfleetError as error:
        doing.tell_problems(request, error.problems)
    else:
        messages.success(request, "The bundle was deleted.")
    return redirect("console:hub-leaving", *found.hub.split("/"))


def _take(request: HttpRequest, key: str) -> Take:
    found = Take.objects.filter(pk=key).first()
    if found is None:
        raise Http404
    require(request, Action.TAKE_HUB, found.hub)
    return found


@signed_in
@require_POST
def end(request: HttpRequest, community: str, hub: str) -> HttpResponse:
    """Ask that the hub ends; of a representative that is their consent, too."""
    fleet = desk().fleet()
    declared = hub_for(request, fleet, f"{community}/{hub}", Action.END_HUB)
    actor = actor_of(request)
    try:
        last_day = date.fromisoformat(request.POST.get("on", "")[:10])
    except ValueError:
        messages.error(request, "The last day is not a day: choose one, such as 2026-12-01.")
        return _render(request, declared, status=422)
    speaks = ask(request, Action.CONSENT_TO_ENDING, declared.name).allowed
    try:
        made = acts.begin(
            declared.name,
            last_day,
            actor,
            fleet=fleet,
            asked_on=day_of(fleet),
            reason=doing.text_of(request, "reason", 2000),
            consent=_own(request, declared) if speaks else None,
        )
    except HubfleetError as error:
        doing.tell_problems(request, error.problems)
        return _render(request, declared, status=422)
    messages.success(request, f"It is asked that {declared.name} ends on {made.last_day}.")
    return redirect("console:ending", made.pk)


def _own(request: HttpRequest, hub: Hub) -> acts.Consent:
    return acts.Consent(own_name(request, hub.community))


def own_name(request: HttpRequest, community: str) -> str:
    """How the declaration names the visitor as a representative: a login, else an address."""
    login = str(request.user.get_username())
    known = acts.representatives(desk().fleet(), community)
    if login in known:
        return login
    person = request.user
    mine = facts_of(person).emails if isinstance(person, Person) else frozenset()
    return next((name for name in known if name.lower() in mine), login)

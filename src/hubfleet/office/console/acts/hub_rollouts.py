"""Applying the waiting plan of some hubs, and bringing one hub back; both in a process aside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from hubfleet.kit.errors import HubfleetError, Problem
from hubfleet.office.accounts.actions import Action
from hubfleet.office.accounts.asking import actor_of, ask, require
from hubfleet.office.accounts.rights import Decision
from hubfleet.office.changes import running
from hubfleet.office.changes.models import Run
from hubfleet.office.console.acts import doing
from hubfleet.office.console.glance import glance
from hubfleet.office.console.hub_frame import hub_context
from hubfleet.office.console.seeing import hub_for, signed_in
from hubfleet.office.ports import desk
from hubfleet.office.watching import latest
from hubfleet.planning.explain import explain
from hubfleet.planning.plan import Plan
from hubfleet.planning.steps import hub_name
from hubfleet.platforms.platform import Snapshot


@dataclass(frozen=True, slots=True)
class Waiting:
    """The part of the waiting plan that is about some hubs, and who may apply it."""

    plan: Plan
    steps: tuple[str, ...]
    objections: tuple[Problem, ...]
    decision: Decision
    under_way: Run | None


def waiting(request: HttpRequest, hubs: Sequence[str]) -> Waiting | None:
    """None when nothing waits. `decision` is the first one that does not allow it, if any."""
    try:
        # Pages do not wait for a platform; whoever applies it looks again.
        part = running.plan_for(hubs, glance().plan if latest.get() else desk().plan())
    except HubfleetError:
        return None
    if not part.steps:
        return None
    decisions = [ask(request, Action.ROLL_OUT, hub_name(step)) for step in part.steps]
    refused = [one for one in decisions if not one.allowed]
    return Waiting(
        part,
        tuple(str(explain(step)) for step in part.steps),
        desk().objections(part),
        (refused or decisions)[0],
        Run.objects.filter(ended_at=None).first(),
    )


@signed_in
@require_POST
def apply(request: HttpRequest) -> HttpResponse:
    """Apply exactly the plan that was shown: these hubs, this fingerprint."""
    hubs = request.POST.getlist("hub")[:2000]
    fleet = desk().fleet()
    if not hubs:
        raise Http404
    for name in hubs:
        hub_for(request, fleet, name, Action.SEE_HUB)
        require(request, Action.ROLL_OUT, name, emergency=request.POST.get("emergency", "")[:2000])
    back = doing.text_of(request, "back")
    try:
        part = running.plan_for(hubs, desk().plan())
        if part.fingerprint != request.POST.get("plan", ""):
            messages.warning(
                request,
                "The plan has changed since this page was made; nothing was done. "
                "Look at what is waiting now.",
            )
            return _back(back, hubs)
        run = running.roll_out(part, actor_of(request), doing.text_of(request, "why", 2000))
    except HubfleetError as error:
        doing.tell_problems(request, error.problems)
        return _back(back, hubs)
    return redirect("console:run", run.pk)


def _back(back: str, hubs: Sequence[str]) -> HttpResponse:
    """Only to pages of ours: a hub's, or its community's."""
    community, _, hub = hubs[0].partition("/")
    if back == "community":
        return redirect("console:community", community)
    return redirect("console:hub", community, hub)


@signed_in
@require_http_methods(["GET", "POST"])
def rollback(request: HttpRequest, community: str, hub: str, snapshot: str = "") -> HttpResponse:
    """What a hub can go back to, what that would do, and the button that does it."""
    fleet, name = desk().fleet(), f"{community}/{hub}"
    declared = hub_for(request, fleet, name, Action.SEE_LOGS)
    decision = ask(request, Action.ROLL_BACK, name)
    made = _snapshots(name)
    chosen = _chosen(made, snapshot)
    if snapshot and chosen is None:
        raise Http404
    if request.method == "POST":
        require(request, Action.ROLL_BACK, name, emergency=request.POST.get("emergency", "")[:2000])
        if chosen is None:
            raise Http404
        try:
            why = doing.text_of(request, "why", 2000)
            run = running.roll_back(name, chosen.revision, actor_of(request), why)
        except HubfleetError as error:
            doing.tell_problems(request, error.problems)
            return redirect("console:hub-rollback", community, hub)
        return redirect("console:run", run.pk)
    values: dict[str, Any] = {
        **hub_context(request, fleet, declared, "revisions"),
        "made": list(reversed(made)),
        "chosen": chosen,
        "decision": decision,
        "under_way": Run.objects.filter(ended_at=None).first(),
    }
    if chosen is not None:
        try:
            values["preview"] = desk().preview_rollback(name, chosen.id)
        except HubfleetError as error:
            values["trouble"] = [doing.in_words(problem) for problem in error.problems]
    return render(request, "console/acts/rollback.html", values)


def _snapshots(name: str) -> list[Snapshot]:
    """None for a hub that was never created."""
    try:
        return list(desk().snapshots(name))
    except HubfleetError:
        return []


def _chosen(made: Sequence[Snapshot], key: str) -> Snapshot | None:
    """The last snapshot of that one's revision, as the command line chooses it."""
    revision = next((one.revision for one in made if one.id == key), None)
    fitting = [one for one in made if one.revision == revision]
    return fitting[-1] if fitting else None


@signed_in
@require_GET
def run(request: HttpRequest, key: str) -> HttpResponse:
    """A process that was started here: to the rollout's own page once that is known."""
    running.watch_runs()
    found = Run.objects.filter(pk=key).first()
    if found is None:
        raise Http404
    for name in found.hubs:
        # What the process told may quote logs.
        require(request, Action.SEE_LOGS, name)
    values = {"run": found, "messages_told": _told(found) if found.running else ""}
    return render(request, "console/acts/run.html", values)


def _told(found: Run) -> str:
    files = running.Files(found)
    try:
        return files.messages.read_text(encoding="utf-8", errors="replace")[-4000:]
    except OSError:
        return ""

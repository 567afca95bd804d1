"""The page of a community: who it is, who may ask, who does what, its hubs, what is open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from pydantic import ValidationError

from hubfleet.fleet.edits.edit import SetRepresentatives, SetResponsibility
from hubfleet.fleet.model import Community, Fleet, Representative
from hubfleet.fleet.responsibilities import Split, split_of
from hubfleet.office.accounts.actions import RULES, Action
from hubfleet.office.accounts.asking import ask, note, require, standing_here
from hubfleet.office.accounts.models import CommunityRole, Membership
from hubfleet.office.changes.changing import read_only
from hubfleet.office.changes.models import Change
from hubfleet.office.console.acts import doing
from hubfleet.office.console.acts.hub_rollouts import waiting
from hubfleet.office.console.incident_sight import of_hubs
from hubfleet.office.console.seeing import signed_in, visible_hubs
from hubfleet.office.ports import desk


def community_for(request: HttpRequest, fleet: Fleet, name: str, action: Action) -> Community:
    """The declared community, when the visitor may do this there."""
    community = fleet.communities.get(name)
    if community is None:
        if not standing_here(request, fleet).staff:
            note(request, action, name, "hidden", "there is no such community")
        raise Http404
    require(request, action, name)
    return community


@dataclass(frozen=True, slots=True)
class Item:
    """One responsibility as the table shows it; `drives` are the acts that follow it."""

    split: Split
    drives: tuple[str, ...]
    changed: int


@signed_in
@require_GET
def page(request: HttpRequest, name: str) -> HttpResponse:
    fleet = desk().fleet()
    community = community_for(request, fleet, name, Action.SEE_COMMUNITY)
    mine = visible_hubs(request, fleet)
    hubs = [mine[hub] for hub in community.hubs if hub in mine]
    may = {
        "representatives": ask(request, Action.CHANGE_REPRESENTATIVES, name),
        "responsibilities": ask(request, Action.CHANGE_RESPONSIBILITIES, name),
        "cost": ask(request, Action.SEE_COST, name),
        "fleet": ask(request, Action.SEE_FLEET),
    }
    inside = may["cost"].allowed
    values: dict[str, Any] = {
        "community": community,
        "hubs": hubs,
        "items": items_of(fleet, name),
        "may": may,
        "inside": inside,
        "read_only": read_only(),
        "roles": CommunityRole.objects.filter(community=name).select_related("person"),
        "people": Membership.objects.filter(community=name).values("person").distinct().count(),
        "changes": Change.objects.filter(community=name)[:8] if inside else [],
        "waiting": waiting(request, [hub.name for hub in hubs]) if inside else None,
        "incidents": of_hubs(request, fleet, [hub.name for hub in hubs], 5),
    }
    return render(request, "console/acts/community.html", values)


def items_of(fleet: Fleet, name: str) -> list[Item]:
    """The responsibility table, with the acts that each item drives."""
    drives: dict[str, list[str]] = {}
    for rule in RULES.values():
        if rule.item:
            drives.setdefault(rule.item, []).append(rule.words)
    counts: dict[str, int] = {}
    for change in Change.objects.filter(community=name).exclude(items=[]):
        for item in change.items:
            counts[item] = counts.get(item, 0) + 1
    return [
        Item(split, tuple(drives.get(split.item.slug, ())), counts.get(split.item.slug, 0))
        for split in split_of(fleet, name)
    ]


@signed_in
@require_http_methods(["GET", "POST"])
def responsibility(request: HttpRequest, name: str, slug: str) -> HttpResponseBase:
    """One item: who owns it, what was agreed, and how that came about."""
    fleet = desk().fleet()
    community = community_for(request, fleet, name, Action.SEE_COMMUNITY)
    found = next((one for one in items_of(fleet, name) if one.split.item.slug == slug), None)
    if found is None:
        raise Http404
    if request.method == "POST":
        return _set_responsibility(request, name, found)
    decision = ask(request, Action.CHANGE_RESPONSIBILITIES, name)
    history = [one for one in Change.objects.filter(community=name) if slug in one.items]
    values = {
        "community": community,
        "one": found,
        "decision": decision,
        "history": history,
        "read_only": read_only(),
        "owners": OWNERS,
    }
    return render(request, "console/acts/responsibility.html", values)


OWNERS = (("community", "the community"), ("operator", "the operator"), ("shared", "both"))


def _set_responsibility(request: HttpRequest, name: str, found: Item) -> HttpResponse:
    item = found.split.item
    owner: Any = request.POST.get("owner", "")
    if owner not in dict(OWNERS):
        raise Http404
    # What the default says need not be declared; what is declared already stays as it is written.
    declared = desk().fleet().communities[name].file.responsibilities.get(item.slug)
    if declared is None and owner == item.default_owner:
        owner = None
    edit = SetResponsibility(name, item.slug, owner, doing.text_of(request, "note", 500))
    return doing.commit_and_return(request, [edit], "console:responsibility", name, item.slug)


@signed_in
@require_POST
def representatives(request: HttpRequest, name: str) -> HttpResponse:
    """Set the one or two people who speak for the community."""
    fleet = desk().fleet()
    community_for(request, fleet, name, Action.CHANGE_REPRESENTATIVES)
    try:
        people = _people_sent(request)
    except ValidationError as error:
        fields = {str(part["loc"][-1]) for part in error.errors()}
        messages.error(request, f"Not changed: mend {' and '.join(sorted(fields))}.")
        return redirect("console:community", name)
    if not people:
        messages.error(
            request,
            "Not changed: a community has at least one representative. "
            "Name the person who takes over before you take the last one away.",
        )
        return redirect("console:community", name)
    return doing.commit_and_return(
        request, [SetRepresentatives(name, people)], "console:community", name
    )


def _people_sent(request: HttpRequest) -> tuple[Representative, ...]:
    found = []
    for number in ("1", "2"):
        sent = {
            key: doing.text_of(request, f"{key}-{number}") for key in ("name", "email", "login")
        }
        if any(sent.values()):
            found.append(Representative.model_validate({k: v for k, v in sent.items() if v}))
    return tuple(found)


@signed_in
@require_GET
def change(request: HttpRequest, number: int) -> HttpResponse:
    """One change: what, who, why, its lines, and what is to be done with it."""
    found = Change.objects.filter(pk=number).first()
    if found is None:
        raise Http404
    require(request, Action.SEE_COST, found.community)
    values: dict[str, Any] = {
        "change": found,
        "root": desk().root,
        "lines": found.diff.splitlines(),
    }
    return render(request, "console/acts/change.html", values)

"""Operations that change nothing. What the visitor may not see is left out or answers 404."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from django.http import Http404, HttpRequest
from ninja import Path, Query, Router
from pydantic import StringConstraints

from hubfleet.fleet.model import Fleet, Hub
from hubfleet.fleet.responsibilities import owner_of, split_of
from hubfleet.fleet.sign_in import access_note
from hubfleet.kit.clock import now, today
from hubfleet.office.accounts.actions import RULES, Action
from hubfleet.office.accounts.asking import ask, note, require, standing_here
from hubfleet.office.accounts.models import Person
from hubfleet.office.accounts.rights import decide
from hubfleet.office.api import shapes
from hubfleet.office.api.entrance import needs
from hubfleet.office.api.refusing import ANSWERS
from hubfleet.office.api.scopes import Scope
from hubfleet.office.ledger.history import page
from hubfleet.office.ports import desk
from hubfleet.planning.explain import plan_as_json
from hubfleet.planning.observation import ObservedHub
from hubfleet.planning.steps import action, hub_name

router = Router(tags=["look"])

Community = Annotated[shapes.CommunityName, Path()]
HubPart = Annotated[shapes.CommunityName, Path()]


def the_hub(request: HttpRequest, community: str, hub: str, action: Action) -> Hub:
    """The declared hub, when the visitor may do this to it."""
    fleet, name = desk().fleet(), f"{community}/{hub}"
    declared = fleet.hubs.get(name)
    if declared is None:
        if not standing_here(request, fleet).staff:
            note(request, action, name, "hidden", "there is no such hub")
        raise Http404
    require(request, action, name)
    return declared


def visible(request: HttpRequest, fleet: Fleet) -> list[str]:
    """The hubs that the visitor may see."""
    return [name for name in fleet.hubs if ask(request, Action.SEE_HUB, name).allowed]


@router.get("/me", response={200: shapes.Me, **ANSWERS}, auth=needs(Scope.READ))
def me(request: HttpRequest) -> dict[str, Any]:
    """Who you are to the console."""
    standing = standing_here(request)
    person = request.user
    assert isinstance(person, Person)
    return {
        "login": person.login,
        "name": person.name,
        "staff": sorted(role.value for role in standing.staff),
        "communities": sorted(standing.communities),
        "scopes": getattr(request, "hubfleet_scopes", [scope.value for scope in Scope]),
    }


@router.get("/status", response={200: shapes.Status, **ANSWERS}, auth=needs(Scope.READ))
def status(request: HttpRequest) -> dict[str, Any]:
    """Every hub that you see: its state, address and revision."""
    fleet = desk().fleet()
    observed = {hub.name: hub for seen in desk().observe() for hub in seen.hubs.values()}
    waiting = {hub_name(step): f"{action(step)} is waiting" for step in desk().plan().steps}
    rows = [
        _row(fleet.hubs[name], observed.get(name), waiting.get(name, ""))
        for name in visible(request, fleet)
    ]
    remarks = [str(problem.what) for problem in desk().troubles()]
    return {"hubs": rows, "remarks": remarks if standing_here(request).staff else []}


def _row(hub: Hub, seen: ObservedHub | None, waiting: str) -> dict[str, Any]:
    notes = (
        seen.note if seen else "",
        waiting,
        access_note(hub.values.access, today(hub.timezone)),
    )
    return {
        "hub": hub.name,
        "cluster": seen.cluster if seen else hub.cluster,
        "stage": hub.stage,
        "state": seen.state if seen else "absent",
        "url": seen.url if seen else "",
        "revision": seen.revision if seen else 0,
        "note": "; ".join(part for part in notes if part),
    }


@router.get(
    "/hubs/{community}/{hub}", response={200: shapes.HubDetail, **ANSWERS}, auth=needs(Scope.READ)
)
def hub(request: HttpRequest, community: Community, hub: HubPart) -> dict[str, Any]:
    """A hub's effective values, each with the layer, file and line it came from."""
    found = the_hub(request, community, hub, Action.SEE_LOGS)
    values = {
        key: {
            "value": one.value,
            "layer": one.layer,
            "place": str(one.place) if one.place else None,
        }
        for key, one in found.effective.items()
    }
    return {
        "hub": found.name,
        "community": found.community,
        "cluster": found.cluster,
        "stage": found.stage,
        "domain": found.domain,
        "values": values,
    }


@router.get("/plan", response={200: dict[str, Any], **ANSWERS}, auth=needs(Scope.READ))
def plan(
    request: HttpRequest, only: Annotated[list[shapes.HubName], Query(default_factory=list)]
) -> dict[str, Any]:
    """What `apply` would do to the hubs whose rollouts you may look after.

    As `hubfleet plan --json`. The fingerprint is that of exactly this part.
    """
    from hubfleet.office.changes.running import plan_for

    fleet = desk().fleet()
    names = [n for n in visible(request, fleet) if ask(request, Action.SEE_LOGS, n).allowed]
    part = plan_for([name for name in names if not only or name in only], desk().plan())
    return plan_as_json(part, desk().objections(part), desk().schedule(part))


@router.get("/history", response={200: dict[str, Any], **ANSWERS}, auth=needs(Scope.READ))
def history(
    request: HttpRequest,
    hub: shapes.HubName,
    limit: Annotated[int, Query(ge=1, le=1000)] = 30,
    before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
) -> dict[str, Any]:
    """A hub's revisions, the newest first; as `hubfleet history HUB --json`."""
    community, _, short = hub.partition("/")
    the_hub(request, community, short, Action.SEE_LOGS)
    found = page("default", hub, limit + 1, before)
    rows, more = [record.row() for record in found[:limit]], len(found) > limit
    return {"revisions": rows, "before": rows[-1]["id"] if more else None}


@router.get(
    "/hubs/{community}/{hub}/logs", response={200: shapes.Logs, **ANSWERS}, auth=needs(Scope.READ)
)
def logs(
    request: HttpRequest,
    community: Community,
    hub: HubPart,
    lines: Annotated[int, Query(ge=1, le=5000)] = 100,
) -> dict[str, Any]:
    """The last lines of a hub's log."""
    found = the_hub(request, community, hub, Action.SEE_LOGS)
    return {"hub": found.name, "lines": desk().logs(found.name, lines)}


@router.get(
    "/communities/{community}/responsibilities",
    response={200: shapes.Responsibilities, **ANSWERS},
    auth=needs(Scope.READ),
)
def responsibilities(request: HttpRequest, community: Community) -> dict[str, Any]:
    """Who owns what in a community."""
    fleet = desk().fleet()
    if community not in fleet.communities:
        raise Http404
    require(request, Action.SEE_COMMUNITY, community)
    rows = [
        {
            "number": one.item.number,
            "slug": one.item.slug,
            "sentence": one.item.sentence,
            "owner": one.owner,
            "default": one.item.default_owner,
            "note": one.note,
        }
        for one in split_of(fleet, community)
    ]
    return {"community": community, "responsibilities": rows}


@router.get("/usage", response={200: dict[str, Any], **ANSWERS}, auth=needs(Scope.READ))
def usage(
    request: HttpRequest,
    scope: Annotated[
        str, StringConstraints(pattern=r"^([a-z0-9-]{1,30}(/[a-z0-9-]{1,30})?)?$")
    ] = "",
    first: Annotated[date | None, Query(alias="from")] = None,
    last: Annotated[date | None, Query(alias="to")] = None,
    by: Literal["day", "hub", "community"] | None = None,
) -> dict[str, Any]:
    """How a hub, a community or (without `scope`) the fleet was used; default: this month.

    As `hubfleet usage --json`, with the definition of each number.
    """
    from hubfleet.office.usage.numbers import Scope as Used
    from hubfleet.office.usage.numbers import report
    from hubfleet.office.usage.periods import days_asked
    from hubfleet.office.usage.publishing import as_json

    _may_see_use(request, scope)
    begin, end = days_asked(first, last, now().date())
    return as_json(report(Used(scope), begin, end, by))


def _may_see_use(request: HttpRequest, scope: str) -> None:
    community, slash, hub = scope.partition("/")
    if not scope:
        require(request, Action.SEE_FLEET)
    elif slash:
        the_hub(request, community, hub, Action.SEE_COST)
    elif community in desk().fleet().communities:
        require(request, Action.SEE_COST, community)
    else:
        raise Http404


@router.get("/who-can", response={200: shapes.Answer, **ANSWERS}, auth=needs(Scope.READ))
def who_can(
    request: HttpRequest,
    action: Action,
    target: Annotated[str, StringConstraints(pattern=r"^[a-z0-9/-]{0,61}$")] = "",
) -> dict[str, Any]:
    """Whether you may do an act, and who else could; `target` is a hub or a community."""
    from hubfleet.office.accounts.rights import who_could

    fleet = desk().fleet()
    community, _, hub = target.partition("/")
    where = RULES[action].where
    unknown = (hub and target not in fleet.hubs) or (target and community not in fleet.communities)
    if unknown or (where != "service" and not target) or (where == "hub" and not hub):
        raise Http404
    if target:
        require(request, Action.SEE_HUB if hub else Action.SEE_COMMUNITY, target)
    decision = decide(standing_here(request, fleet), action, target, fleet)
    item = RULES[action].item
    owner = owner_of(fleet, community, item) if item and target else None
    return {
        "action": action.value,
        "target": target,
        "item": item,
        "owner": owner,
        "answer": "no" if decision.hidden else decision.answer,
        "why": decision.why,
        "who_could": list(who_could(action, target, fleet)),
    }

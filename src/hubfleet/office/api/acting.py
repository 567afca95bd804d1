"""Operations that act: people, changes of the declaration, rollouts. Each asks the rights."""

from __future__ import annotations

import json
import uuid
from dataclasses import asdict
from typing import Annotated, Any

from django.http import Http404, HttpRequest
from ninja import Query, Router, Status

from hubfleet.fleet.edits.edit import subject
from hubfleet.kit.errors import failure
from hubfleet.office.accounts import invitations, invitees, joining, leaving, people
from hubfleet.office.accounts.actions import Action
from hubfleet.office.accounts.asking import actor_of, ask, require, standing_here
from hubfleet.office.accounts.invitations import Welcome
from hubfleet.office.accounts.models import Membership, Person
from hubfleet.office.api import shapes
from hubfleet.office.api.entrance import needs
from hubfleet.office.api.reading import Community, HubPart, the_hub
from hubfleet.office.api.refusing import ANSWERS
from hubfleet.office.api.scopes import Scope
from hubfleet.office.changes import running
from hubfleet.office.changes.changing import Asked, make_change
from hubfleet.office.changes.models import Change, Run
from hubfleet.office.changes.rights import acts_of
from hubfleet.office.ports import desk
from hubfleet.planning.steps import hub_name

router = Router(tags=["act"])
_HUB = "/hubs/{community}/{hub}"


# ---- People -----------------------------------------------------------------------------------


@router.get(_HUB + "/people", response={200: shapes.People, **ANSWERS}, auth=needs(Scope.READ))
def everybody(request: HttpRequest, community: Community, hub: HubPart) -> dict[str, Any]:
    """Who is admin and user of a hub."""
    found = the_hub(request, community, hub, Action.SEE_PEOPLE)
    access = found.values.access
    known = people.named({*access.admins, *access.allow.users})
    rows = Membership.objects.filter(community=community, hub__in=("", found.name))
    return {
        "hub": found.name,
        "admins": [{"login": one, "has_account": one in known} for one in access.admins],
        "declared_users": [
            {"login": one, "has_account": one in known} for one in access.allow.users
        ],
        "members": [
            {
                "login": row.person.login,
                "name": row.person.name,
                "everywhere": not row.hub,
                "until": row.until,
            }
            for row in rows.select_related("person").order_by("person__login")
        ],
    }


@router.put(
    _HUB + "/users/{login}", response={200: shapes.Member, **ANSWERS}, auth=needs(Scope.PEOPLE)
)
def add_user(
    request: HttpRequest,
    community: Community,
    hub: HubPart,
    login: shapes.Login,
    body: shapes.Until,
) -> dict[str, Any]:
    """Make somebody who has an account a user; the second call changes the last day."""
    found = the_hub(request, community, hub, Action.SEE_HUB)
    require(request, Action.MANAGE_USERS, found.name)
    person = _person(login)
    joining.add_member(actor_of(request), person, community, found.name, body.until)
    return {"login": person.login, "name": person.name, "everywhere": False, "until": body.until}


@router.delete(_HUB + "/users/{login}", response={204: None, **ANSWERS}, auth=needs(Scope.PEOPLE))
def remove_user(
    request: HttpRequest, community: Community, hub: HubPart, login: shapes.Login
) -> Status[None]:
    """End somebody's access to a hub."""
    found = the_hub(request, community, hub, Action.SEE_HUB)
    require(request, Action.MANAGE_USERS, found.name)
    actor, fleet = actor_of(request), desk().fleet()
    if not leaving.remove_member(actor, _person(login), community, found.name, fleet=fleet):
        raise Http404
    return Status(204, None)


def _person(login: str) -> Person:
    found = people.by_login(login)
    if found is None:
        raise Http404
    return found


@router.post(
    _HUB + "/invitations", response={200: shapes.Invited, **ANSWERS}, auth=needs(Scope.PEOPLE)
)
def invite(
    request: HttpRequest, community: Community, hub: HubPart, body: shapes.Invite
) -> dict[str, Any]:
    """Invite people by their addresses; each gets a mail."""
    found = the_hub(request, community, hub, Action.SEE_HUB)
    require(request, Action.INVITE, found.name)
    wanted = [
        invitees.Invitee(one.email.lower(), one.name, one.login.strip().lower())
        for one in body.people
        if invitees.is_address(one.email)
    ]
    unfit = [
        {"email": one.email, "why": "this is no e-mail address"}
        for one in body.people
        if not invitees.is_address(one.email)
    ]
    sent = invitations.invite(
        actor_of(request),
        standing_here(request),
        list({one.email: one for one in wanted}.values()),
        Welcome(community=community, hub=found.name, until=body.until),
        desk().fleet(),
    )
    refused = [{"email": one.text, "why": one.why} for one in sent.refused]
    return {"invited": len(sent.invitations), "refused": [*unfit, *refused]}


# ---- The declaration --------------------------------------------------------------------------


@router.post("/changes", response={200: shapes.Change, **ANSWERS}, auth=needs(Scope.CHANGE))
def change(request: HttpRequest, body: shapes.ChangeSent) -> dict[str, Any]:
    """Change the declaration: one commit, or one branch for review."""
    fleet = desk().fleet()
    edits = [one.edit() for one in body.edits]
    for edit in edits:
        about = subject(edit)
        if about not in (fleet.hubs if "/" in about else fleet.communities):
            raise Http404
        for action in acts_of(edit, fleet):
            require(request, action, about, emergency=body.emergency)
    person = request.user
    assert isinstance(person, Person)
    asked = Asked(actor_of(request), person.name or person.login, person.email, body.why)
    return _change(make_change(edits, asked))


@router.get("/changes", response={200: shapes.Changes, **ANSWERS}, auth=needs(Scope.READ))
def changes(
    request: HttpRequest,
    community: shapes.CommunityName,
    limit: Annotated[int, Query(ge=1, le=200)] = 30,
) -> dict[str, Any]:
    """A community's changes, the newest first."""
    if community not in desk().fleet().communities:
        raise Http404
    require(request, Action.SEE_COST, community)
    found = Change.objects.filter(community=community)[:limit]
    return {"changes": [_change(one) for one in found]}


def _change(one: Change) -> dict[str, Any]:
    names = shapes.Change.model_fields
    return {name: getattr(one, name) for name in names}


# ---- Rollouts ---------------------------------------------------------------------------------


@router.post("/rollouts", response={200: shapes.Run, **ANSWERS}, auth=needs(Scope.ROLL_OUT))
def roll_out(request: HttpRequest, body: shapes.RolloutSent) -> dict[str, Any]:
    """Apply exactly the plan of this fingerprint; it runs on after the answer."""
    fleet = desk().fleet()
    whole = desk().plan()
    hubs = body.hubs or [name for name in fleet.hubs if ask(request, Action.SEE_LOGS, name).allowed]
    part = running.plan_for(hubs, whole)
    for name in body.hubs or [hub_name(step) for step in part.steps]:
        if name not in fleet.hubs:
            raise Http404
        require(request, Action.ROLL_OUT, name, emergency=body.emergency)
    if part.fingerprint != body.plan:
        raise failure(
            "plan-changed",
            f"the plan is now {part.fingerprint}, not {body.plan}",
            why="the declaration or the hubs have changed since that plan was made",
            hint="review it again with `hubfleet plan`",
        )
    return _run(running.roll_out(part, actor_of(request), body.why), 0)


@router.post(_HUB + "/rollback", response={200: shapes.Run, **ANSWERS}, auth=needs(Scope.ROLL_OUT))
def roll_back(
    request: HttpRequest, community: Community, hub: HubPart, body: shapes.RollbackSent
) -> dict[str, Any]:
    """Bring a hub back to a revision; it runs on after the answer."""
    found = the_hub(request, community, hub, Action.SEE_HUB)
    require(request, Action.ROLL_BACK, found.name, emergency=body.emergency)
    made = desk().snapshots(found.name)
    now = {seen.name: seen.revision for one in desk().observe() for seen in one.hubs.values()}
    fitting = [
        one
        for one in made
        if (one.revision == body.to if body.to else one.revision != now.get(found.name))
    ]
    if not fitting:
        raise failure(
            "no-such-snapshot",
            f"{found.name} has no snapshot of "
            + (f"revision {body.to}" if body.to else "an earlier revision"),
            hint=f"`hubfleet rollback {found.name} --list` shows what can be gone back to",
        )
    return _run(running.roll_back(found.name, fitting[-1].revision, actor_of(request), body.why), 0)


@router.get(
    _HUB + "/snapshots", response={200: shapes.Snapshots, **ANSWERS}, auth=needs(Scope.READ)
)
def snapshots(request: HttpRequest, community: Community, hub: HubPart) -> dict[str, Any]:
    """What a hub can go back to."""
    found = the_hub(request, community, hub, Action.SEE_LOGS)
    return {"hub": found.name, "snapshots": [asdict(one) for one in desk().snapshots(found.name)]}


@router.get("/runs/{key}", response={200: shapes.Run, **ANSWERS}, auth=needs(Scope.READ))
def run(
    request: HttpRequest, key: uuid.UUID, after: Annotated[int, Query(ge=0, le=10**9)] = 0
) -> dict[str, Any]:
    """A rollout or rollback that was started here, with its events from number `after` on."""
    running.watch_runs()
    found = Run.objects.filter(pk=key).first()
    if found is None:
        raise Http404
    for name in found.hubs:
        require(request, Action.SEE_LOGS, name)
    return _run(found, after)


def _run(one: Run, after: int) -> dict[str, Any]:
    return {
        "id": str(one.pk),
        "kind": one.kind,
        "at": one.at,
        "who": one.who,
        "why": one.why,
        "hubs": one.hubs,
        "plan": one.fingerprint,
        "rollout": one.rollout,
        "ended_at": one.ended_at,
        "exit_code": one.exit_code,
        "outcome": one.outcome,
        "events": _events(one, after),
    }


def _events(one: Run, after: int) -> list[dict[str, Any]]:
    """Whole lines only: the last one may still be written."""
    try:
        lines = running.Files(one).events.read_text(encoding="utf-8").split("\n")[:-1]
    except OSError:
        return []
    return [json.loads(line) for line in lines[after : after + 1000]]


@router.post(_HUB + "/probe", response={200: dict[str, Any], **ANSWERS}, auth=needs(Scope.ROLL_OUT))
def probe(request: HttpRequest, community: Community, hub: HubPart) -> dict[str, Any]:
    """Walk a person's path through a hub now; takes many seconds."""
    found = the_hub(request, community, hub, Action.SEE_HUB)
    require(request, Action.PROBE, found.name)
    return desk().probe([found.name])[0].as_json()

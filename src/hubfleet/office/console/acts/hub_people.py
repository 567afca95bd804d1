"""A hub's people: who is admin or user and why, adding, removing, inviting many, making admins.

Users are kept in the database, admins and users that the declaration names in git: so making
somebody an admin is a commit, and adding a user is not.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from hubfleet.fleet.edits.edit import AddAdmin, DisallowUser, RemoveAdmin
from hubfleet.fleet.model import Fleet, Hub
from hubfleet.kit.errors import HubfleetError
from hubfleet.office.accounts import invitations, invitees, joining, leaving, people
from hubfleet.office.accounts.actions import Action
from hubfleet.office.accounts.asking import actor_of, ask, require, standing_here
from hubfleet.office.accounts.invitations import Welcome
from hubfleet.office.accounts.invitees import Refused
from hubfleet.office.accounts.models import Invitation, Membership, Person
from hubfleet.office.changes.changing import read_only
from hubfleet.office.console.acts import doing
from hubfleet.office.console.acts.hub_rollouts import waiting
from hubfleet.office.console.hub_frame import hub_context
from hubfleet.office.console.seeing import hub_for, signed_in
from hubfleet.office.ports import desk

ON_A_PAGE = 100
MOST_BYTES = 2_000_000
_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Named:
    """Somebody that the declaration names; `person` is None while nobody has that account."""

    login: str
    person: Person | None
    inherited: bool
    """Whether a lower layer names them, and not the hub's own file."""


@signed_in
@require_GET
def page(request: HttpRequest, community: str, hub: str) -> HttpResponse:
    fleet, name = desk().fleet(), f"{community}/{hub}"
    declared = hub_for(request, fleet, name, Action.SEE_PEOPLE)
    return _render(request, declared)


def _render(request: HttpRequest, hub: Hub, status: int = 200, **more: Any) -> HttpResponse:
    words = request.GET.get("q", "")[:100].strip()
    rows = _members(hub, words)
    page = Paginator(rows, ON_A_PAGE).get_page(request.GET.get("page"))
    access = hub.values.access
    logins = {*access.admins, *access.allow.users}
    accounts = people.named(logins)
    invited = invitations.standing_invitations().filter(community=hub.community)
    invited = invited.filter(Q(hub=hub.name) | Q(hub="")).order_by("-made_at")
    values: dict[str, Any] = {
        **hub_context(request, desk().fleet(), hub, "people"),
        "waiting": waiting(request, [hub.name]),
        "admins": _named(hub, "access.admins", access.admins, accounts),
        "declared_users": _named(hub, "access.allow.users", access.allow.users, accounts),
        "page": page,
        "count": rows.count(),
        "words": words,
        "invited": invited[:_SHOWN],
        "invited_count": invited.count(),
        "users": ask(request, Action.MANAGE_USERS, hub.name),
        "admin": ask(request, Action.MANAGE_ADMINS, hub.name),
        "invite": ask(request, Action.INVITE, hub.name),
        "read_only": read_only(),
        "most": invitees.MOST,
        **more,
    }
    return render(request, "console/acts/hub_people.html", values, status=status)


def _members(hub: Hub, words: str) -> QuerySet[Membership]:
    found = Membership.objects.filter(community=hub.community, hub__in=("", hub.name))
    for word in words.split()[:5]:
        found = found.filter(
            Q(person__login__icontains=word)
            | Q(person__name__icontains=word)
            | Q(person__email__icontains=word)
        )
    return found.select_related("person").order_by("person__login", "hub")


def _named(hub: Hub, key: str, logins: tuple[str, ...], accounts: dict[str, Person]) -> list[Named]:
    place = hub.effective[key].place if key in hub.effective else None
    inherited = place is None or place.file != hub.place.file
    return [Named(login, accounts.get(login), inherited) for login in logins]


def _acting(
    request: HttpRequest, community: str, hub: str, action: Action
) -> tuple[Fleet, Hub, str]:
    """The hub, when the visitor may do this to its people."""
    fleet, name = desk().fleet(), f"{community}/{hub}"
    declared = hub_for(request, fleet, name, Action.SEE_HUB)
    require(request, action, name, emergency=request.POST.get("emergency", "")[:2000])
    return fleet, declared, name


@signed_in
@require_POST
def add(request: HttpRequest, community: str, hub: str) -> HttpResponse:
    """Make somebody who has an account here a user."""
    fleet, declared, name = _acting(request, community, hub, Action.MANAGE_USERS)
    login = doing.text_of(request, "login")
    until, trouble = _day(request, fleet)
    person = people.by_login(login) if login else None
    if trouble or person is None:
        said = trouble or f"Nobody here has the login {login!r}. Invite them by their address."
        return _render(request, declared, 422, add_error=said, add_login=login)
    try:
        new = joining.add_member(actor_of(request), person, community, name, until)
    except HubfleetError as error:
        doing.tell_problems(request, error.problems)
    else:
        said = f"{person.login} may use the hub" if new else f"{person.login} was a user already"
        messages.success(request, f"{said}{f', until {until}' if until else ''}.")
    return redirect("console:hub-people", community, hub)


@signed_in
@require_POST
def remove(request: HttpRequest, community: str, hub: str) -> HttpResponse:
    """End somebody's access: a membership at once, a name in the declaration by a commit."""
    fleet, declared, name = _acting(request, community, hub, Action.MANAGE_USERS)
    login, reach = doing.text_of(request, "login"), request.POST.get("reach", "")
    if reach == "declared":
        edits = [DisallowUser(name, login)]
        return doing.commit_and_return(request, edits, "console:hub-people", community, hub)
    person = people.by_login(login)
    if person is None or reach not in ("hub", "community"):
        raise Http404
    if reach == "community":
        # It ends the access to all hubs, so it must be allowed on all of them.
        for other in fleet.communities[community].hubs:
            require(request, Action.MANAGE_USERS, other)
    where = name if reach == "hub" else ""
    if leaving.remove_member(actor_of(request), person, community, where, fleet=fleet):
        messages.success(request, f"{person.login} was removed. What is open there ends shortly.")
    if person.login in declared.values.access.admins:
        messages.info(request, f"{person.login} still comes in, as an admin.")
    return redirect("console:hub-people", community, hub)


@signed_in
@require_POST
def admin(request: HttpRequest, community: str, hub: str) -> HttpResponse:
    """Make somebody an admin, or take that away: a commit by the visitor."""
    fleet, name = desk().fleet(), f"{community}/{hub}"
    hub_for(request, fleet, name, Action.SEE_HUB)
    login = doing.text_of(request, "login")
    if not login:
        messages.error(request, "Say who: a login is needed.")
        return redirect("console:hub-people", community, hub)
    edit = RemoveAdmin(name, login) if request.POST.get("take") else AddAdmin(name, login)
    return doing.commit_and_return(request, [edit], "console:hub-people", community, hub)


@signed_in
@require_POST
def invite(request: HttpRequest, community: str, hub: str) -> HttpResponse:
    """Invite everybody in a pasted list or an uploaded one; nobody when a line is wrong."""
    fleet, declared, name = _acting(request, community, hub, Action.INVITE)
    text, trouble = _list_sent(request)
    until, day_trouble = _day(request, fleet)
    wanted, refused = invitees.parse(text)
    if trouble or day_trouble:
        refused = [Refused(0, "", trouble or day_trouble)]
    if not wanted and not refused:
        refused = [Refused(0, "", "there is nobody in the list")]
    if refused:
        more = {"refused": refused[:_SHOWN], "refused_count": len(refused), "sent": text[:100_000]}
        return _render(request, declared, 422, **more)
    sent = invitations.invite(
        actor_of(request),
        standing_here(request),
        wanted,
        Welcome(community=community, hub=name, until=until),
        fleet,
    )
    if sent.invitations:
        count = len(sent.invitations)
        words = "1 invitation is" if count == 1 else f"{count} invitations are"
        messages.success(request, f"{words} on the way.")
    if sent.refused:
        more = {"refused": sent.refused[:_SHOWN], "refused_count": len(sent.refused)}
        return _render(request, declared, 200 if sent.invitations else 422, **more)
    return redirect("console:hub-people", community, hub)


def _list_sent(request: HttpRequest) -> tuple[str, str]:
    """The list's text, and what is wrong with an uploaded file. Its name and type prove nothing."""
    text = request.POST.get("people", "")
    file = request.FILES.get("file")
    if file is None:
        return text, ""
    if (file.size or 0) > MOST_BYTES:
        return text, "the file is larger than 2 MB"
    data = file.read(MOST_BYTES + 1)
    try:
        read = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return text, "the file is not text; save the table as CSV (UTF-8) and choose that file"
    if "\x00" in read:
        return text, "the file is not text; save the table as CSV (UTF-8) and choose that file"
    return f"{text}\n{read}", ""


def _day(request: HttpRequest, fleet: Fleet) -> tuple[date | None, str]:
    """The last day of a membership, if one was given."""
    said = doing.text_of(request, "until")
    if not said:
        return None, ""
    try:
        until = date.fromisoformat(said)
    except ValueError:
        return None, f"{said} is not a day; write one such as 2026-12-01"
    if until < people.day_of(fleet):
        return None, f"{said} is over"
    return until, ""


@signed_in
@require_POST
def withdraw(request: HttpRequest, community: str, hub: str) -> HttpResponse:
    """Make an invitation's link void."""
    _, _, name = _acting(request, community, hub, Action.INVITE)
    found = Invitation.objects.filter(pk=_key(request), community=community).first()
    if found is None or found.hub not in ("", name):
        raise Http404
    if invitations.revoke(actor_of(request), found):
        messages.success(request, f"The invitation of {found.email} was withdrawn.")
    return redirect("console:hub-people", community, hub)


def _key(request: HttpRequest) -> uuid.UUID:
    try:
        return uuid.UUID(request.POST.get("id", ""))
    except ValueError:
        raise Http404 from None

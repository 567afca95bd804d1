"""The staff's pages of people: who has an account, which roles, and helping those locked out."""

from __future__ import annotations

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from hubfleet.kit.errors import HubfleetError
from hubfleet.office.accounts import invitations, joining, leaving, people
from hubfleet.office.accounts.again import password_again
from hubfleet.office.accounts.asking import actor_of, ask, require, standing_here
from hubfleet.office.accounts.facts import StaffRole
from hubfleet.office.accounts.forms import InviteStaff, Roles
from hubfleet.office.accounts.invitations import Welcome
from hubfleet.office.accounts.invitees import Invitee
from hubfleet.office.accounts.models import Invitation, Person
from hubfleet.office.accounts.rights import Action
from hubfleet.office.ports import desk

ON_A_PAGE = 50


@login_required
@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """Accounts, found by words, and invitations that nobody has accepted yet."""
    require(request, Action.MANAGE_PEOPLE)
    words = request.GET.get("q", "")[:200]
    page = Paginator(people.found(words), ON_A_PAGE).get_page(request.GET.get("page"))
    facts = people.facts_of_all(list(page.object_list))
    rows = [
        {"facts": one, "staff": sorted(role.value.replace("-", " ") for role in one.staff)}
        for one in facts
    ]
    waiting = invitations.standing_invitations().order_by("-made_at")
    values = {
        "rows": rows,
        "page": page,
        "words": words,
        "waiting": waiting[:ON_A_PAGE],
        "waiting_count": waiting.count(),
        "form": InviteStaff(),
        "may_invite": ask(request, Action.MANAGE_STAFF),
    }
    return render(request, "accounts/people.html", values)


@login_required
@require_http_methods(["GET", "POST"])
def invite(request: HttpRequest) -> HttpResponse:
    """Invite somebody of the operator."""
    require(request, Action.MANAGE_STAFF)
    form = InviteStaff(request.POST or None)
    if request.method == "POST" and form.is_valid():
        return _invite(request, form)
    status = 422 if request.method == "POST" else 200
    return render(request, "accounts/invite_staff.html", {"form": form}, status=status)


@password_again
def _invite(request: HttpRequest, form: InviteStaff) -> HttpResponse:
    said = form.cleaned_data
    roles = tuple(StaffRole(role) for role in said["roles"])
    sent = invitations.invite(
        actor_of(request),
        standing_here(request),
        [Invitee(said["email"], said["name"], said["login"].strip().lower())],
        Welcome(staff_roles=roles),
        desk().fleet(),
    )
    if sent.refused:
        form.add_error(None, sent.refused[0].why)
        return render(request, "accounts/invite_staff.html", {"form": form}, status=422)
    messages.success(request, f"An invitation is on its way to {said['email']}.")
    return redirect("people")


@login_required
@require_POST
def withdraw_invitation(request: HttpRequest, key: str) -> HttpResponse:
    """Make an invitation void."""
    require(request, Action.MANAGE_PEOPLE)
    found = get_object_or_404(Invitation, pk=key)
    if invitations.revoke(actor_of(request), found):
        messages.success(request, f"The invitation of {found.email} was withdrawn.")
    return redirect("people")


@login_required
@require_GET
def person(request: HttpRequest, login: str) -> HttpResponse:
    """One account: what it is, what it may use, and what staff may do about it."""
    require(request, Action.MANAGE_PEOPLE)
    found = _found(login)
    fleet = desk().fleet()
    facts = people.facts_of(found)
    values: dict[str, Any] = {
        "person": found,
        "facts": facts,
        "standing": people.standing(found, fleet),
        "form": Roles(initial={"roles": [role.value for role in facts.staff]}),
        "staff": sorted(role.value.replace("-", " ") for role in facts.staff),
        "emails": EmailAddress.objects.filter(user=found),
        "factors": Authenticator.objects.filter(user=found).count(),
        "sessions": UserSession.objects.filter(user=found).count(),
        "may_staff": ask(request, Action.MANAGE_STAFF),
        "is_me": found == request.user,
    }
    return render(request, "accounts/person.html", values)


@login_required
@require_POST
@password_again
def roles(request: HttpRequest, login: str) -> HttpResponse:
    """Set somebody's staff roles to those that are ticked."""
    require(request, Action.MANAGE_STAFF)
    found, actor = _found(login), actor_of(request)
    form = Roles(request.POST)
    if not form.is_valid():
        raise Http404
    wanted = {StaffRole(role) for role in form.cleaned_data["roles"]}
    have = people.facts_of(found).staff
    try:
        for role in sorted(wanted - have):
            joining.grant(actor, found, role)
        for role in sorted(have - wanted):
            leaving.withdraw(actor, found, role)
    except HubfleetError as error:
        _tell(request, error)
    else:
        messages.success(request, f"The roles of {found.login} were changed.")
    return redirect("person", login=found.login)


_ACTS = {
    "close": "was closed",
    "open": "was opened again",
    "end-sessions": "was signed out everywhere",
    "forget-second-factor": "has no second factor any more",
    "erase": "was erased; the login stays taken",
}


@login_required
@require_POST
@password_again
def act(request: HttpRequest, login: str) -> HttpResponse:
    """Close, open, sign out, help with a lost second factor, erase."""
    require(request, Action.MANAGE_PEOPLE)
    found, actor, wanted = _found(login), actor_of(request), request.POST.get("act", "")
    if wanted not in _ACTS:
        raise Http404
    if people.facts_of(found).staff:
        # Who may help an ordinary person may not take over somebody who may more.
        require(request, Action.MANAGE_STAFF)
    try:
        if wanted == "close":
            leaving.close(actor, found)
        elif wanted == "open":
            leaving.open_again(actor, found)
        elif wanted == "end-sessions":
            leaving.end_sessions(actor, found, why="by staff")
        elif wanted == "forget-second-factor":
            leaving.forget_second_factor(actor, found)
        else:
            leaving.erase(actor, found)
    except HubfleetError as error:
        _tell(request, error)
    else:
        messages.success(request, f"The account {found.login} {_ACTS[wanted]}.")
    return redirect("person", login=found.login)


def _found(login: str) -> Person:
    found = people.by_login(login)
    if found is None:
        raise Http404
    return found


def _tell(request: HttpRequest, error: HubfleetError) -> None:
    for problem in error.problems:
        messages.error(request, f"{problem.what}: {problem.why}. To mend it: {problem.hint}.")

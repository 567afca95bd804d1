"""A person's own pages: what the account is, what it may use, where it is signed in."""

from __future__ import annotations

from typing import Any

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from hubfleet.fleet.model import Fleet
from hubfleet.office.accounts import leaving
from hubfleet.office.accounts.again import password_again
from hubfleet.office.accounts.asking import actor_of, standing_here
from hubfleet.office.accounts.models import Person
from hubfleet.office.ports import desk


@login_required
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """The account at a glance."""
    person, fleet = _person(request), desk().fleet()
    standing = standing_here(request, fleet)
    factors = list(Authenticator.objects.filter(user=person).values_list("type", flat=True))
    values = {
        "person": person,
        "hubs": _hubs(fleet, standing.user_of),
        "admin_of": standing.admin_of,
        "represents": [fleet.communities[c].file.name for c in sorted(standing.representative_of)],
        "staff": sorted(role.value.replace("-", " ") for role in standing.staff),
        "has_password": person.has_usable_password(),
        "totp": factors.count("totp"),
        "keys": factors.count("webauthn"),
        "codes": factors.count("recovery_codes"),
        "elsewhere": SocialAccount.objects.filter(user=person).count(),
        "sessions": UserSession.objects.filter(user=person).count(),
    }
    return render(request, "accounts/home.html", values)


def _hubs(fleet: Fleet, names: frozenset[str]) -> list[dict[str, Any]]:
    hubs = [fleet.hubs[name] for name in sorted(names) if name in fleet.hubs]
    return [{"name": hub.name, "title": hub.values.title or hub.name} for hub in hubs]


@login_required
@require_POST
def rename(request: HttpRequest) -> HttpResponse:
    """Change the shown name; the login stays."""
    person = _person(request)
    person.name = " ".join(request.POST.get("name", "").split())[:200]
    person.save(update_fields=["name"])
    messages.success(request, "Your name was changed.")
    return redirect("account_home")


@login_required
@require_GET
def sessions(request: HttpRequest) -> HttpResponse:
    """Where the account is signed in."""
    person = _person(request)
    found = sorted(
        UserSession.objects.purge_and_list(person), key=lambda one: one.created_at, reverse=True
    )
    rows = [
        {
            "id": one.pk,
            "began": one.created_at,
            "address": one.ip,
            "browser": browser(one.user_agent),
            "current": one.session_key == request.session.session_key,
        }
        for one in found
    ]
    return render(request, "accounts/sessions.html", {"sessions": rows})


@login_required
@require_POST
@password_again
def end_session(request: HttpRequest) -> HttpResponse:
    """End one session (`id`), or all others (`others`)."""
    person, mine = _person(request), request.session.session_key or ""
    wanted = UserSession.objects.filter(user=person)
    if request.POST.get("others"):
        keys = list(wanted.exclude(session_key=mine).values_list("session_key", flat=True))
    else:
        number = request.POST.get("id", "")
        if not number.isdecimal() or len(number) > 18:
            raise Http404
        keys = list(wanted.filter(pk=int(number)).values_list("session_key", flat=True))
        if not keys:
            raise Http404
    actor = actor_of(request)
    ended = sum(leaving.end_sessions(actor, person, only=key) for key in keys)
    if mine in keys:
        logout(request)
        return redirect("account_login")
    messages.success(request, "1 session ended." if ended == 1 else f"{ended} sessions ended.")
    return redirect("account_sessions")


def _person(request: HttpRequest) -> Person:
    person = request.user
    assert isinstance(person, Person)
    return person


_PROGRAMS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"),
             ("Safari/", "Safari"), ("python", "a program"), ("curl", "curl"))  # fmt: skip
_SYSTEMS = (("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"),
            ("Mac OS", "macOS"), ("CrOS", "ChromeOS"), ("Linux", "Linux"))  # fmt: skip


def browser(agent: str) -> str:
    """`Firefox on Linux`; what a browser says of itself is only a hint."""
    program = next((name for mark, name in _PROGRAMS if mark in agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in agent), "")
    if program and system:
        return f"{program} on {system}"
    return program or system or "unknown"

"""Two pages: where a person agrees to a program's sign-in, and the person's own tokens."""

from __future__ import annotations

from datetime import timedelta

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from hubfleet.kit.errors import HubfleetError
from hubfleet.office.accounts.again import password_again
from hubfleet.office.accounts.asking import actor_of
from hubfleet.office.accounts.models import Person
from hubfleet.office.api import device as devices
from hubfleet.office.api import tokens as kept
from hubfleet.office.api.models import DeviceRequest
from hubfleet.office.api.scopes import WORDS, Scope, known

MOST_TRIES = 10
_DAYS = (1, 7, 30, 90, 365)


@login_required
@require_http_methods(["GET", "POST"])
def device(request: HttpRequest) -> HttpResponse:
    """Type the code, see what asks, agree or refuse."""
    person = request.user
    assert isinstance(person, Person)
    code = (request.POST.get("code") or request.GET.get("code") or "")[:40]
    found = devices.find(code) if code and _may_try(person) else None
    if request.method == "POST" and found is not None and request.POST.get("answer"):
        if request.POST["answer"] == "agree":
            return _agree(request, person, found)
        devices.answer(actor_of(request), person, found, agreed=False)
        return render(request, "api/device_done.html", {"agreed": False, "request_": found})
    values = {
        "code": code,
        "found": found,
        "unknown": bool(code) and found is None,
        "scopes": [(scope, WORDS[scope]) for scope in known(found.scopes)] if found else [],
    }
    status = 422 if request.method == "POST" and found is None else 200
    return render(request, "api/device.html", values, status=status)


@password_again
def _agree(request: HttpRequest, person: Person, found: DeviceRequest) -> HttpResponse:
    """A program that acts for a month in somebody's name is worth a fresh password."""
    devices.answer(actor_of(request), person, found, agreed=True)
    return render(request, "api/device_done.html", {"agreed": True, "request_": found})


def _may_try(person: Person) -> bool:
    """Nobody guesses codes: ten tries in ten minutes."""
    key = f"device-tries-{person.pk}"
    cache.add(key, 0, 600)
    return int(cache.incr(key)) <= MOST_TRIES


@login_required
@require_http_methods(["GET", "POST"])
def tokens(request: HttpRequest) -> HttpResponse:
    """The person's tokens, and making one."""
    person = request.user
    assert isinstance(person, Person)
    if request.method == "POST":
        return _make(request)
    values = {"tokens": kept.mine(person), "scopes": WORDS.items(), "days": _DAYS}
    return render(request, "api/tokens.html", values)


@password_again
def _make(request: HttpRequest) -> HttpResponse:
    person = request.user
    assert isinstance(person, Person)
    try:
        scopes: list[Scope] = known(request.POST.getlist("scope"))
        days = int(request.POST.get("days", "30"))
    except ValueError:
        raise Http404 from None
    name = request.POST.get("name", "").strip()[:100]
    if not name or not scopes or days not in _DAYS:
        messages.error(request, "Give it a name, and say what it is for.")
        return redirect("tokens")
    try:
        token, text = kept.issue(actor_of(request), person, name, scopes, timedelta(days=days))
    except HubfleetError as error:
        messages.error(request, f"{error.problems[0].what}. {error.problems[0].hint}.")
        return redirect("tokens")
    values = {
        "tokens": kept.mine(person),
        "scopes": WORDS.items(),
        "days": _DAYS,
        "made": token,
        "text": text,
    }
    return render(request, "api/tokens.html", values)


@login_required
@require_POST
def revoke(request: HttpRequest, key: str) -> HttpResponse:
    """Make a token void."""
    person = request.user
    assert isinstance(person, Person)
    found = kept.mine(person).filter(pk=key).first()
    if found is None:
        raise Http404
    kept.revoke(actor_of(request), found)
    messages.success(request, f"The token {found.name} was revoked.")
    return redirect("tokens")

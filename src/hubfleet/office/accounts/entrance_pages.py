"""Pages for who is not in yet: an invitation, and the first administrator's link.

Both show the same page for every link that is not good, whatever the reason, and both are limited,
so that nobody tries links until one fits.
"""

from __future__ import annotations

from typing import Any

from allauth.account.internal.flows.login import record_authentication
from allauth.account.utils import perform_login
from allauth.core.internal import ratelimit
from allauth.socialaccount.adapter import get_adapter as get_social_adapter
from allauth.socialaccount.models import SocialApp
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from hubfleet.kit.errors import HubfleetError
from hubfleet.office.accounts import first_link, invitations, welcoming
from hubfleet.office.accounts.forms import FirstAccount, NewAccount
from hubfleet.office.accounts.invitations import Welcome
from hubfleet.office.accounts.models import Invitation, Person
from hubfleet.office.accounts.onward import by_a_page
from hubfleet.office.accounts.welcoming import Newcomer
from hubfleet.office.ports import desk


@require_http_methods(["GET", "POST"])
@sensitive_post_parameters("password")
def invitation(request: HttpRequest, token: str) -> HttpResponseBase:
    """Accept an invitation: with a new account, with one elsewhere, or with the one signed in."""
    if too_many := _limited(request, "invitation"):
        return too_many
    found = invitations.find(token)
    if found is None:
        return render(request, "accounts/link_over.html", {"what": "invitation"}, status=404)
    if isinstance(request.user, Person):
        return _accept(request, found, request.user)
    if welcoming.has_account(found.email) or _is_taken(found.login):
        return render(request, "accounts/invitation_sign_in.html", _shown(found))
    data = request.POST if request.method == "POST" else None
    form = NewAccount(data, email=found.email, carried=found.login, initial={"name": found.name})
    if data is not None and form.is_valid():
        answer = _join(request, found, form)
        if answer is not None:
            return answer
    status = 200 if data is None else 422
    return render(
        request,
        "accounts/invitation.html",
        {**_shown(found), "form": form, "elsewhere": _providers(request)},
        status=status,
    )


def _join(request: HttpRequest, found: Invitation, form: NewAccount) -> HttpResponseBase | None:
    """Make the account; None when the form has errors now."""
    elsewhere = request.POST.get("with", "")
    newcomer = Newcomer(
        form.login_name,
        str(form.cleaned_data.get("name", "")),
        str(form.cleaned_data.get("password") or "") or None,
    )
    if why := welcoming.objection_to(newcomer.login, desk().fleet(), carried=found.login):
        form.add_error("login" if "login" in form.fields else None, why)
        return None
    if elsewhere:
        return _go_elsewhere(request, found, newcomer, elsewhere)
    form.needs_password()
    if not form.is_valid() or form.errors:
        return None
    try:
        person = welcoming.welcome(request, found, newcomer)
    except HubfleetError as error:
        form.add_error(None, error.problems[0].why)
        return None
    messages.success(request, f"Welcome, {person}.")
    return enter(request, person)


def _go_elsewhere(
    request: HttpRequest, found: Invitation, newcomer: Newcomer, provider: str
) -> HttpResponseBase:
    try:
        chosen = get_social_adapter().get_provider(request, provider)
    except SocialApp.DoesNotExist:
        return render(request, "accounts/link_over.html", {"what": "button"}, status=404)
    welcoming.wait_elsewhere(request, found, newcomer)
    answer: HttpResponseBase = chosen.redirect(request, process="login", next_url="/")
    return by_a_page(request, answer)


def _accept(request: HttpRequest, found: Invitation, person: Person) -> HttpResponseBase:
    trouble = ""
    if request.method == "POST":
        try:
            welcoming.accept(request, found, person)
        except HubfleetError as error:
            trouble = f"{error.problems[0].what}: {error.problems[0].why}"
        else:
            messages.success(request, f"You may use {_where(found)} now.")
            return redirect("/")
    mine = welcoming.owns(person, found.email)
    values = {**_shown(found), "trouble": trouble, "mine": mine}
    return render(
        request, "accounts/invitation_accept.html", values, status=422 if trouble else 200
    )


@require_http_methods(["GET", "POST"])
@sensitive_post_parameters("password")
def first(request: HttpRequest, token: str) -> HttpResponseBase:
    """Make the first administrator."""
    if too_many := _limited(request, "first"):
        return too_many
    if not first_link.good(token):
        return render(request, "accounts/link_over.html", {"what": "link"}, status=404)
    data = request.POST if request.method == "POST" else None
    form = FirstAccount(data, email="")
    if data is not None and form.is_valid():
        form.needs_password()
        if not form.errors:
            newcomer = Newcomer(
                form.login_name, form.cleaned_data["name"], form.cleaned_data["password"]
            )
            try:
                person = welcoming.welcome_first(
                    request, token, newcomer, form.cleaned_data["email_address"]
                )
            except HubfleetError as error:
                form.add_error("login", error.problems[0].why)
            else:
                messages.success(request, f"Welcome, {person}. This service is yours to run.")
                return enter(request, person)
    representatives = _representatives()
    values = {"form": form, "representatives": representatives}
    return render(request, "accounts/first.html", values, status=200 if data is None else 422)


@require_GET
def by_invitation(request: HttpRequest) -> HttpResponse:
    """Where allauth would let anybody sign up."""
    return render(request, "account/signup_closed.html", status=403)


def enter(request: HttpRequest, person: Person) -> HttpResponseBase:
    """Sign the new account in. The session gets a new key, so that nobody shares it."""
    record_authentication(request, person, "password", username=person.login)
    answer: HttpResponseBase = perform_login(
        request, person, email_verification="none", redirect_url="/", signup=True
    )
    return answer


def _limited(request: HttpRequest, action: str) -> HttpResponse | None:
    allowed = ratelimit.consume(request, app="allauth.account", action=action, limit_get=True)
    if allowed:
        return None
    answer: HttpResponse = ratelimit.respond_429(request)
    return answer


def _shown(found: Invitation) -> dict[str, Any]:
    return {"invitation": found, "where": _where(found)}


def _where(found: Invitation) -> str:
    welcome = Welcome(found.community, found.hub)
    return invitations.place_in_words(welcome, desk().fleet())


def _is_taken(login: str) -> bool:
    return bool(login) and Person.objects.filter(login=login).exists()


def _providers(request: HttpRequest) -> list[dict[str, str]]:
    """Where people may sign in instead of choosing a password here."""
    found = get_social_adapter().list_providers(request)
    return [{"id": provider.sub_id, "name": provider.name} for provider in found]


def _representatives() -> list[str]:
    """Logins that the declaration names, as a hint for the first administrator."""
    fleet = desk().fleet()
    people = (p for c in fleet.communities.values() for p in c.file.representatives)
    return sorted({person.login for person in people if person.login})[:5]

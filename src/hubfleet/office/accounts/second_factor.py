"""The policy that the operator's people have a second factor: `service.console`'s say.

Who has one is asked for it at every sign-in by allauth. Here is the other half: staff without one
get no further than their own account, where they set one up, on pages and by tokens alike. What
the console shows to anybody (the public status) it shows to them too.
"""

from __future__ import annotations

from collections.abc import Callable

from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect

from hubfleet.fleet.console import staff_needs_second_factor
from hubfleet.office.accounts.models import Person, StaffRole
from hubfleet.office.ports import desk

Answer = Callable[[HttpRequest], HttpResponseBase]

WHY = (
    "the service wants a second factor of everybody with a staff role, and this account has none; "
    "add one on its own page first"
)
_FREE = ("/account/", "/static/", "/status/", "/healthz", "/readyz", "/metrics")
"""What staff reach without one."""
_FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
"""Recovery codes alone are none: they come with one of these."""


def lacks_second_factor(person: Person) -> bool:
    """Whether this person needs one and has none; one query where the policy holds."""
    service = desk().fleet().service
    if not staff_needs_second_factor(service.console, service.domain):
        return False
    factors = Authenticator.objects.filter(user=OuterRef("person"), type__in=_FACTORS)
    return StaffRole.objects.filter(person=person).exclude(Exists(factors)).exists()


def asked_of_staff(get_response: Answer) -> Answer:
    """The middleware: leads to the page where a second factor is added, and lets nothing else."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if request.path.startswith(_FREE):
            return get_response(request)
        person = request.user
        if not isinstance(person, Person) or not lacks_second_factor(person):
            return get_response(request)
        if request.method != "GET" or request.path.startswith("/api/"):
            raise PermissionDenied(WHY)
        messages.warning(
            request,
            "Your role needs a second factor: add an authenticator app or a passkey here, then go "
            "on. From then on you are asked for it whenever you sign in.",
        )
        return redirect("mfa_index")

    return middleware

"""What allauth tells of people's doings goes into the record, and on to who must end sessions."""

from __future__ import annotations

from typing import Any

from allauth.account import signals as account
from allauth.mfa import signals as factors
from allauth.socialaccount import signals as elsewhere
from django.contrib.auth.signals import user_logged_out, user_login_failed
from django.http import HttpRequest

from hubfleet.office.accounts.asking import actor_of, address_of
from hubfleet.office.accounts.models import Person
from hubfleet.office.accounts.signals import signed_out
from hubfleet.office.audit.record import Actor, record

_LISTENING = "hubfleet-accounts"


def listen() -> None:
    """Once, when the room is ready."""
    account.user_logged_in.connect(_signed_in, dispatch_uid=_LISTENING)
    user_logged_out.connect(_signed_out, dispatch_uid=_LISTENING)
    user_login_failed.connect(_failed, dispatch_uid=_LISTENING)
    account.password_changed.connect(_new_password, dispatch_uid=_LISTENING)
    account.password_set.connect(_new_password, dispatch_uid=_LISTENING)
    account.password_reset.connect(_new_password, dispatch_uid=_LISTENING)
    account.email_changed.connect(_new_email, dispatch_uid=_LISTENING)
    factors.authenticator_added.connect(_factor_added, dispatch_uid=_LISTENING)
    factors.authenticator_removed.connect(_factor_removed, dispatch_uid=_LISTENING)
    factors.authentication_failed.connect(_factor_failed, dispatch_uid=_LISTENING)
    elsewhere.social_account_added.connect(_connected, dispatch_uid=_LISTENING)
    elsewhere.social_account_removed.connect(_disconnected, dispatch_uid=_LISTENING)


def _actor(request: HttpRequest | None, person: Any) -> Actor:
    """Who it was, also before the request knows that they are signed in."""
    if not isinstance(person, Person):
        return actor_of(request) if request is not None else Actor("")
    address = address_of(request) if request is not None else None
    return Actor(person.login, str(person.pk), address, "console")


def _signed_in(request: HttpRequest, user: Person, **_more: Any) -> None:
    from allauth.account.internal.flows.login import get_authentication_records

    how = [
        one.get("provider") or one["method"] for one in get_authentication_records(request, user)
    ]
    record(_actor(request, user), "sign-in", details={"with": how})


def _signed_out(request: HttpRequest | None, user: Person | None, **_more: Any) -> None:
    if user is None:
        return
    record(_actor(request, user), "sign-out")
    signed_out.send(Person, person_id=str(user.pk), login=user.login, why="signed out")


def _failed(credentials: dict[str, Any], request: HttpRequest | None = None, **_more: Any) -> None:
    tried = str(credentials.get("username") or credentials.get("email") or "")
    # What was typed may be a password in the wrong field: only a known login is written down.
    known = Person.objects.filter(login=tried.strip().lower()).values_list("login", flat=True)
    address = address_of(request) if request is not None else None
    record(
        Actor("", address=address, through="console"),
        "sign-in",
        outcome="refused",
        what="a wrong password or an unknown login",
        details={"login": next(iter(known), "")},
    )


def _new_password(request: HttpRequest, user: Person, **_more: Any) -> None:
    record(_actor(request, user), "change-password", what="all other sessions ended")
    signed_out.send(Person, person_id=str(user.pk), login=user.login, why="a new password")


def _new_email(request: HttpRequest, user: Person, to_email_address: Any, **_more: Any) -> None:
    record(_actor(request, user), "change-email", details={"email": str(to_email_address.email)})


def _factor_added(request: HttpRequest, user: Person, authenticator: Any, **_more: Any) -> None:
    record(_actor(request, user), "add-second-factor", details={"kind": authenticator.type})


def _factor_removed(request: HttpRequest, user: Person, authenticator: Any, **_more: Any) -> None:
    record(_actor(request, user), "remove-second-factor", details={"kind": authenticator.type})


def _factor_failed(request: HttpRequest, user: Any, **_more: Any) -> None:
    record(_actor(request, user), "sign-in", outcome="refused", what="a wrong second factor")


def _connected(request: HttpRequest, sociallogin: Any, **_more: Any) -> None:
    details = {"provider": sociallogin.account.provider}
    record(_actor(request, sociallogin.user), "connect-account", details=details)


def _disconnected(request: HttpRequest, socialaccount: Any, **_more: Any) -> None:
    details = {"provider": socialaccount.provider}
    record(_actor(request, socialaccount.user), "disconnect-account", details=details)

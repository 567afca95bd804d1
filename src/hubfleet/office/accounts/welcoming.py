"""Making an account for whoever holds an invitation or the first administrator's link.

The account gets the invited address, already verified: only who reads that mail has the link. The
login is the one that the invitation carries, else one that the person chose and nobody reserved.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from allauth.account.models import EmailAddress
from django.db import IntegrityError, transaction
from django.http import HttpRequest

from hubfleet.fleet.model import Fleet
from hubfleet.kit.errors import failure
from hubfleet.office.accounts import first_link, invitations
from hubfleet.office.accounts.asking import address_of
from hubfleet.office.accounts.logins import (
    WHAT_IS_TAKEN,
    declared_addresses,
    may_be_chosen,
    may_be_given,
    one_spelling,
    reserved,
)
from hubfleet.office.accounts.models import Invitation, Person
from hubfleet.office.accounts.people import by_login, standing
from hubfleet.office.audit.record import Actor
from hubfleet.office.ports import desk

STASH = "hubfleet-invitation"
"""The session's key for what waits while somebody signs in elsewhere."""


@dataclass(frozen=True, slots=True)
class Newcomer:
    """What the person says about themselves."""

    login: str
    name: str = ""
    password: str | None = None


def objection_to(login: str, fleet: Fleet, *, carried: str = "") -> str:
    """Why this cannot be the new account's login; empty when it can. `carried`: the invitation's.

    That a login is reserved and that it is taken look alike from outside.
    """
    if carried:
        if login != carried:
            return f"this invitation makes the login {carried}"
    elif not may_be_chosen(login):
        return f"choose {WHAT_IS_TAKEN}"
    elif login in reserved(fleet):
        return "this login is taken; choose another one"
    if Person.objects.filter(login=login).exists():
        return "this login is taken; choose another one"
    return ""


def has_account(email: str) -> bool:
    """Whether somebody owns this address here."""
    return bool(EmailAddress.objects.filter(email__iexact=email, verified=True).exists())


def owns(person: Person, email: str) -> bool:
    """Whether the address was shown to be this person's."""
    mine = EmailAddress.objects.filter(user=person, email__iexact=email, verified=True)
    return bool(mine.exists())


@transaction.atomic
def welcome(request: HttpRequest, invitation: Invitation, newcomer: Newcomer) -> Person:
    """Make the account and use the invitation; raises `login-refused` or `invitation-over`."""
    login = one_spelling(newcomer.login)
    if why := objection_to(login, desk().fleet(), carried=invitation.login):
        raise _refused(login, why)
    if invitation.login and (why := _named_meanwhile(invitation, desk().fleet())):
        raise _refused(login, why)
    if has_account(invitation.email):
        raise failure(
            "address-has-account",
            f"there is an account with the address {invitation.email} already",
            why="an invitation is for the person who reads that mail",
            hint="sign in to that account, then open the link again",
        )
    person = _make(login, newcomer, invitation.email)
    invitations.use(invitation, person, _actor(request, person))
    return person


@transaction.atomic
def welcome_first(request: HttpRequest, token: str, newcomer: Newcomer, email: str) -> Person:
    """Make the first administrator; raises `login-refused` or `first-link-over`.

    The declaration's logins are open to whoever runs the service, and the address is believed.
    """
    login = one_spelling(newcomer.login)
    if not may_be_given(login):
        raise _refused(login, f"choose {WHAT_IS_TAKEN}")
    if Person.objects.filter(login=login).exists():
        raise _refused(login, "this login is taken; choose another one")
    person = _make(login, newcomer, email.lower())
    first_link.use(token, person, _actor(request, person))
    return person


@transaction.atomic
def accept(request: HttpRequest, invitation: Invitation, person: Person) -> None:
    """Use an invitation for an account that exists; raises `invitation-of-another`."""
    if not owns(person, invitation.email):
        raise failure(
            "invitation-of-another",
            f"this invitation is for {invitation.email}",
            why=f"the account {person.login} does not have this address",
            hint="sign out and open the link again, or ask for an invitation to your own address",
        )
    if invitation.login and invitation.login != person.login:
        raise failure(
            "invitation-of-another",
            f"this invitation is for the login {invitation.login}",
            why=f"you are {person.login}",
            hint="ask for an invitation without a login",
        )
    invitations.use(invitation, person, _actor(request, person))


def wait_elsewhere(request: HttpRequest, invitation: Invitation, newcomer: Newcomer) -> None:
    """Remember an invitation while its holder signs in elsewhere."""
    request.session[STASH] = {
        "invitation": str(invitation.pk),
        "login": one_spelling(newcomer.login),
        "name": newcomer.name,
    }


def waiting(request: HttpRequest) -> tuple[Invitation, Newcomer] | None:
    """The invitation that waits in this session, when it is still good."""
    kept = request.session.get(STASH)
    if not isinstance(kept, dict):
        return None
    found = invitations.standing_invitations().filter(pk=str(kept["invitation"])).first()
    if found is None:
        return None
    return found, Newcomer(str(kept.get("login", "")), str(kept.get("name", "")))


@transaction.atomic
def welcome_from_elsewhere(request: HttpRequest, sociallogin: Any) -> Person:
    """Make the account of the waiting invitation and connect the account elsewhere to it."""
    kept = waiting(request)
    if kept is None:
        raise failure(
            "invitation-over",
            "this invitation was used, withdrawn, or has expired",
            why="an invitation works once, for two weeks",
            hint="ask the person who invited you for another one",
        )
    invitation, newcomer = kept
    request.session.pop(STASH, None)
    person = welcome(request, invitation, newcomer)
    sociallogin.user = person
    sociallogin.account.user = person
    sociallogin.account.save()
    return person


def _named_meanwhile(invitation: Invitation, fleet: Fleet) -> str:
    """Why the login that it carries means more by now than when it was made; else empty."""
    login = invitation.login
    addresses = declared_addresses(login, fleet)
    others = reserved(fleet).get(login, frozenset()) - {invitation.community}
    inviter = standing(by_login(invitation.invited_by), fleet)
    if addresses and invitation.email not in addresses:
        return f"the declaration gives {login} another address; ask for another invitation"
    if others and not inviter.staff and not others <= inviter.representative_of:
        return f"the declaration reserves {login} by now; ask for another invitation"
    return ""


def _make(login: str, newcomer: Newcomer, email: str) -> Person:
    try:
        with transaction.atomic():
            person = Person.objects.create_user(
                login, email, newcomer.password, name=newcomer.name.strip()
            )
    except IntegrityError:
        # Somebody was quicker by a blink.
        raise _refused(login, "this login is taken; choose another one") from None
    EmailAddress.objects.create(user=person, email=email, primary=True, verified=True)
    return person


def _refused(login: str, why: str) -> Exception:
    return failure(
        "login-refused",
        f"`{login}` cannot be your login",
        why=why,
        hint="a login is your user name on all hubs and is never changed",
    )


def _actor(request: HttpRequest, person: Person) -> Actor:
    return Actor(person.login, str(person.pk), address_of(request), "console")

"""Signing in from a terminal (RFC 8628): the program shows a code, the person agrees in a browser.

What protects people here: the page names what asks and for which scopes, and says that nobody who
calls or writes to you should have sent you there; codes are short-lived, single-use and few.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from django.db import IntegrityError, transaction

from hubfleet.kit.clock import now
from hubfleet.kit.errors import failure
from hubfleet.office.accounts.models import Person
from hubfleet.office.accounts.people import by_id
from hubfleet.office.api import tokens
from hubfleet.office.api.models import DeviceRequest
from hubfleet.office.api.scopes import Scope
from hubfleet.office.audit.record import Actor, record

LASTS = timedelta(minutes=10)
TOKEN_LASTS = timedelta(days=30)
INTERVAL = 2
"""Seconds that a program waits between two questions."""
MOST_WAITING = 1000
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
"""No vowels, so that no code is a word; no Y, which some keyboards put elsewhere."""

Trouble = Literal["authorization_pending", "slow_down", "access_denied", "expired_token"]


@dataclass(frozen=True, slots=True)
class Begun:
    """What the program is told."""

    device_code: str
    user_code: str
    expires_at: datetime


def begin(client: str, scopes: list[Scope], address: str | None) -> Begun:
    """Raises `too-many-sign-ins` while very many wait."""
    at = now()
    DeviceRequest.objects.filter(expires_at__lt=at - timedelta(days=1)).delete()
    waiting = DeviceRequest.objects.filter(expires_at__gt=at, used=False, refused=False)
    if waiting.count() >= MOST_WAITING or waiting.filter(address=address).count() >= 20:
        raise failure(
            "too-many-sign-ins",
            "too many programs wait to be signed in",
            why="Codes are kept few, so that none can be guessed.",
            hint="finish one of them, or wait ten minutes",
        )
    code = secrets.token_urlsafe(32)
    for _ in range(5):
        letters = "".join(secrets.choice(_LETTERS) for _ in range(8))
        try:
            with transaction.atomic():
                made = DeviceRequest.objects.create(
                    digest=tokens.digest(code),
                    user_code=f"{letters[:4]}-{letters[4:]}",
                    client=client[:100],
                    scopes=[scope.value for scope in scopes],
                    address=address,
                    made_at=at,
                    expires_at=at + LASTS,
                )
        except IntegrityError:
            continue
        return Begun(code, made.user_code, made.expires_at)
    raise failure("too-many-sign-ins", "no code is free", hint="wait a minute and try again")


def find(user_code: str) -> DeviceRequest | None:
    """The request that waits for this code, however somebody typed it."""
    letters = "".join(c for c in user_code.upper() if c in _LETTERS)[:9]
    return DeviceRequest.objects.filter(
        user_code=f"{letters[:4]}-{letters[4:]}",
        expires_at__gt=now(),
        person="",
        refused=False,
        used=False,
    ).first()


@transaction.atomic
def answer(actor: Actor, person: Person, request: DeviceRequest, *, agreed: bool) -> bool:
    """Agree or refuse; False when somebody was quicker."""
    waiting = DeviceRequest.objects.filter(pk=request.pk, person="", refused=False, used=False)
    if agreed:
        changed = waiting.update(person=str(person.pk), login=person.login)
    else:
        changed = waiting.update(refused=True)
    if changed:
        word = "agreed to" if agreed else "refused"
        what = f"{person.login} {word} a sign-in of {request.client}"
        record(actor, "sign-in-device", what=what, outcome="done" if agreed else "refused")
    return bool(changed)


@transaction.atomic
def collect(device_code: str) -> str | Trouble:
    """The text of the token, once; else why there is none."""
    request = (
        DeviceRequest.objects.select_for_update().filter(digest=tokens.digest(device_code)).first()
    )
    at = now()
    if request is None or request.used or request.expires_at <= at:
        return "expired_token"
    if request.refused:
        return "access_denied"
    if not request.person:
        asked, request.asked_at = request.asked_at, at
        request.save(update_fields=["asked_at"])
        early = asked is not None and (at - asked).total_seconds() < INTERVAL / 2
        return "slow_down" if early else "authorization_pending"
    # Only one question gets the token, whatever the database lets through at once.
    if not DeviceRequest.objects.filter(pk=request.pk, used=False).update(used=True):
        return "expired_token"
    person = by_id(request.person)
    if person is None or not person.is_active:
        return "access_denied"
    actor = Actor(person.login, str(person.pk), request.address, "api")
    scopes = [Scope(name) for name in request.scopes]
    return tokens.issue(actor, person, request.client, scopes, TOKEN_LASTS)[1]

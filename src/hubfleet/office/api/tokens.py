"""Making, finding and revoking tokens. The text of a token is shown once and stored nowhere."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable
from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet

from hubfleet.kit.clock import now
from hubfleet.kit.errors import failure
from hubfleet.office.accounts.models import Person
from hubfleet.office.accounts.people import by_id
from hubfleet.office.api.models import Token
from hubfleet.office.api.scopes import Scope
from hubfleet.office.audit.record import Actor, record

PREFIX = "hft_"
"""So that scanners for leaked secrets recognise one."""
LONGEST = timedelta(days=366)
MOST = 50
_TOKEN = re.compile(r"hft_[A-Za-z0-9_-]{43}")


def digest(text: str) -> str:
    """What is stored; tokens are random, so a plain hash is enough."""
    return hashlib.sha256(text.encode()).hexdigest()


@transaction.atomic
def issue(
    actor: Actor, person: Person, name: str, scopes: Iterable[Scope], lasts: timedelta
) -> tuple[Token, str]:
    """A new token and its text, which cannot be shown again."""
    if mine(person).count() >= MOST:
        raise failure(
            "too-many-tokens",
            f"{person.login} has {MOST} tokens already",
            why="Tokens that nobody remembers are a danger.",
            hint="revoke some on the page of tokens first",
        )
    text = PREFIX + secrets.token_urlsafe(32)
    at = now()
    token = Token.objects.create(
        digest=digest(text),
        person=str(person.pk),
        login=person.login,
        name=name[:100],
        scopes=sorted(scope.value for scope in scopes),
        made_at=at,
        expires_at=at + min(lasts, LONGEST),
    )
    what = f"the token {token.name} was made, for {', '.join(token.scopes)}"
    record(actor, "make-token", what=what, details={"token": str(token.pk)})
    return token, text


def find(text: str) -> tuple[Token, Person] | None:
    """The token that is good now, and its person, whose account must be open."""
    if not _TOKEN.fullmatch(text):
        return None
    at = now()
    token = Token.objects.filter(digest=digest(text), revoked_at=None, expires_at__gt=at).first()
    person = by_id(token.person) if token else None
    if token is None or person is None or not person.is_active:
        return None
    if token.used_at is None or at - token.used_at > timedelta(minutes=1):
        # Not at each request: reading must not write.
        Token.objects.filter(pk=token.pk).update(used_at=at)
    return token, person


def mine(person: Person) -> QuerySet[Token]:
    """Those that are good now."""
    return Token.objects.filter(person=str(person.pk), revoked_at=None, expires_at__gt=now())


@transaction.atomic
def revoke(actor: Actor, token: Token) -> bool:
    """Whether it was still good."""
    ended = Token.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=now())
    if ended:
        what = f"the token {token.name} of {token.login} was revoked"
        record(actor, "revoke-token", what=what, details={"token": str(token.pk)})
    return bool(ended)


@transaction.atomic
def revoke_all(actor: Actor, person_id: str) -> int:
    """All of a person's, when the account is closed; how many."""
    found = list(Token.objects.filter(person=person_id, revoked_at=None))
    return sum(revoke(actor, token) for token in found)

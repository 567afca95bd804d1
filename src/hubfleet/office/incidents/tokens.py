"""The token that an Alertmanager shows. Its text is shown once and stored nowhere."""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import timedelta

from django.db import transaction

from hubfleet.kit.clock import now
from hubfleet.office.audit.record import Actor, record
from hubfleet.office.incidents.models import AlertToken

PREFIX = "hfa_"
"""So that scanners for leaked secrets recognise one."""
_TOKEN = re.compile(r"hfa_[A-Za-z0-9_-]{43}")


def _digest(text: str) -> str:
    # Tokens are random, so a plain hash is enough.
    return hashlib.sha256(text.encode()).hexdigest()


@transaction.atomic
def make(actor: Actor, *, revoke_others: bool = False) -> str:
    """The text of a new token, which cannot be shown again."""
    at = now()
    if revoke_others:
        AlertToken.objects.filter(revoked_at=None).update(revoked_at=at)
    text = PREFIX + secrets.token_urlsafe(32)
    AlertToken.objects.create(digest=_digest(text), made_at=at, made_by=actor.login)
    what = "a token for Alertmanager was made"
    record(actor, "alert-token", what=what + (", and others revoked" if revoke_others else ""))
    return text


def good(text: str) -> bool:
    """Whether somebody who shows this may tell of alerts."""
    if not _TOKEN.fullmatch(text):
        return False
    at = now()
    token = AlertToken.objects.filter(digest=_digest(text), revoked_at=None).first()
    if token is None:
        return False
    if token.used_at is None or at - token.used_at > timedelta(minutes=1):
        AlertToken.objects.filter(pk=token.pk).update(used_at=at)
    return True

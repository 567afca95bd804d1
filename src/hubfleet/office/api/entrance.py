"""Who asks: a token with the scope, or a session whose page sent the CSRF token along."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from ninja.security import APIKeyCookie, HttpBearer

from hubfleet.office.accounts.models import Person
from hubfleet.office.accounts.second_factor import WHY, lacks_second_factor
from hubfleet.office.api import tokens
from hubfleet.office.api.scopes import WORDS, Scope


class WrongScope(Exception):  # noqa: N818 (what it is, for the handler)
    """The token is good, but not for this."""

    def __init__(self, needed: Scope) -> None:
        super().__init__(f"this token may not {WORDS[needed]}: it lacks the scope `{needed}`")


class ByToken(HttpBearer):
    """`Authorization: Bearer hft_...`."""

    def __init__(self, scope: Scope) -> None:
        super().__init__()
        self._scope = scope

    def authenticate(self, request: HttpRequest, token: str) -> Person | None:
        found = tokens.find(token)
        if found is None:
            return None
        kept, person = found
        request.user = person
        # A standing that was read for a session would be another person's.
        request.__dict__.pop("hubfleet_standing", None)
        request.hubfleet_scopes = kept.scopes  # type: ignore[attr-defined]
        if self._scope.value not in kept.scopes:
            raise WrongScope(self._scope)
        if lacks_second_factor(person):
            raise PermissionDenied(WHY)
        return person


class BySession(APIKeyCookie):
    """The console's own pages. Ninja asks for the CSRF token of whoever changes something."""

    def __init__(self) -> None:
        self.param_name = settings.SESSION_COOKIE_NAME
        super().__init__(csrf=True)

    def __call__(self, request: HttpRequest) -> Any:
        if request.headers.get("Authorization"):
            # Whoever shows a token is asked by it alone: a bad one must not fall back on cookies.
            return None
        return super().__call__(request)

    def authenticate(self, request: HttpRequest, key: str | None) -> Person | None:
        person = request.user
        return person if isinstance(person, Person) and person.is_active else None


def needs(scope: Scope) -> list[Any]:
    """For an operation's `auth`."""
    return [ByToken(scope), BySession()]

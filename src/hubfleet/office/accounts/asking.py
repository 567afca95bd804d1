"""The web's shell around the rights: who asks, from where, and what a refusal looks like.

Every view calls `require`; templates show buttons by `ask`. A hidden target answers 404 and a
refused act 403 with those who could do it; both are audited.
"""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import get_adapter
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest

from hubfleet.fleet.model import Fleet
from hubfleet.office.accounts.models import Person
from hubfleet.office.accounts.people import standing
from hubfleet.office.accounts.rights import Action, Decision, Standing, decide
from hubfleet.office.audit.record import Actor, Outcome, record
from hubfleet.office.ports import desk


class Refused(PermissionDenied):
    """An act that the person may not do; the 403 page shows `why` and `who_could`."""

    def __init__(self, decision: Decision) -> None:
        super().__init__(decision.why)
        self.decision = decision
        self.who_could = decision.who_could


def actor_of(request: HttpRequest) -> Actor:
    """Who asks, for the record. An anonymous visitor has an empty login."""
    user: Any = getattr(request, "user", None)
    known = isinstance(user, Person)
    return Actor(
        login=user.login if known else "",
        id=str(user.pk) if known else "",
        address=address_of(request),
        through="api" if request.path.startswith("/api/") else "console",
    )


def address_of(request: HttpRequest) -> str | None:
    """The client's address, past our own proxies."""
    try:
        return str(get_adapter().get_client_ip(request))
    except PermissionDenied:
        return None


def standing_here(request: HttpRequest, fleet: Fleet | None = None) -> Standing:
    """What the visitor is, read once for each request."""
    kept = getattr(request, "hubfleet_standing", None)
    if isinstance(kept, Standing):
        return kept
    found = standing(request.user, fleet or desk().fleet())
    request.hubfleet_standing = found  # type: ignore[attr-defined]
    return found


def ask(request: HttpRequest, action: Action, target: str = "", *, emergency: str = "") -> Decision:
    """The decision, without consequences."""
    fleet = desk().fleet()
    return decide(standing_here(request, fleet), action, target, fleet, emergency=emergency)


def require(
    request: HttpRequest, action: Action, target: str = "", *, emergency: str = ""
) -> Decision:
    """The decision when it allows the act; raises `Http404` for what is hidden, else `Refused`."""
    decision = ask(request, action, target, emergency=emergency)
    if decision.allowed:
        if decision.emergency:
            what = f"in an emergency: {emergency.strip()}"
            note(request, action, target, "done", what)
        return decision
    outcome: Outcome = "hidden" if decision.hidden else "refused"
    note(request, action, target, outcome, decision.why)
    if decision.hidden:
        raise Http404
    raise Refused(decision)


def note(
    request: HttpRequest,
    action: Action | str,
    target: str = "",
    outcome: Outcome = "done",
    what: str = "",
    **details: Any,
) -> None:
    """One entry in the record about what this request did or tried."""
    community, slash, _ = target.partition("/")
    record(
        actor_of(request),
        str(action),
        community=community,
        hub=target if slash else "",
        outcome=outcome,
        what=what,
        details=details,
    )

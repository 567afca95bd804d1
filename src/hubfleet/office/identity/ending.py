"""Ending access, and not giving up before it is ended.

A visit is looked at when somebody says that less is allowed (`access_narrowed`), and all of them
from time to time: a day may be over, an admin may have been taken out by a commit. Who may no
longer enter loses codes and tokens at once, so that the hub refuses at its next question; then the
hub is asked to delete its record of the person, which ends sessions and servers. That is tried
until it is done. Files stay.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from django.db import transaction
from oauth2_provider.models import AccessToken, Grant, IDToken, RefreshToken, clear_expired

from hubfleet.kit.clock import now
from hubfleet.kit.errors import HubfleetError
from hubfleet.office.accounts import leaving
from hubfleet.office.accounts.models import Person
from hubfleet.office.accounts.people import day_of
from hubfleet.office.accounts.signals import access_narrowed, signed_out
from hubfleet.office.audit.record import Actor, record
from hubfleet.office.identity import clients
from hubfleet.office.identity.entering import accesses_of
from hubfleet.office.identity.hub_calls import NotDoneError, delete_person
from hubfleet.office.identity.models import Visit
from hubfleet.office.ports import HubApi, desk

log = logging.getLogger("hubfleet.console")

EVERYBODY = 15.0
"""Seconds between two looks at every visit."""
_TIDY = 3600.0
_AT_ONCE = 8
_LONGEST_PAUSE = 30.0
_UNKNOWN = Actor()
_NOBODY_TO_ASK = "unknown-hub"

_last: dict[str, float] = {}


def listen() -> None:
    """Once, when the room is ready."""
    access_narrowed.connect(_narrowed, dispatch_uid="hubfleet-identity")
    signed_out.connect(_signed_out, dispatch_uid="hubfleet-identity")


def note_visit(person: Person, hub: str) -> None:
    """Somebody is about to get a code for the hub."""
    fresh = {"login": person.login, "state": Visit.OPEN, "since": now(), "tries": 0, "trouble": ""}
    Visit.objects.update_or_create(person=str(person.pk), hub=hub, defaults=fresh)


def forget_tokens(person: str, hub: str | None = None) -> None:
    """Codes and tokens of a person (a UUID), of one hub or of all, are worthless from here on."""
    for kind in (Grant, RefreshToken, AccessToken, IDToken):
        rows = kind.objects.filter(user_id=person)
        if hub is not None:
            rows = rows.filter(application__client_id=hub)
        rows.delete()


def _narrowed(person_id: str, hubs: Sequence[str], everything: bool = False, **_more: Any) -> None:
    visits = Visit.objects.filter(person=person_id, state=Visit.OPEN)
    if not everything:
        visits = visits.filter(hub__in=list(hubs))
    visits.update(state=Visit.DOUBTED, next_try_at=now())


def _signed_out(person_id: str, **_more: Any) -> None:
    """Hubs ask about their people every few seconds, and hear that nobody is known any more.

    Servers go on: what was begun is finished.
    """
    forget_tokens(person_id)


def work() -> None:
    """What is due: look at doubted visits, at all of them from time to time, end what must end."""
    if _is_due("everybody", EVERYBODY):
        fleet = desk().fleet()
        leaving.expire(fleet, day_of(fleet))
        look(Visit.OPEN)
        look(Visit.ENDING)
    look(Visit.DOUBTED)
    end_due()
    if _is_due("tidy", _TIDY):
        clear_expired()


def _is_due(what: str, every: float) -> bool:
    if what in _last and time.monotonic() - _last[what] < every:
        return False
    _last[what] = time.monotonic()
    return True


def look(state: str) -> None:
    """Decide about all visits in this state."""
    visits = list(Visit.objects.filter(state=state))
    if not visits:
        return
    people = {str(p.pk): p for p in Person.objects.filter(pk__in={v.person for v in visits})}
    known = [visit for visit in visits if visit.person in people]
    wanted = [(people[visit.person], visit.hub) for visit in known]
    accesses = accesses_of(list(people.values()), wanted)
    for visit, access in zip(known, accesses, strict=True):
        if not access.allowed:
            begin_end(visit, access.why)
        elif visit.state != Visit.OPEN:
            # Taken back, or only a group was lost, which the hub hears of when it asks again.
            Visit.objects.filter(pk=visit.pk).update(state=Visit.OPEN, tries=0, trouble="")
    for visit in visits:
        if visit.person not in people:
            begin_end(visit, "the account is gone")


def begin_end(visit: Visit, why: str) -> None:
    """From here on it is going to end, whatever happens to this process."""
    if visit.state == Visit.ENDING:
        return
    with transaction.atomic():
        forget_tokens(visit.person, visit.hub)
        Visit.objects.filter(pk=visit.pk).update(
            state=Visit.ENDING, why=why[:200], asked_at=now(), next_try_at=now(), tries=0
        )


def end_due() -> None:
    """Ask the hubs, several at once; what did not work is tried again later."""
    due = list(Visit.objects.filter(state=Visit.ENDING, next_try_at__lte=now()))
    if not due:
        return
    # Threads speak to hubs only: the database is this thread's business.
    calls = [(visit, _way_to(visit.hub)) for visit in due]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        troubles = pool.map(lambda call: _ended(call[0].login, call[1]), calls)
        for (visit, _), trouble in zip(calls, troubles, strict=True):
            _done(visit) if trouble is None else _try_later(visit, trouble)


def _way_to(hub: str) -> HubApi | str | None:
    """None where there is nobody to ask, a text where the hub cannot be reached now."""
    if hub not in desk().fleet().hubs:
        return None
    try:
        return desk().hub_api(hub)
    except HubfleetError as error:
        first = error.problems[0]
        return None if first.code == _NOBODY_TO_ASK else first.what


def _ended(login: str, way: HubApi | str | None) -> str | None:
    """Why it is not ended; None when it is."""
    if way is None:
        return None
    if isinstance(way, str):
        return way
    try:
        delete_person(way, login)
    except NotDoneError as error:
        return str(error)
    return None


def _done(visit: Visit) -> None:
    with transaction.atomic():
        # Nobody who came back meanwhile is forgotten.
        if Visit.objects.filter(pk=visit.pk, state=Visit.ENDING).delete()[0]:
            what = f"{visit.login}: sessions and servers ended ({visit.why})"
            record(_UNKNOWN, "end-access", hub=visit.hub, what=what)


def _try_later(visit: Visit, trouble: str) -> None:
    pause = min(2.0 * 2 ** min(visit.tries, 10), _LONGEST_PAUSE)
    Visit.objects.filter(pk=visit.pk, state=Visit.ENDING).update(
        tries=visit.tries + 1, next_try_at=now() + timedelta(seconds=pause), trouble=trouble[:300]
    )
    # A server that needs a moment to stop is no news.
    if visit.tries == 1:
        log.warning("%s at %s could not be ended, tried again: %s", visit.login, visit.hub, trouble)


def revoke_client(hub: str) -> None:
    """Nobody is signed in to the hub any more, and nobody who was stays known."""
    clients.keys().revoke(hub)
    forget_client(hub)


def forget_client(hub: str) -> None:
    """All codes and tokens of a hub are worthless from here on."""
    for kind in (Grant, RefreshToken, AccessToken, IDToken):
        kind.objects.filter(application__client_id=hub).delete()

"""Whether a person may enter a hub now, from the tables and the declaration."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings

from hubfleet.office.accounts.membership import HubAccess, hub_access
from hubfleet.office.accounts.models import Person
from hubfleet.office.accounts.people import day_of, facts_of_all
from hubfleet.office.ports import desk


def access_of(person: Person, hub: str) -> HubAccess:
    """What the person is on the hub; asked at every sign-in and every refresh."""
    return accesses_of([person], [(person, hub)])[0]


def accesses_of(people: Sequence[Person], wanted: Sequence[tuple[Person, str]]) -> list[HubAccess]:
    """The same for many at once; `people` are those in `wanted`, each once."""
    fleet = desk().fleet()
    day = day_of(fleet)
    facts = {fact.id: fact for fact in facts_of_all(people)}
    return [hub_access(facts[str(person.pk)], hub, fleet, day) for person, hub in wanted]


def claims_of(person: Person, access: HubAccess) -> dict[str, object]:
    """What a hub is told; groups are those of this hub only."""
    return {
        "sub": str(person.pk),
        "preferred_username": person.login,
        "name": person.name or person.login,
        "groups": sorted(access.groups),
    }


def issuer() -> str:
    """How the provider calls itself; never taken from what a request says."""
    return f"{settings.CONSOLE_ADDRESS}/identity"

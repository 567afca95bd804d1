"""Reading what is known of people: facts for the rights, standings for pages, lists for forms.

The number of queries does not depend on the number of people.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from allauth.account.models import EmailAddress
from django.db import connection
from django.db.models import Q, QuerySet, prefetch_related_objects

from hubfleet.fleet.model import Fleet
from hubfleet.kit.clock import today
from hubfleet.office.accounts.facts import (
    CommunityRole,
    MembershipFact,
    PersonFacts,
    StaffRole,
)
from hubfleet.office.accounts.logins import one_spelling
from hubfleet.office.accounts.models import Person
from hubfleet.office.accounts.rights import Standing, standing_of

_NOBODY = Standing()
_MANY = 500
"""From here on reading all addresses is quicker than naming those wanted."""


def facts_of(person: Person) -> PersonFacts:
    """One person's facts in one query: every request of somebody who is signed in asks it."""
    key = Person._meta.pk.get_db_prep_value(person.pk, connection, prepared=False)
    with connection.cursor() as cursor:
        cursor.execute(_ALL_OF_ONE, [key] * 5)
        rows = cursor.fetchall()
    by_kind: dict[str, list[tuple[str, str, str | None]]] = {kind: [] for kind in _KINDS}
    for kind, one, other, until in rows:
        by_kind[kind].append((one, other, until))
    return _made(
        person,
        emails=[one for one, _, _ in by_kind["email"]],
        staff=[one for one, _, _ in by_kind["staff"]],
        community_roles=[(one, other) for one, other, _ in by_kind["role"]],
        memberships=[
            MembershipFact(one, other, date.fromisoformat(until) if until else None)
            for one, other, until in by_kind["member"]
        ],
        groups=[(one, other) for one, other, _ in by_kind["group"]],
    )


_KINDS = ("staff", "role", "member", "group", "email")
_ALL_OF_ONE = """
SELECT 'staff', role, '', '' FROM accounts_staffrole WHERE person_id = %s
UNION ALL
SELECT 'role', community, role, '' FROM accounts_communityrole WHERE person_id = %s
UNION ALL
SELECT 'member', community, hub, COALESCE(CAST(until AS TEXT), '') FROM accounts_membership
WHERE person_id = %s
UNION ALL
SELECT 'group', community, name, '' FROM accounts_group
JOIN accounts_group_people ON group_id = accounts_group.id WHERE person_id = %s
UNION ALL
SELECT 'email', email, '', '' FROM account_emailaddress WHERE verified AND user_id = %s
"""


def facts_of_all(people: Sequence[Person]) -> list[PersonFacts]:
    """The same for many, five queries in all."""
    if not people:
        return []
    people = list(people)
    prefetch_related_objects(
        people, "staff_roles", "community_roles", "memberships", "community_groups"
    )
    emails = _verified(people)
    return [_facts(person, emails.get(person.pk, frozenset())) for person in people]


def everybody(*, also_closed: bool = False) -> list[PersonFacts]:
    """All accounts, in the order of their logins."""
    found = Person.objects.filter(erased_at=None).order_by("login")
    if not also_closed:
        found = found.filter(is_active=True)
    return facts_of_all(list(found))


def _verified(people: list[Person]) -> dict[Any, frozenset[str]]:
    """By account, the addresses that it has shown to be its own, lower case."""
    rows = EmailAddress.objects.filter(verified=True)
    if len(people) < _MANY:
        rows = rows.filter(user__in=people)
    emails: dict[Any, set[str]] = {}
    for user, email in rows.values_list("user_id", "email"):
        emails.setdefault(user, set()).add(email.lower())
    return {user: frozenset(found) for user, found in emails.items()}


def _facts(person: Person, emails: Iterable[str]) -> PersonFacts:
    return _made(
        person,
        emails=emails,
        staff=[row.role for row in person.staff_roles.all()],
        community_roles=[(row.community, row.role) for row in person.community_roles.all()],
        memberships=[
            MembershipFact(row.community, row.hub, row.until) for row in person.memberships.all()
        ],
        groups=[(row.community, row.name) for row in person.community_groups.all()],
    )


def _made(
    person: Person,
    *,
    emails: Iterable[str],
    staff: Iterable[str],
    community_roles: Iterable[tuple[str, str]],
    memberships: Iterable[MembershipFact],
    groups: Iterable[tuple[str, str]],
) -> PersonFacts:
    return PersonFacts(
        id=str(person.pk),
        login=person.login,
        name=person.name,
        email=person.email,
        emails=frozenset(email.lower() for email in emails),
        active=person.is_active,
        staff=frozenset(_known(StaffRole, staff)),
        community_roles=frozenset(
            (community, role)
            for community, name in community_roles
            for role in _known(CommunityRole, [name])
        ),
        memberships=tuple(sorted(memberships, key=lambda one: (one.community, one.hub))),
        groups=frozenset(groups),
    )


def _known(kind: Any, names: Iterable[str]) -> list[Any]:
    """A role that a later version wrote means nothing to this one."""
    return [kind(name) for name in names if name in set(kind)]


def standing(person: Any, fleet: Fleet) -> Standing:
    """What somebody is now; `person` may be Django's anonymous user."""
    if not isinstance(person, Person) or not person.is_active:
        return _NOBODY
    asked = (facts_of(person), day_of(fleet))
    known = _standings.get("known")
    if known is None or known[0] is not fleet or len(known[1]) > _MANY:
        known = _standings["known"] = (fleet, {})
    if asked not in known[1]:
        known[1][asked] = standing_of(asked[0], fleet, asked[1])
    return known[1][asked]


_standings: dict[str, tuple[Fleet, dict[tuple[PersonFacts, date], Standing]]] = {}
"""What was worked out for this very fleet. The facts are part of the question and are read from the
tables each time, so that a right that is taken away is gone with the next request.
"""


def day_of(fleet: Fleet) -> date:
    """Today in the service's time zone."""
    return today(fleet.service.timezone)


def by_login(login: str) -> Person | None:
    """The account with that login, also a closed one."""
    return Person.objects.filter(login=one_spelling(login)).first()


def by_id(person_id: str) -> Person | None:
    """The account with that UUID."""
    try:
        key = uuid.UUID(person_id)
    except ValueError:
        return None
    return Person.objects.filter(pk=key).first()


def found(words: str) -> QuerySet[Person]:
    """Accounts whose login, name or address has the words in it; all for none."""
    people = Person.objects.filter(erased_at=None).order_by("login")
    for word in words.split()[:5]:
        people = people.filter(
            Q(login__icontains=word) | Q(name__icontains=word) | Q(email__icontains=word)
        )
    return people


def named(logins: Iterable[str]) -> dict[str, Person]:
    """Accounts by login, for lists that show a name beside what the declaration says."""
    return {person.login: person for person in Person.objects.filter(login__in=list(logins))}

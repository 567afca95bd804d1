"""Logins: one spelling, which ones people may choose, and which ones the declaration reserves.

Knows no Django. A login is the user name on all hubs, so it is never changed and never used again.
"""

from __future__ import annotations

import re

from hubfleet.fleet.fields import PROBE_USER, USER_NAME_PATTERN
from hubfleet.fleet.model import Fleet

LONGEST = 64
_CHOSEN = re.compile(r"^[a-z][a-z0-9]*([._-][a-z0-9]+)*$")
_DECLARED = re.compile(USER_NAME_PATTERN)
_OURS = frozenset({PROBE_USER, "hubfleet", "root", "admin", "administrator", "system", "nobody"})
"""Names that would be mistaken for the product or its operator."""

WHAT_IS_TAKEN = (
    "letters a to z, digits, and single `.`, `-` or `_` between them, beginning with a letter, "
    f"{LONGEST} at most"
)


def one_spelling(login: str) -> str:
    """As the declaration and JupyterHub spell user names."""
    return login.strip().lower()


def may_be_chosen(login: str) -> bool:
    """Whether somebody may give themselves this name, if it is free."""
    return len(login) <= LONGEST and login not in _OURS and bool(_CHOSEN.fullmatch(login))


def may_be_given(login: str) -> bool:
    """Whether an invitation may carry it: also what a declaration may say, such as an address."""
    fits = len(login) <= 150 and bool(_DECLARED.fullmatch(login)) and login == one_spelling(login)
    return fits and login not in _OURS - {"admin"}


def reserved(fleet: Fleet) -> dict[str, frozenset[str]]:
    """The logins that the declaration names, each with the communities that name it.

    Whoever got such an account would get what the declaration gives to that name.
    """
    found: dict[str, set[str]] = {}
    for name, community in fleet.communities.items():
        for person in community.file.representatives:
            if person.login:
                found.setdefault(person.login, set()).add(name)
    for hub in fleet.hubs.values():
        # Also where people sign in elsewhere: the console shows an admin more than other people.
        access, groups = hub.values.access, hub.values.groups
        members = (login for names in groups.values() for login in names)
        for login in (*access.admins, *access.allow.users, *members):
            found.setdefault(login, set()).add(hub.community)
    return {login: frozenset(communities) for login, communities in found.items()}


def declared_addresses(login: str, fleet: Fleet) -> frozenset[str]:
    """The addresses that the declaration gives a representative's login, lower case."""
    return frozenset(
        person.email.lower()
        for community in fleet.communities.values()
        for person in community.file.representatives
        if person.login == login
    )

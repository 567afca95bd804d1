"""Who may use a hub, as what, and until when. Pure; the only place that decides it.

A hub's people are those that its declaration names (`access.admins`, `access.allow.users`, members
of `access.allow.groups`, or everyone until a day) and those whom the database remembers as users of
the hub or of all hubs of the community. The OpenID Connect provider asks at every sign-in and every
refresh.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from hubfleet.fleet.fields import PROBE_USER
from hubfleet.fleet.model import Fleet, Hub
from hubfleet.fleet.sign_in import is_over
from hubfleet.office.accounts.facts import MembershipFact, PersonFacts

ADMINS = "hub-admins"
USERS = "hub-users"


@dataclass(frozen=True, slots=True)
class HubAccess:
    """`groups` are what the hub is told: `hub-users`, `hub-admins`, and groups that it names.

    `until` is the last day of this access; `who_could` says in words who can let somebody in.
    """

    allowed: bool
    admin: bool = False
    groups: tuple[str, ...] = ()
    until: date | None = None
    why: str = ""
    who_could: tuple[str, ...] = ()


def hub_access(facts: PersonFacts, hub: str, fleet: Fleet, today: date) -> HubAccess:
    """Whether the person may use the hub on `today`, the day in the service's time zone."""
    declared = fleet.hubs.get(hub)
    if declared is None:
        return HubAccess(False, why=f"there is no hub {hub}")
    if not facts.active:
        return HubAccess(False, why="this account is closed", who_could=doors(declared, fleet))
    if facts.login == PROBE_USER:
        return HubAccess(False, why="this name is the probe's")
    admin = facts.login in declared.values.access.admins
    reasons = list(_reasons(facts, declared, today))
    if not reasons:
        why = f"{facts.login} is no user of {declared.values.title or hub}"
        return HubAccess(False, why=why, who_could=doors(declared, fleet))
    ends = [end for _, end in reasons]
    until = None if None in ends else max(end for end in ends if end is not None)
    # Nobody becomes an admin by a group that happens to have our name for them.
    named = sorted((_groups_of(facts, declared) & groups_named(declared)) - {ADMINS, USERS})
    groups = (*((ADMINS,) if admin else ()), USERS, *named)
    return HubAccess(True, admin, groups, until, why=reasons[0][0])


def concerns(facts: PersonFacts, hub: Hub, today: date) -> bool:
    """Whether anything lets the person in; much quicker than `hub_access` where nothing does."""
    return any(True for _ in _reasons(facts, hub, today))


def _reasons(facts: PersonFacts, hub: Hub, today: date) -> Iterable[tuple[str, date | None]]:
    """Every reason that lets the person in, with its last day."""
    access = hub.values.access
    if facts.login in access.admins:
        yield "named as an admin in the declaration", None
    if facts.login in access.allow.users:
        yield "named as a user in the declaration", None
    for group in sorted(_groups_of(facts, hub) & set(access.allow.groups)):
        yield f"a member of {group}", None
    for membership in facts.memberships:
        if covers(membership, hub) and not is_past(membership, today):
            where = "this hub" if membership.hub else "all hubs of the community"
            yield f"a user of {where}", membership.until
    if access.everyone and not is_over(access, today):
        yield "open to everyone", access.until


def covers(membership: MembershipFact, hub: Hub) -> bool:
    """Whether the membership is for this hub, apart from its last day."""
    return membership.community == hub.community and membership.hub in ("", hub.name)


def is_past(membership: MembershipFact, today: date) -> bool:
    """Whether the last day is over."""
    return membership.until is not None and membership.until < today


def _groups_of(facts: PersonFacts, hub: Hub) -> set[str]:
    """Declared in the hub's `groups` or kept for its community in the database."""
    declared = {name for name, members in hub.values.groups.items() if facts.login in members}
    kept = {name for community, name in facts.groups if community == hub.community}
    return declared | kept


def groups_named(hub: Hub) -> set[str]:
    """The groups that the hub's declaration speaks of; it is told of no others."""
    profiles = (group for profile in hub.values.profiles for group in profile.groups)
    return {*hub.values.groups, *hub.values.access.allow.groups, *profiles}


def doors(hub: Hub, fleet: Fleet) -> tuple[str, ...]:
    """Who can let people in, in words: representatives by name, admins by login."""
    community = fleet.communities.get(hub.community)
    speakers = community.file.representatives if community else ()
    found = [f"{person.name}, representative of {community.file.name}"
             for person in speakers if community]  # fmt: skip
    logins = {person.login for person in speakers}
    found += [f"{login}, admin of this hub"
              for login in hub.values.access.admins if login not in logins]  # fmt: skip
    return tuple(found)

"""What is known of a person, as plain values: the input of `rights` and `membership`.

`people.facts_of` reads them from the tables; tests write them down. Knows no Django.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class StaffRole(StrEnum):
    """What somebody does for the operator; leadership grants these."""

    ENGINEER = "engineer"
    SUPPORT_TRIAGER = "support-triager"
    SUPPORT_AGENT = "support-agent"
    COMMUNITY_GUIDE = "community-guide"
    PARTNERSHIPS = "partnerships"
    LEADERSHIP = "leadership"
    FINANCE_HOST = "finance-host"
    COC_STEWARD = "coc-steward"


class CommunityRole(StrEnum):
    """What somebody does for a community beside representing it."""

    TECHNICAL_CONTACT = "technical-contact"
    PARTNER_ENGINEER = "partner-engineer"
    BILLING_CONTACT = "billing-contact"


@dataclass(frozen=True, slots=True)
class MembershipFact:
    """An ordinary user of `hub` (`community/hub`), or of all the community's hubs when it is ''."""

    community: str
    hub: str = ""
    until: date | None = None


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """One account. `emails` are the verified addresses, lower case."""

    id: str
    login: str
    name: str = ""
    email: str = ""
    emails: frozenset[str] = frozenset()
    active: bool = True
    staff: frozenset[StaffRole] = frozenset()
    community_roles: frozenset[tuple[str, CommunityRole]] = frozenset()
    """`(community, role)`."""
    memberships: tuple[MembershipFact, ...] = ()
    groups: frozenset[tuple[str, str]] = frozenset()
    """`(community, group)`."""

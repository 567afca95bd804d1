"""Who may do what, to which hub or community. Pure, deny by default, and the only place that says.

The base matrix is in `actions`; responsibilities drive it. Who does an act whose item (such as
`provide-access`) is owned by the community may do it there; the operator's people then need the
approval of a representative. Where the operator owns the item, the community's people ask for it.
Where it is shared, both may. Acts on the whole service ask no community's responsibilities, and in
an emergency with a stated reason engineers need not wait for approval; the caller audits it.

A target is the text `community/hub`, `community`, or empty for the whole service.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from hubfleet.fleet.model import Fleet, Owner
from hubfleet.fleet.responsibilities import owner_of
from hubfleet.office.accounts.actions import (
    COMMUNITY_SIDE,
    RULES,
    STAFF,
    Action,
    Grant,
    Role,
    Rule,
)
from hubfleet.office.accounts.facts import CommunityRole, PersonFacts
from hubfleet.office.accounts.facts import StaffRole as StaffRole  # noqa: PLC0414, theirs too
from hubfleet.office.accounts.membership import concerns, hub_access

__all__ = ["Action", "Decision", "Role", "Standing", "decide", "standing_of", "who_can"]

Answer = Literal["yes", "with-approval", "request", "no", "hidden"]
_BEST_FIRST: tuple[Answer, ...] = ("yes", "with-approval", "request", "no")


@dataclass(frozen=True, slots=True)
class Standing:
    """What a person is towards this fleet today. Nobody that is known: `Standing()`."""

    login: str = ""
    staff: frozenset[StaffRole] = frozenset()
    representative_of: frozenset[str] = frozenset()
    technical_contact_of: frozenset[str] = frozenset()
    billing_contact_of: frozenset[str] = frozenset()
    partner_engineer_of: frozenset[str] = frozenset()
    admin_of: frozenset[str] = frozenset()
    """Hubs, `community/hub`."""
    user_of: frozenset[str] = frozenset()
    """Hubs that the person may use, also as an admin."""

    @property
    def communities(self) -> frozenset[str]:
        """Those of which the person is anything at all; staff see the others too."""
        hubs = (name.partition("/")[0] for name in self.admin_of | self.user_of)
        return frozenset(hubs) | (
            self.representative_of
            | self.technical_contact_of
            | self.billing_contact_of
            | self.partner_engineer_of
        )


@dataclass(frozen=True, slots=True)
class Decision:
    """`why` is a sentence for the person; `who_could` names others who may, in words."""

    answer: Answer
    action: Action
    target: str
    why: str = ""
    who_could: tuple[str, ...] = ()
    role: Role | None = None
    """The role that earned the answer."""
    emergency: bool = field(default=False)
    """Allowed only because of the stated reason; whoever acts records that reason."""

    @property
    def allowed(self) -> bool:
        return self.answer == "yes"

    @property
    def hidden(self) -> bool:
        """The page answers as if there were no such hub (404); the attempt is audited."""
        return self.answer == "hidden"

    @property
    def offered(self) -> bool:
        """Whether a button makes sense: to do it, or to ask for it."""
        return self.answer in ("yes", "with-approval", "request")


def decide(
    standing: Standing, action: Action, target: str, fleet: Fleet, *, emergency: str = ""
) -> Decision:
    """The answer for one person. `emergency` is the reason that the person gives, if any."""
    rule, at = RULES[action], level(action, target)
    roles = roles_on(standing, rule, at, fleet)
    if at and not roles:
        return Decision("hidden", action, at, "there is no such page")
    answers = {role: answer_for(role, action, at, fleet) for role in roles}
    answer = best(answers.values())
    role = next((role for role in answers if answers[role] == answer), None)
    hurry = bool(emergency.strip()) and answer != "yes"
    if hurry and Role.ENGINEER in roles and rule.grants.get(Role.ENGINEER) is Grant.DRIVEN:
        why = "an engineer need not wait in an emergency"
        return Decision("yes", action, at, why, role=Role.ENGINEER, emergency=True)
    if answer == "no":
        role = None
    could = () if answer == "yes" else who_could(action, at, fleet)
    return Decision(answer, action, at, _why(answer, rule, at, fleet), could, role)


def level(action: Action, target: str) -> str:
    """The target at which the act is decided: the hub, its community, or the service."""
    where = RULES[action].where
    if where == "service":
        return ""
    return target.partition("/")[0] if where == "community" else target


def roles_on(standing: Standing, rule: Rule, target: str, fleet: Fleet) -> tuple[Role, ...]:
    """Everything that the person is towards the target, most important last."""
    staff = [Role(role.value) for role in sorted(standing.staff)]
    if not target:
        return tuple(staff)
    community, _, hub = target.partition("/")
    found: list[Role] = []
    if hub:
        here = {target}
        admin = target in standing.admin_of
    else:
        here = {name for name in standing.user_of | standing.admin_of if _in(name, community)}
        admin = _admin_of_community(standing, rule, community, fleet)
    if here & (standing.user_of | standing.admin_of):
        found.append(Role.USER)
    if admin:
        found.append(Role.HUB_ADMIN)
    of = {
        Role.BILLING_CONTACT: standing.billing_contact_of,
        Role.TECHNICAL_CONTACT: standing.technical_contact_of,
        Role.PARTNER_ENGINEER: standing.partner_engineer_of,
        Role.REPRESENTATIVE: standing.representative_of,
    }
    found += [role for role, communities in of.items() if community in communities]
    return (*found, *staff)


def _admin_of_community(standing: Standing, rule: Rule, community: str, fleet: Fleet) -> bool:
    """An act on a community is an admin's of any of its hubs; one on all hubs needs all of them."""
    hubs = {name for name in fleet.hubs if _in(name, community)}
    mine = {name for name in standing.admin_of if _in(name, community)}
    return bool(mine) and (rule.where == "community" or hubs <= mine)


def _in(hub: str, community: str) -> bool:
    return hub.partition("/")[0] == community


def answer_for(role: Role, action: Action, target: str, fleet: Fleet) -> Answer:
    """What one role earns there."""
    rule = RULES[action]
    grant = rule.grants.get(role)
    if grant is None:
        return "no"
    if grant is Grant.ALWAYS:
        return "yes"
    if grant is Grant.REQUEST:
        return "request"
    if grant is Grant.APPROVAL:
        return "with-approval"
    return _driven(role, rule, target, fleet)


def _driven(role: Role, rule: Rule, target: str, fleet: Fleet) -> Answer:
    if not target or rule.item is None:
        return "yes" if role in STAFF else "no"
    owner: Owner = owner_of(fleet, target.partition("/")[0], rule.item)
    if role in STAFF:
        return "yes" if owner in ("operator", "shared") else "with-approval"
    return "yes" if owner in ("community", "shared") else "request"


def best(answers: Iterable[Answer]) -> Answer:
    """The one that lets a person do most; nothing: no."""
    given = set(answers)
    return next((answer for answer in _BEST_FIRST if answer in given), "no")


def _why(answer: Answer, rule: Rule, target: str, fleet: Fleet) -> str:
    if answer == "yes":
        return ""
    owned = ""
    if rule.item and target:
        owner = owner_of(fleet, target.partition("/")[0], rule.item)
        names = {"community": "the community", "operator": fleet.service.operator}
        owned = f": `{rule.item}` is owned by {names.get(owner, 'both sides')}"
    if answer == "request":
        return f"you may ask somebody to {rule.words}{owned}"
    if answer == "with-approval":
        return f"you may {rule.words} once a representative has approved it{owned}"
    return f"you may not {rule.words}{owned}"


def who_could(action: Action, target: str, fleet: Fleet) -> tuple[str, ...]:
    """Those whose answer is yes, in words: people that the declaration names, and roles."""
    at = level(action, target)
    found: list[str] = []
    for role in (*COMMUNITY_SIDE[1:], *STAFF):
        if answer_for(role, action, at, fleet) == "yes":
            found += _in_words(role, at, fleet)
    return tuple(found)


_PLURALS = {
    Role.TECHNICAL_CONTACT: "technical contacts",
    Role.BILLING_CONTACT: "billing contacts",
    Role.PARTNER_ENGINEER: "partner engineers",
    Role.ENGINEER: "engineers",
    Role.SUPPORT_TRIAGER: "support triagers",
    Role.SUPPORT_AGENT: "support agents",
    Role.COMMUNITY_GUIDE: "community guides",
    Role.PARTNERSHIPS: "the partnerships team",
    Role.LEADERSHIP: "the leadership",
    Role.FINANCE_HOST: "the finance host",
    Role.COC_STEWARD: "code of conduct stewards",
}


def _in_words(role: Role, target: str, fleet: Fleet) -> list[str]:
    name, _, _ = target.partition("/")
    community = fleet.communities.get(name)
    if role in STAFF:
        return [f"{_PLURALS[role]} of {fleet.service.operator}"]
    if community is None:
        return []
    title = community.file.name
    if role is Role.REPRESENTATIVE:
        return [
            f"{person.name}, representative of {title}" for person in community.file.representatives
        ]
    if role is Role.HUB_ADMIN:
        hub = fleet.hubs.get(target)
        admins = hub.values.access.admins if hub else ()
        return [f"hub admins of {target} ({', '.join(admins)})"] if admins else []
    return [f"{_PLURALS[role]} of {title}"]


def standing_of(
    facts: PersonFacts, fleet: Fleet, today: date, *, hubs: Collection[str] | None = None
) -> Standing:
    """What the person is; `hubs` limits the look to those that the question is about."""
    if not facts.active:
        return Standing(facts.login)
    names = fleet.hubs if hubs is None else [name for name in hubs if name in fleet.hubs]
    access = {
        name: hub_access(facts, name, fleet, today)
        for name in names
        if concerns(facts, fleet.hubs[name], today)
    }
    roles = {role: {c for c, r in facts.community_roles if r is role} for role in CommunityRole}
    return Standing(
        login=facts.login,
        staff=facts.staff,
        representative_of=frozenset(_represented(facts, fleet)),
        technical_contact_of=frozenset(
            roles[CommunityRole.TECHNICAL_CONTACT] | set(_contact(facts, fleet, "technical"))
        ),
        billing_contact_of=frozenset(
            roles[CommunityRole.BILLING_CONTACT] | set(_contact(facts, fleet, "billing"))
        ),
        partner_engineer_of=frozenset(roles[CommunityRole.PARTNER_ENGINEER]),
        admin_of=frozenset(name for name, found in access.items() if found.admin),
        user_of=frozenset(name for name, found in access.items() if found.allowed),
    )


def _represented(facts: PersonFacts, fleet: Fleet) -> Iterable[str]:
    """By login; a representative who is declared without one is known by a verified address."""
    for name, community in fleet.communities.items():
        for person in community.file.representatives:
            known = person.login == facts.login
            if known or (person.login is None and person.email.lower() in facts.emails):
                yield name


def _contact(facts: PersonFacts, fleet: Fleet, role: str) -> Iterable[str]:
    for name, community in fleet.communities.items():
        for contact in community.file.contacts:
            if contact.role == role and contact.email.lower() in facts.emails:
                yield name


def who_can(
    action: Action, target: str, people: Iterable[PersonFacts], fleet: Fleet, today: date
) -> list[tuple[PersonFacts, Decision]]:
    """Everybody who may do it or ask for it, the freest first."""
    hubs = [name for name in fleet.hubs if name == target or _in(name, target)]
    found = []
    for facts in people:
        standing = standing_of(facts, fleet, today, hubs=hubs)
        decision = decide(standing, action, target, fleet)
        if decision.offered:
            found.append((facts, decision))
    return sorted(found, key=lambda one: (_BEST_FIRST.index(one[1].answer), one[0].login))

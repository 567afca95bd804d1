"""All acts that the office knows, and who may do each before responsibilities are asked.

A closed list: what is not here cannot be allowed. `where` is the level at which an act is decided:
the service, a community or a hub. `item` is the responsibility that drives it, see `rights`.
Source of the base matrix: the product's permission matrix for people on both sides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

Where = Literal["service", "community", "hub"]


class Role(StrEnum):
    """Everything that somebody can be towards a hub or a community."""

    USER = "user"
    HUB_ADMIN = "hub-admin"
    REPRESENTATIVE = "representative"
    TECHNICAL_CONTACT = "technical-contact"
    BILLING_CONTACT = "billing-contact"
    PARTNER_ENGINEER = "partner-engineer"
    ENGINEER = "engineer"
    SUPPORT_TRIAGER = "support-triager"
    SUPPORT_AGENT = "support-agent"
    COMMUNITY_GUIDE = "community-guide"
    PARTNERSHIPS = "partnerships"
    LEADERSHIP = "leadership"
    FINANCE_HOST = "finance-host"
    COC_STEWARD = "coc-steward"


class Grant(StrEnum):
    """What a role has before responsibilities are asked. `DRIVEN` is a yes that they can turn."""

    DRIVEN = "driven"
    ALWAYS = "always"
    APPROVAL = "with-approval"
    REQUEST = "request"


class Action(StrEnum):
    """Every act."""

    SEE_FLEET = "see-fleet"
    SEE_CUSTOMERS = "see-customers"
    MANAGE_STAFF = "manage-staff"
    MANAGE_PEOPLE = "manage-people"
    MANAGE_CLUSTER = "manage-cluster"
    ANNOUNCE = "announce"
    SEE_ONCALL = "see-oncall"
    ANSWER_PAGES = "answer-pages"

    SEE_COMMUNITY = "see-community"
    SEE_COST = "see-cost"
    SEE_AUDIT = "see-audit"
    EXPORT_AUDIT = "export-audit"
    MANAGE_GROUPS = "manage-groups"
    MANAGE_CONTACTS = "manage-contacts"
    CHANGE_RESPONSIBILITIES = "change-responsibilities"
    CHANGE_REPRESENTATIVES = "change-representatives"
    MANAGE_AGREEMENT = "manage-agreement"
    APPROVE_AGREEMENT = "approve-agreement"
    OPEN_TICKET = "open-ticket"
    DECLARE_HUB = "declare-hub"
    REMOVE_HUB = "remove-hub"

    SEE_HUB = "see-hub"
    SEE_PEOPLE = "see-people"
    SEE_LOGS = "see-logs"
    PROBE = "probe"
    INVITE = "invite"
    MANAGE_USERS = "manage-users"
    MANAGE_ADMINS = "manage-admins"
    STOP_SERVERS = "stop-servers"
    CHANGE_ACCESS = "change-access"
    CHANGE_ENVIRONMENT = "change-environment"
    CHANGE_COMPLEX_ENVIRONMENT = "change-complex-environment"
    CHANGE_PROFILES = "change-profiles"
    CHANGE_LIMITS = "change-limits"
    CHANGE_CONFIGURATION = "change-configuration"
    ROLL_OUT = "roll-out"
    ROLL_BACK = "roll-back"
    ROTATE_CLIENT = "rotate-client"
    DECLARE_INCIDENT = "declare-incident"
    SEE_INCIDENT = "see-incident"
    RESPOND_TO_INCIDENT = "respond-to-incident"
    SILENCE_ALERTS = "silence-alerts"
    WRITE_INCIDENT_REPORT = "write-incident-report"
    REVIEW_INCIDENT_REPORT = "review-incident-report"
    PUBLISH_INCIDENT_REPORT = "publish-incident-report"
    TAKE_HUB = "take-hub"
    END_HUB = "end-hub"
    CONSENT_TO_ENDING = "consent-to-ending"
    CONFIRM_ENDING = "confirm-ending"
    ERASE_HUB = "erase-hub"


USER, ADMIN, REP = Role.USER, Role.HUB_ADMIN, Role.REPRESENTATIVE
TECH, BILL, PARTNER = Role.TECHNICAL_CONTACT, Role.BILLING_CONTACT, Role.PARTNER_ENGINEER
ENGINEER, GUIDE, SALES = Role.ENGINEER, Role.COMMUNITY_GUIDE, Role.PARTNERSHIPS
LEAD, HOST, STEWARD = Role.LEADERSHIP, Role.FINANCE_HOST, Role.COC_STEWARD
SUPPORT = (Role.SUPPORT_TRIAGER, Role.SUPPORT_AGENT)
STAFF = (ENGINEER, *SUPPORT, GUIDE, SALES, LEAD, HOST, STEWARD)
COMMUNITY_SIDE = (USER, ADMIN, REP, TECH, BILL, PARTNER)
_AROUND = (ADMIN, REP, TECH, PARTNER)
"""Those of a community who look after its hubs."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the matrix; a role without a grant may not."""

    where: Where
    item: str | None
    words: str
    """Completes "may ...": what messages and buttons call the act."""
    grants: Mapping[Role, Grant] = field(default_factory=dict)


def _rule(
    where: Where,
    words: str,
    *,
    item: str | None = None,
    driven: tuple[Role, ...] = (),
    always: tuple[Role, ...] = (),
    approval: tuple[Role, ...] = (),
    request: tuple[Role, ...] = (),
) -> Rule:
    grants = dict.fromkeys(request, Grant.REQUEST)
    grants |= dict.fromkeys(approval, Grant.APPROVAL)
    grants |= dict.fromkeys(driven, Grant.DRIVEN)
    grants |= dict.fromkeys(always, Grant.ALWAYS)
    return Rule(where, item, words, grants)


_ACCESS, _ENVIRONMENT = "provide-access", "define-environment"
_CONFIGURE, _DEPLOY, _RESPOND = "manage-configuration", "deploy-hubs", "respond-to-incidents"

RULES: Mapping[Action, Rule] = {
    Action.SEE_FLEET: _rule("service", "see the whole fleet", always=STAFF),
    Action.SEE_CUSTOMERS: _rule(
        "service", "see all customers", always=(ENGINEER, *SUPPORT, GUIDE, SALES, LEAD, HOST)
    ),
    Action.MANAGE_STAFF: _rule("service", "grant staff roles", always=(LEAD,)),
    Action.MANAGE_PEOPLE: _rule(
        "service", "manage accounts", always=(ENGINEER, LEAD), request=(*SUPPORT, GUIDE)
    ),
    Action.MANAGE_CLUSTER: _rule(
        "service", "change clusters and the service", always=(ENGINEER,), request=(LEAD,)
    ),
    Action.ANNOUNCE: _rule(
        "service", "publish announcements", always=(ENGINEER, *SUPPORT, GUIDE, LEAD)
    ),
    Action.SEE_ONCALL: _rule("service", "see who is on call", always=STAFF),
    Action.ANSWER_PAGES: _rule("service", "take pages on", always=(ENGINEER, *SUPPORT, LEAD)),
    # A community.
    Action.SEE_COMMUNITY: _rule("community", "see the community", always=(*COMMUNITY_SIDE, *STAFF)),
    Action.SEE_COST: _rule(
        "community", "see use and cost", always=(ADMIN, REP, TECH, BILL, PARTNER, *STAFF)
    ),
    Action.SEE_AUDIT: _rule(
        "community", "see the record of acts", always=(ADMIN, REP, PARTNER, ENGINEER, LEAD, STEWARD)
    ),
    Action.EXPORT_AUDIT: _rule(
        "community", "export the record of acts", always=(REP, ENGINEER, LEAD, STEWARD)
    ),
    Action.MANAGE_GROUPS: _rule(
        "community",
        "manage the community's groups",
        item=_ACCESS,
        driven=(REP, ENGINEER, *SUPPORT),
        request=(ADMIN, TECH, PARTNER),
    ),
    Action.MANAGE_CONTACTS: _rule(
        "community",
        "change whom to tell",
        always=(REP, GUIDE, SALES, LEAD),
        request=(ADMIN, TECH, BILL, PARTNER, *SUPPORT, ENGINEER),
    ),
    Action.CHANGE_RESPONSIBILITIES: _rule(
        "community",
        "change who is responsible for what",
        always=(SALES, LEAD),
        request=(REP, GUIDE, ENGINEER, *SUPPORT),
    ),
    Action.CHANGE_REPRESENTATIVES: _rule(
        "community",
        "change the representatives",
        always=(REP, LEAD),
        approval=(GUIDE, SALES, ENGINEER),
        request=(ADMIN, TECH, *SUPPORT),
    ),
    Action.MANAGE_AGREEMENT: _rule(
        "community", "change the agreement", always=(SALES, LEAD), request=(REP, BILL, HOST)
    ),
    Action.APPROVE_AGREEMENT: _rule("community", "approve the agreement", always=(REP,)),
    Action.OPEN_TICKET: _rule(
        "community",
        "ask the operator",
        # What an admin drafts, a representative confirms.
        always=(REP, TECH, BILL, PARTNER, ENGINEER, *SUPPORT, GUIDE),
        request=(ADMIN,),
    ),
    Action.DECLARE_HUB: _rule(
        "community",
        "declare a hub",
        item=_DEPLOY,
        driven=(REP, PARTNER, ENGINEER),
        request=(ADMIN, TECH, *SUPPORT, GUIDE, SALES, LEAD),
    ),
    Action.REMOVE_HUB: _rule(
        "community",
        "remove a hub",
        approval=(ENGINEER, LEAD),
        request=(REP, SALES, GUIDE),
    ),
    # A hub.
    Action.SEE_HUB: _rule("hub", "see the hub", always=(*COMMUNITY_SIDE, *STAFF)),
    Action.SEE_PEOPLE: _rule(
        "hub", "see who uses the hub", always=(*_AROUND, ENGINEER, *SUPPORT, GUIDE, LEAD)
    ),
    Action.SEE_LOGS: _rule("hub", "read the hub's logs", always=(*_AROUND, ENGINEER, *SUPPORT)),
    Action.PROBE: _rule("hub", "probe the hub", always=(*_AROUND, ENGINEER, *SUPPORT)),
    Action.INVITE: _rule(
        "hub",
        "invite people",
        item=_ACCESS,
        driven=(ADMIN, REP, ENGINEER, *SUPPORT),
        request=(TECH, PARTNER, GUIDE),
    ),
    Action.MANAGE_USERS: _rule(
        "hub",
        "add and remove users",
        item=_ACCESS,
        driven=(ADMIN, REP, ENGINEER, *SUPPORT),
        request=(TECH, PARTNER, GUIDE),
    ),
    Action.MANAGE_ADMINS: _rule(
        "hub",
        "add and remove admins",
        item=_ACCESS,
        driven=(ADMIN, REP, ENGINEER, *SUPPORT),
        request=(TECH, PARTNER, GUIDE),
    ),
    Action.STOP_SERVERS: _rule(
        "hub",
        "stop people's servers",
        item=_ACCESS,
        driven=(ADMIN, REP, ENGINEER, *SUPPORT),
        request=(TECH, PARTNER),
    ),
    Action.CHANGE_ACCESS: _rule(
        "hub",
        "change how people sign in",
        item=_ACCESS,
        driven=(REP, PARTNER, ENGINEER),
        request=(ADMIN, TECH, *SUPPORT),
    ),
    Action.CHANGE_ENVIRONMENT: _rule(
        "hub",
        "change the environment",
        item=_ENVIRONMENT,
        driven=(ADMIN, REP, PARTNER, ENGINEER),
        request=(TECH, *SUPPORT),
    ),
    Action.CHANGE_COMPLEX_ENVIRONMENT: _rule(
        "hub",
        "change the environment's packaging",
        item="change-complex-environment",
        driven=(REP, PARTNER, ENGINEER),
        request=(ADMIN, TECH, *SUPPORT),
    ),
    Action.CHANGE_PROFILES: _rule(
        "hub",
        "change the profiles",
        item=_CONFIGURE,
        driven=(ADMIN, REP, ENGINEER),
        always=(PARTNER,),
        request=(TECH, *SUPPORT),
    ),
    Action.CHANGE_LIMITS: _rule(
        "hub",
        "change limits and what costs more",
        item=_CONFIGURE,
        driven=(REP, ENGINEER),
        request=(ADMIN, TECH, PARTNER, *SUPPORT),
    ),
    Action.CHANGE_CONFIGURATION: _rule(
        "hub",
        "change the configuration",
        item=_CONFIGURE,
        driven=(ENGINEER,),
        always=(PARTNER,),
        request=(ADMIN, REP, TECH, *SUPPORT),
    ),
    Action.ROLL_OUT: _rule(
        "hub",
        "roll out changes",
        item=_DEPLOY,
        driven=(ADMIN, REP, PARTNER, ENGINEER),
        request=(TECH, *SUPPORT),
    ),
    Action.ROLL_BACK: _rule(
        "hub",
        "roll the hub back",
        item=_DEPLOY,
        driven=(ADMIN, REP, PARTNER, ENGINEER),
        request=(TECH, *SUPPORT),
    ),
    Action.ROTATE_CLIENT: _rule(
        "hub", "change the hub's sign-in secret", always=(ENGINEER,), request=(REP, PARTNER)
    ),
    Action.DECLARE_INCIDENT: _rule(
        "hub",
        "declare an incident",
        always=(REP, PARTNER, ENGINEER, *SUPPORT),
        request=(ADMIN, TECH, GUIDE, LEAD),
    ),
    Action.SEE_INCIDENT: _rule(
        "hub",
        "see an incident's whole record",
        item=_RESPOND,
        driven=(ADMIN, REP, PARTNER),
        always=STAFF,
    ),
    Action.RESPOND_TO_INCIDENT: _rule(
        "hub",
        "lead the response to an incident",
        item=_RESPOND,
        driven=(ADMIN, REP, PARTNER, ENGINEER),
        request=(TECH, *SUPPORT),
    ),
    Action.SILENCE_ALERTS: _rule(
        "hub",
        "silence alerts",
        item="monitor-for-incidents",
        driven=(REP, PARTNER, ENGINEER),
        request=(ADMIN, TECH, *SUPPORT),
    ),
    Action.WRITE_INCIDENT_REPORT: _rule(
        "hub",
        "write an incident's report",
        item=_RESPOND,
        driven=(REP, PARTNER),
        always=(ENGINEER, *SUPPORT, LEAD),
    ),
    Action.REVIEW_INCIDENT_REPORT: _rule(
        "hub",
        "review an incident's report",
        item=_RESPOND,
        driven=(REP, PARTNER),
        always=(ENGINEER, LEAD),
        request=SUPPORT,
    ),
    Action.PUBLISH_INCIDENT_REPORT: _rule(
        "hub",
        "close and publish an incident's report",
        always=(LEAD,),
        request=(ENGINEER, *SUPPORT),
    ),
    # Leaving.
    Action.TAKE_HUB: _rule(
        "hub", "take the hub along", always=(REP,), request=(ADMIN, TECH, PARTNER, ENGINEER, GUIDE)
    ),
    Action.END_HUB: _rule(
        "hub",
        "end the hub",
        always=(REP, ENGINEER, SALES, LEAD),
        request=(ADMIN, TECH, PARTNER, GUIDE, *SUPPORT),
    ),
    # Nobody consents for a community but who speaks for it.
    Action.CONSENT_TO_ENDING: _rule("hub", "agree to the hub's end", always=(REP,)),
    Action.CONFIRM_ENDING: _rule("hub", "confirm the hub's end", always=(ENGINEER, LEAD)),
    Action.ERASE_HUB: _rule(
        "hub", "delete what an ended hub left behind", always=(ENGINEER,), request=(REP, LEAD)
    ),
}

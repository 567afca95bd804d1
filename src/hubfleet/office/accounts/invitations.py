"""Invitations: a way in for one address, once. Making, finding, accepting and revoking them.

The link holds a random secret of which only a digest is stored. An invitation is used by exactly
one account: a new one gets the invited address and no other, an existing one must own that address.
"""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from hubfleet.fleet.model import Fleet
from hubfleet.kit.clock import now
from hubfleet.kit.errors import failure
from hubfleet.office.accounts import joining
from hubfleet.office.accounts.facts import CommunityRole, StaffRole
from hubfleet.office.accounts.invitees import Invitee, Refused
from hubfleet.office.accounts.logins import declared_addresses, may_be_given, reserved
from hubfleet.office.accounts.models import Invitation, Person
from hubfleet.office.accounts.rights import Standing
from hubfleet.office.audit.record import Actor, record
from hubfleet.office.post.outbox import Letter, put_all

LASTS = timedelta(days=14)
AGAIN_AFTER = timedelta(hours=1)
"""How soon the same address may get another mail for the same place."""


@dataclass(frozen=True, slots=True)
class Welcome:
    """What an invitation gives. Both names empty: an account at the console and nothing else."""

    community: str = ""
    hub: str = ""
    until: date | None = None
    groups: tuple[str, ...] = ()
    staff_roles: tuple[StaffRole, ...] = ()
    community_roles: tuple[CommunityRole, ...] = ()


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a list of people to invite."""

    invitations: tuple[Invitation, ...] = ()
    refused: tuple[Refused, ...] = ()
    batch: str = ""
    links: tuple[str, ...] = field(default=(), repr=False)
    """The links themselves, in the order of the invitations; only for who may see them."""


@transaction.atomic
def invite(
    actor: Actor,
    standing: Standing,
    people: Sequence[Invitee],
    welcome: Welcome,
    fleet: Fleet,
) -> Sent:
    """Invite them all and put their mails into the outbox, or nobody when something fails.

    Whether the actor may invite there at all was decided before. `standing` is the actor's, for
    logins that the declaration reserves. Whether an address has an account already makes no
    difference that the actor could see.
    """
    refused: list[Refused] = []
    recent = _recent(welcome)
    names = reserved(fleet)
    taken = set(
        Person.objects.filter(login__in=[one.login for one in people if one.login]).values_list(
            "login", flat=True
        )
    )
    chosen: list[Invitee] = []
    for number, one in enumerate(people, 1):
        why = _objection(one, standing, names, fleet, taken, recent)
        if why:
            refused.append(Refused(number, one.email, why))
        else:
            chosen.append(one)
    made, links = _make(actor, chosen, welcome)
    batch = str(made[0].batch) if made else ""
    put_all(_letters(made, links, welcome, fleet, actor))
    if made:
        record(
            actor,
            "invite",
            community=welcome.community,
            hub=welcome.hub,
            what=f"{len(made)} invited to {place_in_words(welcome, fleet)}",
            details={"batch": batch, "count": len(made), "refused": len(refused)},
        )
    return Sent(tuple(made), tuple(refused), batch, tuple(links))


def _objection(
    one: Invitee,
    standing: Standing,
    names: dict[str, frozenset[str]],
    fleet: Fleet,
    taken: set[str],
    recent: set[str],
) -> str:
    if one.email in recent:
        return "this address got an invitation less than an hour ago"
    if not one.login:
        return ""
    if not may_be_given(one.login):
        return f"`{one.login}` cannot be a login"
    if one.login in taken:
        return f"somebody has the login `{one.login}`; add that person instead"
    return _reserved(one, standing, names.get(one.login, frozenset()), fleet)


def _reserved(one: Invitee, standing: Standing, communities: frozenset[str], fleet: Fleet) -> str:
    """Why the actor may not make a login that these communities' files name."""
    if not standing.staff and not communities <= standing.representative_of:
        return f"the declaration reserves `{one.login}`; a representative or staff may invite it"
    addresses = declared_addresses(one.login, fleet)
    if addresses and one.email not in addresses:
        return f"the declaration gives `{one.login}` another address"
    return ""


def _recent(welcome: Welcome) -> set[str]:
    rows = _to(welcome).filter(made_at__gt=now() - AGAIN_AFTER, used_at=None, revoked_at=None)
    return set(rows.values_list("email", flat=True))


def _to(welcome: Welcome) -> QuerySet[Invitation]:
    return Invitation.objects.filter(community=welcome.community, hub=welcome.hub)


def _make(
    actor: Actor, people: Sequence[Invitee], welcome: Welcome
) -> tuple[list[Invitation], list[str]]:
    batch, at = uuid.uuid4(), now()
    tokens = [secrets.token_urlsafe(32) for _ in people]
    rows = [
        Invitation(
            digest=digest(token),
            email=one.email,
            login=one.login,
            name=one.name,
            community=welcome.community,
            hub=welcome.hub,
            until=welcome.until,
            groups=list(welcome.groups),
            staff_roles=[role.value for role in welcome.staff_roles],
            community_roles=[role.value for role in welcome.community_roles],
            batch=batch,
            invited_by=actor.login,
            made_at=at,
            expires_at=at + LASTS,
        )
        for one, token in zip(people, tokens, strict=True)
    ]
    # A new mail for the same place makes the link of the last one void.
    addresses = [one.email for one in people]
    for start in range(0, len(addresses), 500):
        older = _to(welcome).filter(email__in=addresses[start : start + 500])
        older.filter(used_at=None, revoked_at=None).update(revoked_at=at)
    Invitation.objects.bulk_create(rows, batch_size=500)
    return rows, [link(token) for token in tokens]


def _letters(
    rows: Iterable[Invitation],
    links: Iterable[str],
    welcome: Welcome,
    fleet: Fleet,
    actor: Actor,
) -> Iterable[Letter]:
    place, service = place_in_words(welcome, fleet), fleet.service
    for row, address in zip(rows, links, strict=True):
        hello = f"Hello {row.name}," if row.name else "Hello,"
        text = (
            f"{hello}\n\n{actor.login} invites you to {place}.\n\n"
            f"Open this page to accept; it works once, until {row.expires_at:%Y-%m-%d}:\n\n"
            f"{address}\n\n"
            "If you did not expect this mail, leave it: nothing happens without you.\n\n"
            f"{service.operator}, {service.contact}\n"
        )
        yield Letter("invitation", row.email, f"Invitation to {place}", text)


def place_in_words(welcome: Welcome, fleet: Fleet) -> str:
    """Where it lets in, as people call it."""
    if welcome.hub and welcome.hub in fleet.hubs:
        return fleet.hubs[welcome.hub].values.title or welcome.hub
    if welcome.community and welcome.community in fleet.communities:
        return f"the hubs of {fleet.communities[welcome.community].file.name}"
    return fleet.service.name


def link(token: str) -> str:
    """The address in the mail."""
    return f"{settings.CONSOLE_ADDRESS}/invitation/{token}/"


def digest(token: str) -> str:
    """What is stored; tokens are random, so a plain hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def find(token: str) -> Invitation | None:
    """The invitation of this link when it can still be accepted."""
    return standing_invitations().filter(digest=digest(token)).first()


def standing_invitations(at: datetime | None = None) -> QuerySet[Invitation]:
    """Those that were neither used nor revoked and have not expired."""
    at = at or now()
    return Invitation.objects.filter(used_at=None, revoked_at=None, expires_at__gt=at)


@transaction.atomic
def use(invitation: Invitation, person: Person, actor: Actor) -> None:
    """Mark it used and give what it gives; raises `invitation-over` when somebody was quicker.

    The caller has made sure that the invited address is the person's.
    """
    used = standing_invitations().filter(pk=invitation.pk)
    if not used.update(used_at=now(), used_by=person):
        raise failure(
            "invitation-over",
            "this invitation was used, withdrawn, or has expired",
            why="an invitation works once, for two weeks",
            hint="ask the person who invited you for another one",
        )
    inviter = Actor(invitation.invited_by, through="product")
    if invitation.community:
        joining.add_member(inviter, person, invitation.community, invitation.hub, invitation.until)
    for name in invitation.groups:
        joining.join_group(inviter, person, invitation.community, str(name))
    for role in invitation.staff_roles:
        joining.grant(inviter, person, StaffRole(role))
    for role in invitation.community_roles:
        joining.appoint(inviter, person, invitation.community, CommunityRole(role))
    record(
        actor,
        "accept-invitation",
        community=invitation.community,
        hub=invitation.hub,
        what=f"{person.login} accepted the invitation of {invitation.invited_by}",
        details={"login": person.login, "invitation": str(invitation.pk)},
    )


@transaction.atomic
def revoke(actor: Actor, invitation: Invitation) -> bool:
    """Make the link void; whether it was still good."""
    revoked = standing_invitations().filter(pk=invitation.pk).update(revoked_at=now())
    if revoked:
        record(
            actor,
            "invite",
            community=invitation.community,
            hub=invitation.hub,
            what=f"the invitation of {invitation.email} was withdrawn",
            details={"invitation": str(invitation.pk)},
        )
    return bool(revoked)

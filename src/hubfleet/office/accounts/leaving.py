"""Taking access away, audited, with a signal to whoever must end what is open on the hubs.

What git declares (an admin, a representative) is not taken away here but by a commit.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.db import transaction
from django.db.models import QuerySet

from hubfleet.fleet.model import Fleet
from hubfleet.kit.clock import now
from hubfleet.kit.errors import failure
from hubfleet.office.accounts.facts import CommunityRole, StaffRole
from hubfleet.office.accounts.models import (
    CommunityRole as CommunityRoleRow,
)
from hubfleet.office.accounts.models import Group, Invitation, Membership, Person
from hubfleet.office.accounts.models import StaffRole as StaffRoleRow
from hubfleet.office.accounts.signals import access_narrowed, signed_out
from hubfleet.office.audit.record import Actor, record

_AT_ONCE = 500


@transaction.atomic
def remove_member(
    actor: Actor, person: Person, community: str, hub: str = "", *, fleet: Fleet
) -> bool:
    """End a membership of exactly this reach; whether there was one."""
    removed, _ = Membership.objects.filter(person=person, community=community, hub=hub).delete()
    if removed:
        record(
            actor,
            "manage-users",
            community=community,
            hub=hub,
            what=f"{person.login} may not use {hub or f'all hubs of {community}'} any more",
            details={"login": person.login},
        )
        _narrowed(person, [hub] if hub else hubs_of(fleet, community), "no longer a user")
    return bool(removed)


@transaction.atomic
def expire(fleet: Fleet, today: date) -> int:
    """End memberships whose last day is over; how many. Serve calls it from time to time."""
    rows = Membership.objects.filter(until__lt=today).select_related("person")
    actor, ended = Actor(), 0
    for row in rows[:_AT_ONCE]:
        ended += remove_member(actor, row.person, row.community, row.hub, fleet=fleet)
    return ended


@transaction.atomic
def leave_group(actor: Actor, person: Person, community: str, name: str, *, fleet: Fleet) -> bool:
    """Take somebody out of a community's group; whether they were in it."""
    group = Group.objects.filter(community=community, name=name).first()
    if group is None or not group.people.filter(pk=person.pk).exists():
        return False
    group.people.remove(person)
    record(
        actor,
        "manage-groups",
        community=community,
        what=f"{person.login} left the group {name}",
        details={"login": person.login, "group": name},
    )
    _narrowed(person, hubs_of(fleet, community), f"no longer in {name}")
    return True


@transaction.atomic
def withdraw(actor: Actor, person: Person, role: StaffRole) -> bool:
    """Take a staff role away; raises `last-leader` rather than leave nobody to grant roles."""
    rows = StaffRoleRow.objects.filter(role=role.value)
    mine = rows.filter(person=person)
    if not mine.exists():
        return False
    if role is StaffRole.LEADERSHIP:
        _keep_a_leader(person)
    mine.delete()
    what = f"{person.login} is not {role.value} any more"
    record(actor, "manage-staff", what=what, details={"login": person.login, "role": role})
    if role is StaffRole.LEADERSHIP:
        _void(actor, person, _open_invitations(person).exclude(staff_roles=[]))
    return True


@transaction.atomic
def dismiss(actor: Actor, person: Person, community: str, role: CommunityRole) -> bool:
    """End a contact's or partner engineer's role; whether there was one."""
    removed, _ = CommunityRoleRow.objects.filter(
        person=person, community=community, role=role.value
    ).delete()
    if removed:
        record(
            actor,
            "manage-contacts",
            community=community,
            what=f"{person.login} is not {role.value} of {community} any more",
            details={"login": person.login, "role": role},
        )
    return bool(removed)


@transaction.atomic
def close(actor: Actor, person: Person, why: str = "") -> bool:
    """Close an account: no sign-in anywhere, all sessions end, nothing is forgotten.

    Whether it was open; raises `last-leader`.
    """
    if not person.is_active:
        return False
    if StaffRoleRow.objects.filter(person=person, role=StaffRole.LEADERSHIP.value).exists():
        _keep_a_leader(person)
    person.is_active = False
    person.save(update_fields=["is_active"])
    record(
        actor,
        "manage-people",
        what=f"the account {person.login} was closed{f': {why}' if why else ''}",
        details={"login": person.login},
    )
    _void(actor, person, _open_invitations(person))
    end_sessions(actor, person, why="the account was closed")
    _narrowed(person, (), "the account was closed", everything=True)
    return True


@transaction.atomic
def open_again(actor: Actor, person: Person) -> bool:
    """Open a closed account; whether it was closed. An erased one stays closed."""
    if person.is_active:
        return False
    if person.erased_at is not None:
        raise failure(
            "account-erased",
            f"the account {person.login} was erased",
            why="nothing but its login was kept, which nobody else may have",
            hint="invite the person again under another login",
        )
    person.is_active = True
    person.save(update_fields=["is_active"])
    what = f"the account {person.login} was opened again"
    record(actor, "manage-people", what=what, details={"login": person.login})
    return True


@transaction.atomic
def erase(actor: Actor, person: Person) -> bool:
    """Close an account and forget the person; the login stays taken for ever."""
    if person.erased_at is not None:
        return False
    close(actor, person, "it is erased")
    for rows in (
        Membership.objects.filter(person=person),
        StaffRoleRow.objects.filter(person=person),
        CommunityRoleRow.objects.filter(person=person),
        EmailAddress.objects.filter(user=person),
        SocialAccount.objects.filter(user=person),
        Authenticator.objects.filter(user=person),
        Invitation.objects.filter(email__iexact=person.email),
    ):
        rows.delete()
    person.community_groups.clear()
    person.name, person.email, person.erased_at = "", "", now()
    person.set_unusable_password()
    person.save(update_fields=["name", "email", "erased_at", "password"])
    what = f"what was known of {person.login} was erased"
    record(actor, "manage-people", what=what, details={"login": person.login})
    return True


@transaction.atomic
def end_sessions(actor: Actor, person: Person, *, only: str = "", why: str = "") -> int:
    """End a person's sessions here, and tell who keeps those on the hubs; how many there were.

    `only` is one session's key.
    """
    sessions = UserSession.objects.filter(user=person)
    if only:
        sessions = sessions.filter(session_key=only)
    ended = 0
    for session in sessions:
        session.end()
        ended += 1
    if ended:
        what = f"{ended} of {person.login}'s sessions ended{f': {why}' if why else ''}"
        record(actor, "end-sessions", what=what, details={"login": person.login})
        signed_out.send(Person, person_id=str(person.pk), login=person.login, why=why)
    return ended


@transaction.atomic
def forget_second_factor(actor: Actor, person: Person) -> int:
    """Recovery by staff: take the second factors away, end sessions; how many there were."""
    removed = int(Authenticator.objects.filter(user=person).delete()[0])
    if removed:
        what = f"{person.login}'s second factors were taken away"
        record(actor, "manage-people", what=what, details={"login": person.login})
        end_sessions(actor, person, why="the second factor was taken away")
    return removed


def _open_invitations(person: Person) -> QuerySet[Invitation]:
    return Invitation.objects.filter(invited_by=person.login, used_at=None, revoked_at=None)


def _void(actor: Actor, person: Person, invitations: QuerySet[Invitation]) -> None:
    """What somebody invited to must not outlast their right to: it may be their own way back."""
    if count := invitations.update(revoked_at=now()):
        what = f"{count} of {person.login}'s invitations were withdrawn"
        record(actor, "invite", what=what, details={"login": person.login})


def hubs_of(fleet: Fleet, community: str) -> tuple[str, ...]:
    """The community's hubs by name."""
    declared = fleet.communities.get(community)
    return declared.hubs if declared else ()


def _narrowed(person: Person, hubs: Collection[str], why: str, *, everything: bool = False) -> None:
    access_narrowed.send(
        Person,
        person_id=str(person.pk),
        login=person.login,
        hubs=tuple(hubs),
        everything=everything,
        why=why,
    )


def _keep_a_leader(person: Person) -> None:
    others = StaffRoleRow.objects.filter(
        role=StaffRole.LEADERSHIP.value, person__is_active=True
    ).exclude(person=person)
    if not others.exists():
        raise failure(
            "last-leader",
            f"{person.login} is the last one of the leadership",
            why="nobody could grant staff roles any more",
            hint="grant leadership to somebody else first",
        )

"""Letting people in: memberships, groups, roles. Every change is audited in its own transaction.

Whether the actor may do it was decided before, by `rights`.
"""

from __future__ import annotations

from datetime import date

from django.db import transaction

from hubfleet.kit.errors import failure
from hubfleet.office.accounts.facts import CommunityRole, StaffRole
from hubfleet.office.accounts.models import CommunityRole as CommunityRoleRow
from hubfleet.office.accounts.models import Group, Membership, Person
from hubfleet.office.accounts.models import StaffRole as StaffRoleRow
from hubfleet.office.audit.record import Actor, record


@transaction.atomic
def add_member(
    actor: Actor, person: Person, community: str, hub: str = "", until: date | None = None
) -> bool:
    """Make somebody a user of the hub, or of all the community's hubs; whether that is new.

    A second call changes the last day.
    """
    _refuse_closed(person)
    row, made = Membership.objects.get_or_create(
        person=person,
        community=community,
        hub=hub,
        defaults={"until": until, "added_by": actor.login},
    )
    changed = made or row.until != until
    if not made and changed:
        Membership.objects.filter(pk=row.pk).update(until=until)
    if changed:
        end = f" until {until}" if until else ""
        where = hub or f"all hubs of {community}"
        record(
            actor,
            "manage-users",
            community=community,
            hub=hub,
            what=f"{person.login} may use {where}{end}",
            details={"login": person.login, "until": until.isoformat() if until else None},
        )
    return made


@transaction.atomic
def join_group(actor: Actor, person: Person, community: str, name: str) -> bool:
    """Make somebody a member of a community's group, which is made if need be; whether new."""
    _refuse_closed(person)
    group, _ = Group.objects.get_or_create(
        community=community, name=name, defaults={"made_by": actor.login}
    )
    if group.people.filter(pk=person.pk).exists():
        return False
    group.people.add(person)
    record(
        actor,
        "manage-groups",
        community=community,
        what=f"{person.login} joined the group {name}",
        details={"login": person.login, "group": name},
    )
    return True


@transaction.atomic
def grant(actor: Actor, person: Person, role: StaffRole) -> bool:
    """Give somebody a staff role; whether that is new."""
    _refuse_closed(person)
    _, made = StaffRoleRow.objects.get_or_create(
        person=person, role=role.value, defaults={"granted_by": actor.login}
    )
    if made:
        what = f"{person.login} is {role.value} now"
        record(actor, "manage-staff", what=what, details={"login": person.login, "role": role})
    return made


@transaction.atomic
def appoint(actor: Actor, person: Person, community: str, role: CommunityRole) -> bool:
    """Make somebody a contact or partner engineer of a community; whether that is new."""
    _refuse_closed(person)
    _, made = CommunityRoleRow.objects.get_or_create(
        person=person, community=community, role=role.value, defaults={"granted_by": actor.login}
    )
    if made:
        record(
            actor,
            "manage-contacts",
            community=community,
            what=f"{person.login} is {role.value} of {community} now",
            details={"login": person.login, "role": role},
        )
    return made


def _refuse_closed(person: Person) -> None:
    if not person.is_active:
        raise failure(
            "account-closed",
            f"the account {person.login} is closed",
            why="closed accounts get no new rights",
            hint="open it again on the page of people first",
        )

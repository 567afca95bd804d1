"""The first administrator: a link that works once, for an hour, while nobody leads the service.

`hubfleet up` prints it at the terminal of whoever may write the state folder, which is who may make
the first account. Making a link makes earlier ones void.
"""

from __future__ import annotations

import secrets
from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet

from hubfleet.kit.clock import now
from hubfleet.kit.errors import failure
from hubfleet.office.accounts.facts import StaffRole
from hubfleet.office.accounts.invitations import digest
from hubfleet.office.accounts.models import FirstLink, Person
from hubfleet.office.accounts.models import StaffRole as StaffRoleRow
from hubfleet.office.audit.record import Actor, record

LASTS = timedelta(hours=1)


def wanted() -> bool:
    """Whether nobody can grant staff roles, so that a link makes sense."""
    leaders = StaffRoleRow.objects.filter(role=StaffRole.LEADERSHIP.value)
    return not leaders.filter(person__is_active=True).exists()


@transaction.atomic
def make() -> str:
    """The path of a new link, such as `/first/x1Y.../`; raises `first-administrator-exists`."""
    if not wanted():
        raise failure(
            "first-administrator-exists",
            "this service has an administrator already",
            why="the one-time link is for a service in which nobody may grant staff roles",
            hint="ask somebody of the leadership for an invitation",
        )
    FirstLink.objects.filter(used_at=None).update(expires_at=now())
    token = secrets.token_urlsafe(32)
    FirstLink.objects.create(digest=digest(token), expires_at=now() + LASTS)
    record(Actor(), "first-link", what="a link for the first administrator was made")
    return f"/first/{token}/"


def good(token: str) -> bool:
    """Whether the link can be used now."""
    return wanted() and _standing(token).exists()


def _standing(token: str) -> QuerySet[FirstLink]:
    return FirstLink.objects.filter(digest=digest(token), used_at=None, expires_at__gt=now())


@transaction.atomic
def use(token: str, person: Person, actor: Actor) -> None:
    """Make the person engineer and leadership; raises `first-link-over` when it is void."""
    if not wanted() or not _standing(token).update(used_at=now()):
        raise failure(
            "first-link-over",
            "this link was used, replaced, or has expired",
            why="it works once, for an hour, and only while nobody leads the service",
            hint="run `hubfleet up` again for a new one",
        )
    for role in (StaffRole.ENGINEER, StaffRole.LEADERSHIP):
        StaffRoleRow.objects.create(person=person, role=role.value, granted_by="hubfleet")
    record(
        actor,
        "first-administrator",
        what=f"{person.login} is the first administrator",
        details={"login": person.login},
    )

"""Who has which part in an incident. A hand-over counts once the other has accepted it."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from hubfleet.kit.clock import now
from hubfleet.kit.errors import failure
from hubfleet.office.audit.record import Actor, record
from hubfleet.office.incidents.models import Incident, Role
from hubfleet.office.incidents.timeline import held, write
from hubfleet.office.incidents.words import ROLES


def holders(incident: Incident) -> dict[str, list[str]]:
    """Logins by role; experts may be several."""
    found: dict[str, list[str]] = {role: [] for role in ROLES}
    for row in incident.roles.all():
        if row.state == Role.HELD:
            found[row.role].append(row.login)
    return found


def take_if_free(incident: Incident, role: str, login: str, at: datetime) -> bool:
    """Whether nobody had it, so that it is theirs now."""
    if incident.roles.filter(role=role, state=Role.HELD).exists():
        return False
    _hold(incident, role, login, at)
    return True


def _hold(incident: Incident, role: str, login: str, at: datetime, row: Role | None = None) -> None:
    before = incident.roles.filter(role=role, state=Role.HELD)
    earlier = ""
    if role != "expert":
        earlier = ", ".join(before.values_list("login", flat=True))
        before.update(state=Role.ENDED, ended_at=at)
    if row is None:
        row = Role(incident=incident, role=role, login=login[:150], offered_by=login[:150])
    row.state, row.accepted_at = Role.HELD, at
    row.save()
    after = f", after {earlier}" if earlier else ""
    write(incident, login, "decision", f"{login} {ROLES[role]}{after}", at=at, origin="role")


@transaction.atomic
def offer(actor: Actor, number: int, role: str, to: str) -> Role:
    """Ask somebody to take a part over; offering it to oneself takes it when it is free.

    Raises `unknown-role` and `incident-over`.
    """
    if role not in ROLES:
        raise failure(
            "unknown-role",
            f"`{role}` is no role in an incident",
            hint=f"write one of {', '.join(ROLES)}",
        )
    incident, at = held(number), now()
    if not incident.open:
        raise failure(
            "incident-over",
            f"incident {number} is over",
            hint="its report has an owner instead: hubfleet incident report",
        )
    open_offers = incident.roles.filter(role=role, state=Role.OFFERED)
    if role != "expert":
        # One offer at a time: else two could accept, and each would think it theirs.
        open_offers.exclude(login=to).update(state=Role.DECLINED, ended_at=at)
    if mine := incident.roles.filter(role=role, login=to, state=Role.HELD).first():
        return mine
    made, _ = Role.objects.get_or_create(
        incident=incident, role=role, login=to[:150], state=Role.OFFERED,
        defaults={"offered_by": actor.login[:150], "offered_at": at},
    )  # fmt: skip
    _record(actor, incident, f"offered {to} the role {role}")
    free = not incident.roles.filter(role=role, state=Role.HELD).exists()
    if to == actor.login and (free or role == "expert"):
        _hold(incident, role, to, at, made)
        return made
    words = f"{actor.login} asks {to} to take over: {to} {ROLES[role]}, once they accept"
    write(incident, actor.login, "decision", words, at=at, origin="role")
    return made


@transaction.atomic
def accept(actor: Actor, number: int, role: str = "") -> Role:
    """Take what was offered to the actor; raises `nothing-offered`."""
    incident, at = held(number), now()
    row = _offered(incident, actor.login, role)
    _hold(incident, row.role, actor.login, at, row)
    _record(actor, incident, f"accepted the role {row.role}")
    return row


@transaction.atomic
def decline(actor: Actor, number: int, role: str = "") -> Role:
    """Leave it with whoever has it; raises `nothing-offered`."""
    incident, at = held(number), now()
    row = _offered(incident, actor.login, role)
    row.state, row.ended_at = Role.DECLINED, at
    row.save()
    words = f"{actor.login} cannot take over the role {row.role}"
    write(incident, actor.login, "decision", words, at=at, origin="role")
    _record(actor, incident, f"declined the role {row.role}")
    return row


def _offered(incident: Incident, login: str, role: str) -> Role:
    found = incident.roles.filter(login=login, state=Role.OFFERED)
    if role:
        found = found.filter(role=role)
    row = found.order_by("id").last()
    if row is None:
        raise failure(
            "nothing-offered",
            f"nobody has offered {login} a role in incident {incident.pk}",
            why="a hand-over is offered first, and counts once it is accepted",
            hint=f"whoever has it runs: hubfleet incident hand-over {incident.pk} ROLE {login}",
        )
    return row


def end_all(incident: Incident, at: datetime) -> None:
    """With the incident all roles end; who had them stays known."""
    incident.roles.filter(state=Role.OFFERED).update(state=Role.DECLINED, ended_at=at)
    incident.roles.filter(state=Role.HELD).update(ended_at=at)


def _record(actor: Actor, incident: Incident, what: str) -> None:
    record(actor, "incident-role", what=f"{what} in incident {incident.pk}",
           details={"incident": incident.pk})  # fmt: skip

"""Mail about an incident, through the outbox: to those who speak for the communities it touches."""

from __future__ import annotations

from collections.abc import Iterable

from django.conf import settings

from hubfleet.fleet.model import Fleet
from hubfleet.office.incidents.models import Incident
from hubfleet.office.incidents.timeline import MACHINE, write
from hubfleet.office.incidents.words import UPDATES
from hubfleet.office.post.outbox import Letter, put_all


def communities_of(incident: Incident) -> list[str]:
    """The communities whose hubs are affected; empty when it is the service's."""
    return sorted({row.hub.partition("/")[0] for row in incident.affected.all() if row.hub})


def representatives(incident: Incident, fleet: Fleet) -> list[str]:
    """Their addresses; those of all communities when the service as a whole is affected."""
    names = communities_of(incident) or list(fleet.communities)
    found = [
        person.email
        for name in names
        if name in fleet.communities
        for person in fleet.communities[name].file.representatives
    ]
    return list(dict.fromkeys(found))


def tell_representatives(incident: Incident, fleet: Fleet, status: str, text: str) -> int:
    """The public update as a mail; how many."""
    return _send(
        incident, representatives(incident, fleet), status, _public(incident, status, text)
    )


def _public(incident: Incident, status: str, text: str) -> str:
    where = f"{settings.CONSOLE_ADDRESS}/status/incidents/{incident.pk}/"
    return f"{incident.title}\n{status}: {UPDATES[status]}\n\n{text}\n\nAll updates: {where}\n"


def _send(incident: Incident, to: Iterable[str], status: str, text: str) -> int:
    subject = f"[{status}] {incident.title}"
    sent = put_all(Letter("incident-update", one, subject, text) for one in to)
    if sent:
        said = f"{sent} mail{'s' if sent != 1 else ''} to representatives: {status}"
        write(incident, MACHINE, "communication", said, origin="mail")
    return sent

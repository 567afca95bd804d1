"""Mail about what is owed: a working day before it is due, and each day that it is late.

To whoever owes it, else to the service's own address: a debt without an owner is the operator's.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from hubfleet.fleet.model import Fleet
from hubfleet.kit.clock import now
from hubfleet.office.accounts.people import by_login
from hubfleet.office.incidents.debts import Owed, owed
from hubfleet.office.incidents.models import Incident, Report
from hubfleet.office.incidents.timeline import MACHINE, write
from hubfleet.office.ports import desk
from hubfleet.office.post.outbox import put

AHEAD = timedelta(days=1)
AGAIN = timedelta(days=1)


def remind(at: datetime | None = None) -> int:
    """Called every ten minutes; how many mails."""
    fleet, at = desk().fleet(), at or now()
    return sum(_remind(one, fleet, at) for one in owed(fleet, at))


@transaction.atomic
def _remind(one: Owed, fleet: Fleet, at: datetime) -> int:
    if one.what in ("report", "review", "close", "publication"):
        report = Report.objects.select_for_update().get(incident_id=one.incident)
        recent = report.reminded_at is not None and at - report.reminded_at < AGAIN
        if recent or one.due_at - at > AHEAD:
            return 0
        report.reminded_at = at
        report.save(update_fields=["reminded_at"])
    elif one.what == "update":
        if not one.late:
            return 0
        incident = Incident.objects.get(pk=one.incident)
        # Once for each update that is missing, and not at each turn of the loop.
        said = write(
            incident, MACHINE, "communication", "the public was to hear of it by now",
            at=one.due_at, origin="mail", key=f"late:{one.due_at:%Y%m%d%H%M%S%f}",
        )  # fmt: skip
        if said is None:
            return 0
    else:
        return 0
    put("incident-reminder", _address(one.owner, fleet), _subject(one), _text(one))
    return 1


def _address(login: str, fleet: Fleet) -> str:
    person = by_login(login) if login else None
    known = person is not None and person.is_active and person.email
    return person.email if person is not None and known else fleet.service.contact


def _subject(one: Owed) -> str:
    when = "is late" if one.late else "is due tomorrow"
    return f"Incident {one.incident} {when}: {one.words}"


def _text(one: Owed) -> str:
    page = "report/" if one.what != "update" else ""
    whose = one.owner or "nobody in particular"
    return (
        f"{one.title}\n\nIt needs {one.words}, by {one.due_at:%Y-%m-%d %H:%M} UTC.\n"
        f"It is up to {whose}.\n\n{settings.CONSOLE_ADDRESS}/incidents/{one.incident}/{page}\n"
    )

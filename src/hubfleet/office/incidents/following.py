"""What goes on by itself while an incident is open: its timeline, and its end if nobody took it.

Called every few seconds, by one process at a time or several: entries have keys, so that each is
written once.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import transaction

from hubfleet.fleet.model import Fleet
from hubfleet.kit.clock import now
from hubfleet.kit.units import parse_duration
from hubfleet.office.incidents import acting, intake, proof
from hubfleet.office.incidents.models import Affected, Incident
from hubfleet.office.incidents.timeline import MACHINE, held, settle_state, write
from hubfleet.office.ledger.models import Revision
from hubfleet.office.ports import desk
from hubfleet.office.watching import probing
from hubfleet.office.watching.models import ProbeRecord

BEFORE = timedelta(hours=24)
"""A rollout so long before the beginning may be the cause."""


def follow(at: datetime | None = None) -> None:
    """One turn of the loop."""
    fleet, at = desk().fleet(), at or now()
    intake.reconsider(fleet, at)
    for number in Incident.objects.filter(resolved_at=None).values_list("pk", flat=True):
        keep_up(number, fleet, at)


def keep_up(
    number: int,
    fleet: Fleet,
    at: datetime,
    probe: Callable[[str, str], object] = probing.ask_for,
) -> None:
    """Bring one incident's timeline up to date, and end it when it is over and nobody's.

    `probe` is asked to walk a person's path, of a hub and in a name, and does so later.
    """
    with transaction.atomic():
        incident = held(number)
        if not incident.open:
            return
        rows = list(incident.affected.all())
        _gone(incident, rows, fleet, at)
        _probes(incident, rows)
        _rollouts(incident, rows)
        wanted = _wanted(incident, rows, fleet, at)
        if incident.alone and wanted == []:
            acting.end(incident, MACHINE, at, "its hubs are well, a probe agrees, nobody took it")
            return
        if settle_state(incident, MACHINE, at):
            incident.save()
    for hub in wanted or ():
        probe(hub, MACHINE)


def _gone(incident: Incident, rows: list[Affected], fleet: Fleet, at: datetime) -> None:
    """A hub that nobody declares any more cannot be broken."""
    for row in rows:
        if row.hub and row.hub not in fleet.hubs and row.recovered_at is None:
            row.recovered_at, row.firing = at, ""
            row.save(update_fields=["recovered_at", "firing"])
            text = f"{row.hub} is not declared any more"
            write(incident, MACHINE, "observed", text, at=at, origin="state", hub=row.hub,
                  key=f"gone:{row.hub}")  # fmt: skip


def _probes(incident: Incident, rows: list[Affected]) -> None:
    """Probes since the beginning whose verdict is another than that of the one before."""
    hubs = sorted({row.hub for row in rows if row.hub})
    known = incident.entries.filter(origin="probe").order_by("id").values_list("hub", "key", "text")
    said = {hub: text.partition(":")[0] for hub, _, text in known}
    last = {hub: int(key.split(":")[1]) for hub, key, _ in known}
    after = min((last.get(hub, 0) for hub in hubs), default=0)
    newer = ProbeRecord.objects.filter(hub__in=hubs, id__gt=after, at__gte=incident.began_at)
    for row in newer.order_by("id")[:500]:
        what = f"a probe found {row.hub} {row.verdict}"
        if row.pk <= last.get(row.hub, 0) or what == said.get(row.hub):
            continue
        said[row.hub] = what
        text = f"{what}: {row.cause}" if row.cause else what
        write(incident, MACHINE, "observed", text, at=row.at, origin="probe", hub=row.hub,
              key=f"probe:{row.pk}")  # fmt: skip


def _rollouts(incident: Incident, rows: list[Affected]) -> None:
    """Revisions of its hubs from a day before it began."""
    hubs = [row.hub for row in rows if row.hub]
    found = Revision.objects.filter(hub__in=hubs, at__gte=incident.began_at - BEFORE)
    for row in found.defer("values", "probe").order_by("id")[:500]:
        why = f": {row.why}" if row.why else ""
        text = f"{row.hub} got revision {row.number} ({row.action}) by {row.who}{why}"
        write(incident, MACHINE, "action", text, at=row.at, origin="rollout", hub=row.hub,
              key=f"revision:{row.pk}")  # fmt: skip


def _wanted(
    incident: Incident, rows: list[Affected], fleet: Fleet, at: datetime
) -> list[str] | None:
    """Hubs to probe before it can end; none when it can; None while something is broken."""
    quiet = timedelta(seconds=parse_duration(fleet.service.incidents.quiet))
    if not incident.alone:
        return None
    if any(row.recovered_at is None or at - row.recovered_at < quiet for row in rows):
        return None
    open_questions = proof.unproven(incident, fleet, at)
    # A probe that failed is asked again only when it is as old as a hub must be quiet.
    due = [one.hub for one in open_questions if one.at is None or at - one.at >= quiet]
    return due or (None if open_questions else [])

"""The incidents that a trouble may belong to, read once for a batch and kept up to date in it.

The caller holds the turnstile, so that nobody else opens an incident meanwhile.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from django.db.models import Q

from hubfleet.fleet.model import Fleet
from hubfleet.kit.units import parse_duration
from hubfleet.office.audit.record import Actor, record
from hubfleet.office.incidents.grouping import Known, Spans, Trouble, belongs_to, title_of
from hubfleet.office.incidents.models import Affected, Incident
from hubfleet.office.incidents.signals import changed
from hubfleet.office.incidents.timeline import MACHINE, settle_state, write
from hubfleet.office.incidents.words import KINDS, more_urgent

RETURNING = 6
"""So many quiet times after its own end an incident may still return."""


class Board:
    """`put` says that something is broken, `end` that what said so says it no longer."""

    def __init__(
        self, fleet: Fleet, at: datetime, hubs: Collection[str], clusters: Collection[str]
    ) -> None:
        policy = fleet.service.incidents
        quiet = timedelta(seconds=parse_duration(policy.quiet))
        self.spans = Spans(timedelta(seconds=parse_duration(policy.same_cause)), quiet * RETURNING)
        self.at = at
        about = Q(affected__hub__in=list(hubs)) | Q(affected__cluster__in=list(clusters))
        still = Q(resolved_at=None) | Q(resolved_at__gte=at - self.spans.returning)
        rows = Incident.objects.filter(still & about).distinct().prefetch_related("affected")
        self._rows = {row.pk: row for row in rows}
        self._affected = {pk: list(row.affected.all()) for pk, row in self._rows.items()}
        self._known = {pk: self._look(pk) for pk in self._rows}

    def _look(self, pk: int) -> Known:
        row, rows = self._rows[pk], self._affected[pk]
        return Known(
            pk,
            row.kind,
            frozenset((one.hub, one.kind) for one in rows),
            frozenset(one.hub for one in rows if "turn" in one.firing.split()),
            frozenset(one.cluster for one in rows if one.cluster),
            max((one.since for one in rows), default=row.opened_at),
            row.source == "machine",
            row.resolved_at,
            row.alone,
        )

    def put(self, trouble: Trouble, key: str, link: str = "") -> Incident:
        """The incident that it is now part of."""
        number = belongs_to(trouble, list(self._known.values()), self.at, self.spans)
        if number is None:
            number, what = self._open(trouble), "opened"
        else:
            what = self._join(self._rows[number], trouble)
        incident = self._rows[number]
        origin = "turn" if trouble.source == "turn" else "alert"
        said = f"{trouble.name}: {trouble.what}" if trouble.name else trouble.what
        write(
            incident, MACHINE, "observed", said, at=trouble.began_at, origin=origin,
            hub=trouble.hub, link=link, key=f"{key}:{trouble.hub}",
        )  # fmt: skip
        self._known[number] = self._look(number)
        if what:
            changed.send(sender=Incident, incident=incident, what=what)
        return incident

    def _open(self, trouble: Trouble) -> int:
        made = Incident.objects.create(
            title=title_of([(trouble.hub, trouble.cluster)], trouble.what, KINDS[trouble.kind]),
            kind=trouble.kind,
            priority=trouble.priority,
            source="machine",
            opened_by=MACHINE,
            began_at=min(trouble.began_at, self.at),
            opened_at=self.at,
        )
        self._rows[made.pk], self._affected[made.pk] = made, [self._add(made, trouble)]
        text = f"incident {made.pk} was opened: {made.title} ({made.priority})"
        write(made, MACHINE, "decision", text, at=self.at, origin="state")
        record(Actor(), "open-incident", hub=trouble.hub, what=text)
        return made.pk

    def _add(self, incident: Incident, trouble: Trouble) -> Affected:
        return Affected.objects.create(
            incident=incident,
            hub=trouble.hub,
            cluster=trouble.cluster,
            kind=trouble.kind,
            firing=trouble.source,
            since=trouble.began_at,
        )

    def _join(self, incident: Incident, trouble: Trouble) -> str:
        """What became of the incident, in a word of the signal; empty for nothing new."""
        returned = incident.resolved_at is not None
        if returned:
            self._reopen(incident)
        added = self._mark(incident, trouble)
        raised = not incident.corrected and more_urgent(trouble.priority, incident.priority)
        if raised:
            was = f"{incident.priority}, {incident.kind}"
            incident.priority, incident.kind = trouble.priority, trouble.kind
            text = f"priority and kind were {was}, and are {trouble.priority}, {trouble.kind}"
            write(incident, MACHINE, "decision", text, at=self.at, origin="state")
        if added and not incident.corrected:
            about = [(one.hub, one.cluster) for one in self._affected[incident.pk]]
            incident.title = title_of(about, trouble.what, KINDS[incident.kind])
        if incident.mitigated_at is not None and (added or returned):
            incident.mitigated_at = None
        if incident.source == "machine" and not incident.corrected:
            incident.began_at = min(incident.began_at, trouble.began_at)
        settle_state(incident, MACHINE, self.at, "it broke again" if not added else "")
        incident.save()
        if returned:
            return "returned"
        return "worse" if added or raised else ""

    def _mark(self, incident: Incident, trouble: Trouble) -> bool:
        """Write down which hub is broken; whether the incident did not have it yet."""
        rows = self._affected[incident.pk]
        same = [one for one in rows if (one.hub, one.kind) == (trouble.hub, trouble.kind)]
        if not same and trouble.source == "turn":
            same = [one for one in rows if one.hub == trouble.hub and "turn" in one.firing.split()]
        if not same:
            self._affected[incident.pk] = [*rows, self._add(incident, trouble)]
            return trouble.hub not in {one.hub for one in rows}
        row = same[0]
        row.firing = " ".join(dict.fromkeys([*row.firing.split(), trouble.source]))
        if row.recovered_at is not None:
            row.recovered_at, row.returns = None, row.returns + 1
        row.save()
        return False

    def _reopen(self, incident: Incident) -> None:
        incident.resolved_at, incident.mitigated_at = None, None
        incident.resolved_by, incident.unverified = "", ""
        incident.returns += 1
        incident.save()
        rows = self._affected[incident.pk]
        hubs = [row.hub for row in rows]
        others = Affected.objects.filter(open=True, hub__in=hubs).exclude(incident=incident)
        taken = set(others.values_list("hub", "kind"))
        for row in rows:
            if (row.hub, row.kind) not in taken:
                row.open = True
                row.save(update_fields=["open"])
        text = f"incident {incident.pk} was opened again: it returned soon after its end"
        write(incident, MACHINE, "decision", text, at=self.at, origin="state")

    def end(self, source: str, hub: str | None, key: str, what: str) -> list[Incident]:
        """`source` says it no longer, of one hub or of all that it spoke of."""
        found = Affected.objects.filter(open=True, firing__contains=source)
        if hub is not None:
            found = found.filter(hub=hub)
        touched: dict[int, Incident] = {}
        for row in found.select_related("incident"):
            words = row.firing.split()
            if source not in words:
                continue
            row.firing = " ".join(word for word in words if word != source)
            if not row.firing:
                row.recovered_at = self.at
            row.save(update_fields=["firing", "recovered_at"])
            incident = self._rows.setdefault(row.incident_id, row.incident)
            self._keep(row)
            origin = "turn" if source == "turn" else "alert"
            write(
                incident, MACHINE, "observed", what, at=self.at, origin=origin, hub=row.hub,
                key=f"{key}:{row.hub}",
            )  # fmt: skip
            touched[row.incident_id] = incident
        return list(touched.values())

    def _keep(self, row: Affected) -> None:
        rows: Sequence[Affected] = self._affected.get(row.incident_id, ())
        if rows:
            self._affected[row.incident_id] = [row if one.pk == row.pk else one for one in rows]
            self._known[row.incident_id] = self._look(row.incident_id)

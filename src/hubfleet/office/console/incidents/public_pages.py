"""What everybody reads of an incident: its public updates and, once published, its report.

An incident is public from its first public update on, and its page names no person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from hubfleet.kit.clock import now, timestamp
from hubfleet.office.console.incidents.report_pages import as_file
from hubfleet.office.incidents.models import Incident, Report
from hubfleet.office.incidents.showing import hubs_of
from hubfleet.office.incidents.words import SECTIONS, UPDATES

SHOWN = timedelta(days=14)
"""So long the status page lists what is over."""
IMPACTS = {"P1": "critical", "P2": "major", "P3": "minor", "P4": "none"}


@dataclass(frozen=True, slots=True)
class Update:
    """One public update."""

    number: int
    at: datetime
    status: str
    text: str


@dataclass(frozen=True, slots=True)
class PublicIncident:
    """What everybody may know. `hubs` are those of one community where that is asked for."""

    number: int
    title: str
    impact: str
    status: str
    hubs: tuple[str, ...]
    began_at: datetime
    resolved_at: datetime | None
    updates: tuple[Update, ...]
    """The newest first."""
    reported: bool

    @property
    def word(self) -> str:
        if self.resolved_at is not None:
            return "good"
        return "bad" if self.impact == "critical" else "warn"

    @property
    def words(self) -> str:
        return UPDATES[self.status]

    @property
    def changed_at(self) -> datetime:
        moments = [*(one.at for one in self.updates[:1]), self.resolved_at, self.began_at]
        return max(moment for moment in moments if moment is not None)


def public_incidents(community: str = "") -> list[PublicIncident]:
    """Open ones and those that ended lately, the newest first."""
    rows = Incident.objects.filter(informed_at__isnull=False).order_by("-id")
    rows = rows.prefetch_related("affected", "entries").select_related("report")
    recent = [row for row in rows[:200] if row.open or _recent(row)]
    found = [made_public(row) for row in recent]
    if not community:
        return found
    return [one for one in found if not one.hubs or _has(one.hubs, community)]


def _recent(row: Incident) -> bool:
    return row.resolved_at is not None and now() - row.resolved_at <= SHOWN


def _has(hubs: Sequence[str], community: str) -> bool:
    return any(hub.partition("/")[0] == community for hub in hubs)


def made_public(row: Incident) -> PublicIncident:
    updates = tuple(
        Update(one.pk, one.at, one.public, one.text)
        for one in sorted(row.entries.all(), key=lambda one: (one.at, one.pk), reverse=True)
        if one.public
    )
    status = updates[0].status if updates and row.open else "resolved"
    report: Report | None = getattr(row, "report", None)
    return PublicIncident(
        number=row.pk,
        title=row.title,
        impact=IMPACTS[row.priority],
        # Said to be over by a person, but not by the record: it is being watched.
        status="monitoring" if status == "resolved" and row.open else status,
        hubs=tuple(hubs_of(row)),
        began_at=row.began_at,
        resolved_at=row.resolved_at,
        updates=updates,
        reported=report is not None and report.state == "published",
    )


def as_statuspage(one: PublicIncident, address: str) -> dict[str, Any]:
    """In the shape that the readers of well-known status pages understand."""
    link = f"{address}/status/incidents/{one.number}/"
    return {
        "id": f"incident-{one.number}",
        "name": one.title,
        "status": one.status,
        "impact": one.impact,
        "created_at": timestamp(one.updates[-1].at if one.updates else one.began_at),
        "started_at": timestamp(one.began_at),
        "updated_at": timestamp(one.changed_at),
        "resolved_at": timestamp(one.resolved_at) if one.resolved_at else None,
        "shortlink": link,
        "components": [{"id": hub, "name": hub} for hub in one.hubs],
        "incident_updates": [
            {
                "id": str(update.number),
                "status": update.status,
                "body": update.text,
                "created_at": timestamp(update.at),
                "updated_at": timestamp(update.at),
            }
            for update in one.updates
        ],
    }


def _public(number: int) -> PublicIncident:
    told = Q(informed_at__isnull=False) | Q(report__state="published")
    row = Incident.objects.filter(told, pk=number).first()
    if row is None:
        raise Http404
    return made_public(row)


@require_safe
def incident(request: HttpRequest, number: int) -> HttpResponse:
    """`/status/incidents/<number>/`, for everybody."""
    values: dict[str, Any] = {"found": _public(number)}
    report = Report.objects.filter(incident_id=number, state="published").first()
    if report is not None and report.published:
        sections = report.published["sections"]
        values["value"] = report.published
        values["sections"] = [(title, sections.get(key, "")) for key, title in SECTIONS.items()]
        values["published_at"] = report.published_at
    return render(request, "console/incidents/public.html", values)


@require_safe
def file(request: HttpRequest, number: int, kind: str) -> HttpResponse:
    """The published report as a file."""
    report = Report.objects.filter(incident_id=number, state="published").first()
    if report is None or not report.published:
        raise Http404
    return as_file(report.published, number, kind)

"""What is owed: updates of the public, reports, actions. Derived, so that nobody forgets one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from hubfleet.fleet.model import Fleet
from hubfleet.kit.clock import timestamp
from hubfleet.kit.units import parse_duration
from hubfleet.office.incidents import roles
from hubfleet.office.incidents.clocks import next_update
from hubfleet.office.incidents.models import Action, Incident, Report

What = Literal["owner", "update", "report", "review", "close", "publication", "action"]
WORDS: dict[What, str] = {
    "owner": "somebody to take it on",
    "update": "an update of the public",
    "report": "a written report",
    "review": "a review by another person",
    "close": "a decision that it is closed",
    "publication": "publication",
    "action": "an action of its report",
}


@dataclass(frozen=True, slots=True)
class Owed:
    """One thing; `owner` is empty when it is nobody's yet."""

    incident: int
    title: str
    what: What
    due_at: datetime
    owner: str
    late: bool
    detail: str = ""
    hubs: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        return WORDS[self.what]

    def as_json(self) -> dict[str, Any]:
        return {
            "incident": self.incident,
            "title": self.title,
            "what": self.what,
            "detail": self.detail,
            "due_at": timestamp(self.due_at),
            "owner": self.owner or None,
            "late": self.late,
        }


_OF_STATE: dict[str, What] = {"draft": "report", "reviewed": "close", "closed": "publication"}


def owed(fleet: Fleet, at: datetime) -> list[Owed]:
    """Everything, what is due first at the top."""
    every = timedelta(seconds=parse_duration(fleet.service.incidents.update_every))
    found: list[Owed] = []
    opened = Incident.objects.filter(resolved_at=None).prefetch_related("affected", "roles")
    for incident in opened:
        found += _of_open(incident, every, at)
    waiting = Report.objects.exclude(state="published").filter(incident__resolved_at__isnull=False)
    for report in waiting.select_related("incident").prefetch_related("incident__affected"):
        what = _OF_STATE[report.state]
        if what == "report" and report.texts.get("contributing") and report.written_by:
            what = "review"
        found.append(
            _made(
                report.incident, what, report.due_at, report.owner if what == "report" else "", at
            )
        )
    actions = Action.objects.filter(
        done_at=None, due__isnull=False, report__closed_at__isnull=False
    )
    for action in actions.select_related("report__incident"):
        assert action.due is not None
        due = datetime.combine(action.due, datetime.min.time(), at.tzinfo) + timedelta(days=1)
        found.append(_made(action.report.incident, "action", due, action.owner, at, action.text))
    return sorted(found, key=lambda one: (one.due_at, one.incident))


def _of_open(incident: Incident, every: timedelta, at: datetime) -> list[Owed]:
    held = roles.holders(incident)
    found = []
    if incident.acknowledged_at is None:
        found.append(_made(incident, "owner", incident.opened_at, "", at))
    due = next_update(incident, every)
    if due is not None and incident.priority in ("P1", "P2"):
        teller = [*held["communications"], *held["responder"], ""][0]
        found.append(_made(incident, "update", due, teller, at))
    return found


def _made(
    incident: Incident, what: What, due: datetime, owner: str, at: datetime, detail: str = ""
) -> Owed:
    hubs = tuple(sorted({row.hub for row in incident.affected.all()}))
    return Owed(incident.pk, incident.title, what, due, owner, due < at, detail, hubs)

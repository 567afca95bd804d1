"""What the public may know: every declared hub, its state, and how available it was. Pure but for
the reading at the top; nobody's name and no number of people is in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from hubfleet.fleet.model import Fleet
from hubfleet.kit.clock import now, timestamp, today
from hubfleet.office.console.glance import Row, glance
from hubfleet.office.console.incidents.public_pages import (
    PublicIncident,
    as_statuspage,
    public_incidents,
)
from hubfleet.office.console.past import days_of
from hubfleet.office.ports import desk
from hubfleet.office.watching.availability import Day, history, in_percent, together, total
from hubfleet.office.watching.models import Announcement

DAYS = 90
Indicator = Literal["none", "minor", "major", "critical"]
Status = Literal[
    "operational", "degraded_performance", "partial_outage", "major_outage", "under_maintenance"
]
"""The words of the well-known status pages, so that their readers understand `summary.json`."""


@dataclass(frozen=True, slots=True)
class Component:
    """One hub."""

    name: str
    title: str
    stage: str
    status: Status
    since: str
    days: tuple[Day, ...]
    target: str = ""
    """What is promised of it, where the operator says so in public."""

    @property
    def word(self) -> str:
        return _WORDS[self.status][0]

    @property
    def text(self) -> str:
        return _WORDS[self.status][1]

    @property
    def percent(self) -> str:
        return in_percent(total(day.share for day in self.days).part)


@dataclass(frozen=True, slots=True)
class Section:
    """One community."""

    name: str
    title: str
    components: tuple[Component, ...]

    @property
    def days(self) -> tuple[Day, ...]:
        return together([one.days for one in self.components])

    @property
    def worst(self) -> Component:
        return max(self.components, key=lambda one: _ORDER.index(one.status))


@dataclass(frozen=True, slots=True)
class PublicStatus:
    """All of it. `seen` is when the fleet was looked at, or empty."""

    service: str
    sections: tuple[Section, ...]
    now: tuple[Announcement, ...]
    later: tuple[Announcement, ...]
    past: tuple[Announcement, ...]
    seen: str
    timezone: str
    incidents: tuple[PublicIncident, ...] = ()
    """Open ones and those that ended lately, from their first public update on."""

    @property
    def open_incidents(self) -> tuple[PublicIncident, ...]:
        return tuple(one for one in self.incidents if one.resolved_at is None)

    @property
    def past_incidents(self) -> tuple[PublicIncident, ...]:
        return tuple(one for one in self.incidents if one.resolved_at is not None)

    @property
    def components(self) -> tuple[Component, ...]:
        return tuple(one for section in self.sections for one in section.components)

    @property
    def indicator(self) -> Indicator:
        ailing = [
            one for one in self.components if one.status not in ("operational", "under_maintenance")
        ]
        out = [one for one in ailing if one.status == "major_outage"]
        if not ailing:
            return "none"
        if len(out) * 2 > len(self.components):
            return "critical"
        return "major" if out else "minor"

    @property
    def word(self) -> str:
        return {"none": "good", "minor": "warn"}.get(self.indicator, "bad")

    @property
    def sentence(self) -> str:
        """The first thing that people read."""
        components = self.components
        ailing = [
            one for one in components if one.status not in ("operational", "under_maintenance")
        ]
        if not components:
            return "There is no hub yet"
        if not self.seen:
            return "The state of the hubs is not known right now"
        if not ailing:
            return "All hubs work"
        if len(ailing) == 1:
            return f"{ailing[0].title} {_SAID[ailing[0].status]}"
        return f"{len(ailing)} of {len(components)} hubs have trouble"


_ORDER: tuple[Status, ...] = (
    "operational", "under_maintenance", "degraded_performance", "partial_outage", "major_outage",
)  # fmt: skip
_WORDS: dict[Status, tuple[str, str]] = {
    "operational": ("good", "works"),
    "degraded_performance": ("warn", "works with trouble"),
    "partial_outage": ("warn", "works in part"),
    "major_outage": ("bad", "does not work"),
    "under_maintenance": ("quiet", "maintenance"),
}
_SAID: dict[Status, str] = {
    "degraded_performance": "has trouble",
    "partial_outage": "works only in part",
    "major_outage": "does not work",
}


_BEHIND_THE_DOOR = ("sign-in", "spawner", "environment", "kernel", "storage", "capacity", "console")
"""Causes with which the hub still answers."""


def status_of(row: Row, *, maintained: bool) -> Status:
    """A hub's public status from its state and from what the checks say; one failure says nothing.

    Where the checks do not know it yet, its last verdict counts.
    """
    if row.state in ("crashed", "hanging", "stopped"):
        return "under_maintenance" if maintained else "major_outage"
    if row.state != "running":
        return "under_maintenance"
    if row.checked == "down":
        if maintained:
            return "under_maintenance"
        return "partial_outage" if row.checked_cause in _BEHIND_THE_DOOR else "major_outage"
    says: dict[str, Status] = {
        "up": "operational",
        "degraded": "degraded_performance",
        "failed": "partial_outage",
    }
    return says.get(row.checked or row.verdict, "operational")


def public_status(community: str = "") -> PublicStatus:
    """Of the whole service, or of one community."""
    fleet = desk().fleet()
    seen = glance()
    told = list(Announcement.objects.order_by("-starts_at")[:200])
    if community:
        told = [one for one in told if one.community in ("", community)]
    present = now()
    current = [one for one in told if one.starts_at <= present and not _over(one, present)]
    maintained = {one.community for one in current if one.kind == Announcement.Kind.MAINTENANCE}
    rows = [row for row in seen.rows if row.declared and community in ("", row.community)]
    return PublicStatus(
        service=fleet.service.name,
        sections=_sections(fleet, rows, maintained),
        now=tuple(current),
        later=tuple(one for one in reversed(told) if one.starts_at > present),
        past=tuple(one for one in told if _over(one, present))[:20],
        incidents=tuple(public_incidents(community)),
        seen=seen.at,
        timezone=fleet.service.timezone,
    )


def _over(one: Announcement, present: datetime) -> bool:
    return one.ends_at is not None and one.ends_at <= present


def _sections(fleet: Fleet, rows: Sequence[Row], maintained: set[str]) -> tuple[Section, ...]:
    last = today(fleet.service.timezone)
    days = days_of([row.hub for row in rows])
    found = []
    for name, community in fleet.communities.items():
        components = tuple(
            Component(
                name=row.hub,
                title=row.title,
                stage=row.stage,
                status=status_of(row, maintained=bool(maintained & {"", name})),
                since=row.since,
                days=history(days[row.hub], last, DAYS),
                target=_target(fleet, row),
            )
            for row in sorted(rows, key=lambda row: (row.stage == "staging", row.hub))
            if row.community == name
        )
        if components:
            found.append(Section(name, community.file.name, components))
    return tuple(found)


def _target(fleet: Fleet, row: Row) -> str:
    objectives = fleet.service.objectives
    target = objectives.target_of(row.hub, row.stage) if objectives.public else None
    return "" if target is None else f"{target:g} %"


def summary(status: PublicStatus, address: str) -> dict[str, Any]:
    """`summary.json`, in the shape that the well-known status pages have."""
    return {
        "page": {
            "id": "hubfleet",
            "name": status.service,
            "url": f"{address}/status/",
            "time_zone": status.timezone,
            "updated_at": status.seen or None,
        },
        "status": {"indicator": status.indicator, "description": status.sentence},
        "components": [
            {
                "id": one.name,
                "name": one.title,
                "status": one.status,
                "description": None,
                "group": False,
                "group_id": section.name,
                "position": position,
                "updated_at": one.since or None,
                "only_show_if_degraded": False,
                "showcase": True,
            }
            for section in status.sections
            for position, one in enumerate(section.components, start=1)
        ]
        + [
            {
                "id": section.name,
                "name": section.title,
                "status": section.worst.status,
                "description": None,
                "group": True,
                "group_id": None,
                "components": [one.name for one in section.components],
            }
            for section in status.sections
        ],
        "incidents": [
            *(as_statuspage(one, address) for one in status.incidents if not one.resolved_at),
            *(_told(one, address) for one in status.now if one.kind == Announcement.Kind.TROUBLE),
        ],
        "scheduled_maintenances": [
            _told(one, address)
            for one in (*status.now, *status.later)
            if one.kind == Announcement.Kind.MAINTENANCE
        ],
    }


def _told(one: Announcement, address: str) -> dict[str, Any]:
    starts = timestamp(one.starts_at)
    begun = one.starts_at <= now()
    maintenance = one.kind == Announcement.Kind.MAINTENANCE
    status = ("in_progress" if begun else "scheduled") if maintenance else "investigating"
    return {
        "id": str(one.pk),
        "name": one.title,
        "status": status,
        "impact": "maintenance" if maintenance else "minor",
        "created_at": starts,
        "updated_at": timestamp(one.changed_at),
        "scheduled_for": starts if maintenance else None,
        "scheduled_until": timestamp(one.ends_at) if maintenance and one.ends_at else None,
        "shortlink": f"{address}/status/",
        "incident_updates": [
            {
                "id": f"{one.pk}-1",
                "status": status,
                "body": one.text,
                "created_at": starts,
                "updated_at": timestamp(one.changed_at),
            }
        ],
    }

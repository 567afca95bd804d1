"""The whole fleet at a glance: one row a hub, gathered from declaration, last look and memory.

The number of queries does not depend on the number of hubs. What was gathered is kept until
something it is made from changes, so that many readers cost little more than one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Any, Literal

from django.db import connection
from django.db.models import Max

from hubfleet.fleet.model import Fleet
from hubfleet.fleet.sign_in import access_note
from hubfleet.kit.clock import now, timestamp, today
from hubfleet.kit.errors import Problem
from hubfleet.office.ledger.models import Revision
from hubfleet.office.ports import desk
from hubfleet.office.watching import latest
from hubfleet.office.watching.latest import Latest
from hubfleet.office.watching.models import Condition, ProbeRecord, Sighting, Turn
from hubfleet.planning.observation import ObservedHub
from hubfleet.planning.plan import Plan, make_plan
from hubfleet.planning.steps import action, hub_name

Word = Literal["good", "warn", "bad", "quiet", "busy"]

STATES: Mapping[str, tuple[Word, str]] = {
    "running": ("good", "running"),
    "starting": ("busy", "starting"),
    "hanging": ("bad", "hanging"),
    "crashed": ("bad", "crashed"),
    "stopped": ("bad", "stopped"),
    "absent": ("quiet", "not created"),
    "unseen": ("quiet", "not seen yet"),
}
"""How a state looks, and what it is called."""

VERDICTS: Mapping[str, Word] = {"healthy": "good", "degraded": "warn", "failed": "bad"}
ACTS: Mapping[str, str] = {
    "create": "to be created",
    "update": "to be changed",
    "start": "to be started",
    "remove": "to be removed",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One hub, ready to be shown. Times are ISO text, empty for never."""

    hub: str
    community: str
    community_title: str
    title: str
    cluster: str
    stage: str
    state: str
    since: str
    url: str
    revision: int
    users: int
    note: str
    verdict: str
    verdict_at: str
    changed_at: str
    changed_by: str
    changed_why: str
    waiting: str
    declared: bool
    checked: str = ""
    """What the checks say, `up`, `degraded` or `down`; empty while they do not know."""
    checked_since: str = ""
    checked_cause: str = ""
    checked_what: str = ""

    @property
    def short(self) -> str:
        """The hub's own name, without its community's."""
        return self.hub.partition("/")[2]

    @property
    def state_word(self) -> Word:
        return STATES.get(self.state, ("quiet", self.state))[0]

    @property
    def state_text(self) -> str:
        return STATES.get(self.state, ("quiet", self.state))[1]

    @property
    def verdict_word(self) -> Word:
        return VERDICTS.get(self.verdict, "quiet")

    @property
    def waiting_text(self) -> str:
        return ACTS.get(self.waiting, self.waiting)

    @property
    def ails(self) -> bool:
        """Whether somebody ought to look at it."""
        troubled = self.state_word == "bad" or self.verdict_word in ("bad", "warn")
        return troubled or self.checked in ("degraded", "down")

    @property
    def checked_word(self) -> Word:
        return {"up": "good", "degraded": "warn", "down": "bad"}.get(self.checked, "quiet")  # type: ignore[return-value]


@dataclass(frozen=True, slots=True)
class Glance:
    """All rows, in the order of their names; `at` is when the fleet was looked at, or empty."""

    rows: tuple[Row, ...]
    plan: Plan
    troubles: tuple[Problem, ...]
    at: str
    version: int

    def count(self, state: str) -> int:
        return sum(row.state == state for row in self.rows)


@dataclass(frozen=True, slots=True)
class _Verdict:
    verdict: str
    at: datetime


_lock = Lock()
_kept: dict[str, Any] = {"key": None, "glance": None, "version": 0}


def glance() -> Glance:
    """The fleet now; one small query when nothing changed since the last call."""
    fleet = desk().fleet()
    troubles = desk().troubles()
    seen = latest.get()
    minute = now().replace(second=0, microsecond=0)
    key = (id(fleet), id(seen), _newest_ids(), troubles, minute)
    with _lock:
        if _kept["key"] == key:
            kept: Glance = _kept["glance"]
            return kept
        made = _gather(fleet, seen, troubles, _kept["version"] + 1)
        # The values are kept too, so that their ids are not given to others meanwhile.
        _kept.update(key=key, glance=made, version=made.version, of=(fleet, seen))
        return made


def _newest_ids() -> tuple[int | None, ...]:
    """What has been written since, in plain SQL: every reader of every page asks."""
    with connection.cursor() as cursor:
        cursor.execute(_NEWEST)
        found: tuple[int | None, ...] = tuple(cursor.fetchone())
        return found


_NEWEST = f"""
SELECT (SELECT MAX(id) FROM {Revision._meta.db_table}),
(SELECT MAX(id) FROM {ProbeRecord._meta.db_table}),
(SELECT MAX(id) FROM {Turn._meta.db_table})
"""  # noqa: S608, names of our own tables


def _gather(
    fleet: Fleet, seen: Latest | None, troubles: tuple[Problem, ...], version: int
) -> Glance:
    observed = (
        {hub.name: hub for one in seen.observations for hub in one.hubs.values()} if seen else {}
    )
    plan = make_plan(fleet, seen.observations) if seen else Plan(())
    waiting = {hub_name(step): action(step) for step in plan.steps}
    sightings = {row.hub: row for row in Sighting.objects.all()}
    verdicts, changes = _verdicts(), _changes()
    people = seen.people if seen else {}
    conditions = {row.hub: row for row in Condition.objects.exclude(state="unknown")}
    rows = []
    for name in sorted({*fleet.hubs, *observed}):
        community = name.partition("/")[0]
        hub, hub_seen, change = fleet.hubs.get(name), observed.get(name), changes.get(name)
        declared = fleet.communities.get(community)
        sighting, verdict = sightings.get(name), verdicts.get(name)
        absent = "absent" if seen else "unseen"
        condition = conditions.get(name)
        rows.append(
            Row(
                hub=name,
                community=community,
                community_title=declared.file.name if declared else community,
                title=(hub.values.title if hub else None) or name,
                cluster=hub_seen.cluster if hub_seen else hub.cluster if hub else "",
                stage=hub.stage if hub else "",
                state=hub_seen.state if hub_seen else absent,
                since=timestamp(sighting.since) if sighting and hub_seen else "",
                url=hub_seen.url if hub_seen else "",
                revision=hub_seen.revision if hub_seen else 0,
                users=len(people.get(name, ())),
                note=_note(fleet, name, hub_seen),
                verdict=verdict.verdict if verdict and hub_seen else "",
                verdict_at=timestamp(verdict.at) if verdict and hub_seen else "",
                changed_at=timestamp(change["at"]) if change else "",
                changed_by=change["who"] if change else "",
                changed_why=change["why"] if change else "",
                waiting=waiting.get(name, ""),
                declared=hub is not None,
                **_checked(condition),
            )
        )
    return Glance(tuple(rows), plan, troubles, timestamp(seen.at) if seen else "", version)


def _checked(row: Condition | None) -> dict[str, str]:
    if row is None:
        return {}
    return {
        "checked": row.state,
        "checked_since": timestamp(row.since) if row.since else "",
        "checked_cause": row.cause,
        "checked_what": row.what,
    }


def _note(fleet: Fleet, name: str, seen: ObservedHub | None) -> str:
    hub = fleet.hubs.get(name)
    access = access_note(hub.values.access, today(hub.timezone)) if hub else "no longer declared"
    return "; ".join(note for note in (seen.note if seen else "", access) if note)


def _newest(model: Any) -> Any:
    """The newest row of each hub, in one query."""
    last = model.objects.values("hub").annotate(last=Max("id")).values("last").order_by()
    return model.objects.filter(id__in=last)


def _verdicts() -> dict[str, _Verdict]:
    """By hub, what the newest probe said, whether a rollout or a person asked for it."""
    found: dict[str, _Verdict] = {}
    revisions = Revision.objects.exclude(verdict="")
    last = revisions.values("hub").annotate(last=Max("id")).values("last").order_by()
    probed: Iterable[Any] = (
        *Revision.objects.filter(id__in=last).values_list("hub", "verdict", "at"),
        *_newest(ProbeRecord).values_list("hub", "verdict", "at"),
    )
    for hub, verdict, at in probed:
        if hub not in found or found[hub].at < at:
            found[hub] = _Verdict(verdict, at)
    return found


def _changes() -> dict[str, dict[str, Any]]:
    """By hub, its newest revision."""
    rows = _newest(Revision).values("hub", "at", "who", "why", "action")
    return {row["hub"]: row for row in rows}

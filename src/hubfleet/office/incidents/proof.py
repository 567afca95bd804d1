"""Whether probes agree that it is over, hub by hub."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Max

from hubfleet.fleet.model import Fleet
from hubfleet.office.incidents.models import Incident
from hubfleet.office.watching.models import ProbeRecord

FRESH = timedelta(minutes=30)
"""An older probe says nothing about now."""
GOOD = ("healthy", "degraded")


@dataclass(frozen=True, slots=True)
class Proof:
    """What the newest probe of a hub says about its recovery."""

    hub: str
    proven: bool
    words: str
    at: datetime | None = None


def judge(
    since: datetime, verdict: str, cause: str, probed_at: datetime | None, at: datetime
) -> tuple[bool, str]:
    """Whether a probe proves that a hub, broken until `since`, works at `at`. Pure."""
    if probed_at is None or probed_at < since:
        return False, "no probe since it was broken"
    if verdict not in GOOD:
        return False, f"the last probe failed: {cause}" if cause else "the last probe failed"
    if at - probed_at > FRESH:
        return False, "the last probe is too old"
    return True, f"a probe found it {verdict}"


def proofs(incident: Incident, fleet: Fleet, at: datetime) -> list[Proof]:
    """One for each affected hub. What nobody declares any more, and the service, need none."""
    rows = {row.hub: row for row in incident.affected.all() if row.hub}
    newest = _newest(rows)
    found = []
    for hub, row in sorted(rows.items()):
        if hub not in fleet.hubs:
            found.append(Proof(hub, proven=True, words="it is not declared any more"))
            continue
        probe = newest.get(hub)
        proven, words = judge(
            row.recovered_at or row.since, probe.verdict if probe else "",
            probe.cause if probe else "", probe.at if probe else None, at,
        )  # fmt: skip
        found.append(Proof(hub, proven, words, probe.at if probe else None))
    return found


def _newest(hubs: Mapping[str, object]) -> dict[str, ProbeRecord]:
    named = ProbeRecord.objects.filter(hub__in=list(hubs)).values_list("hub")
    last = dict(named.annotate(Max("id")))
    rows = ProbeRecord.objects.in_bulk(list(last.values()))
    return {hub: rows[key] for hub, key in last.items() if key in rows}


def unproven(incident: Incident, fleet: Fleet, at: datetime) -> list[Proof]:
    return [one for one in proofs(incident, fleet, at) if not one.proven]

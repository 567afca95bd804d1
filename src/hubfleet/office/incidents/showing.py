"""Incidents as values for programs: what `--json` and the pages are made from."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Max, QuerySet

from hubfleet.fleet.model import Fleet
from hubfleet.fleet.responsibilities import owner_of
from hubfleet.kit.clock import now, timestamp
from hubfleet.kit.units import parse_duration
from hubfleet.office.incidents import clocks, proof, roles
from hubfleet.office.incidents.models import Affected, Incident
from hubfleet.office.incidents.words import KINDS
from hubfleet.office.usage.present import people_present


def newest(*, only_open: bool = False, hubs: Collection[str] | None = None) -> QuerySet[Incident]:
    """The open ones first, then the newest; of some hubs, or of all."""
    found = Incident.objects.order_by("-id").prefetch_related("affected", "roles")
    if only_open:
        found = found.filter(resolved_at=None)
    if hubs is not None:
        found = found.filter(affected__hub__in=list(hubs)).distinct()
    return found


def last_of_communities() -> dict[str, Incident]:
    """By community, its newest incident; one query for them all, and one for the incidents."""
    last: dict[str, int] = {}
    for hub, number in Affected.objects.values_list("hub").annotate(Max("incident_id")):
        community = hub.partition("/")[0]
        last[community] = max(number, last.get(community, 0))
    rows = Incident.objects.in_bulk(set(last.values()))
    return {community: rows[number] for community, number in last.items() if community}


def every(fleet: Fleet) -> timedelta:
    """How often the public is to hear of an open incident."""
    return timedelta(seconds=parse_duration(fleet.service.incidents.update_every))


def row(incident: Incident, fleet: Fleet) -> dict[str, Any]:
    """One line of a list."""
    due = clocks.next_update(incident, every(fleet))
    held = roles.holders(incident)
    return {
        "incident": incident.pk,
        "title": incident.title,
        "priority": incident.priority,
        "kind": incident.kind,
        "state": incident.state,
        "hubs": hubs_of(incident),
        "began_at": timestamp(incident.began_at),
        "opened_at": timestamp(incident.opened_at),
        "resolved_at": _text(incident.resolved_at),
        "responder": [*held["responder"], None][0],
        "next_update_due": _text(due),
        "update_late": due is not None and due < now(),
    }


def hubs_of(incident: Incident) -> list[str]:
    """By name; the empty name, which is the service, left out."""
    return sorted({one.hub for one in incident.affected.all() if one.hub})


def whole(incident: Incident, fleet: Fleet) -> dict[str, Any]:
    """Everything about one."""
    at = now()
    return {
        **row(incident, fleet),
        "words": KINDS[incident.kind],
        "source": incident.source,
        "opened_by": incident.opened_by,
        "acknowledged_at": _text(incident.acknowledged_at),
        "acknowledged_by": incident.acknowledged_by or None,
        "mitigated_at": _text(incident.mitigated_at),
        "resolved_by": incident.resolved_by or None,
        "unverified": incident.unverified or None,
        "channel": incident.channel or None,
        "users_affected": incident.users_affected,
        "users_measured": users_measured(incident),
        "user_minutes": clocks.user_minutes(incident),
        "returns": incident.returns,
        "conditions": [
            {"condition": one.words, "met": one.met} for one in clocks.conditions(incident)
        ],
        "roles": roles.holders(incident),
        "offers": [
            {"role": one.role, "to": one.login, "by": one.offered_by}
            for one in incident.roles.all()
            if one.state == "offered"
        ],
        "asked_first": asked_first(incident, fleet),
        "recovery": [
            {"hub": one.hub, "proven": one.proven, "words": one.words}
            for one in (proof.proofs(incident, fleet, at) if incident.open else ())
        ],
        "times": clocks.times(incident).as_json(),
        "timeline": [
            {
                "at": timestamp(one.at),
                "kind": one.kind,
                "origin": one.origin,
                "who": one.who,
                "text": one.text,
                "hub": one.hub or None,
                "link": one.link or None,
                "public": one.public or None,
            }
            for one in incident.entries.all()
        ],
    }


def users_measured(incident: Incident, hubs: Collection[str] | None = None) -> int | None:
    """People who had a server on these of its hubs, or on all, from when it began until they
    could work again; None where nothing was measured.
    """
    until = incident.mitigated_at or incident.resolved_at or now()
    where = hubs_of(incident) if hubs is None else hubs
    return people_present(where, incident.began_at, until)


def asked_first(incident: Incident, fleet: Fleet) -> list[str]:
    """Who is asked to repair it, by who owns that: names of communities, then the operator."""
    communities = {hub.partition("/")[0] for hub in hubs_of(incident)} & set(fleet.communities)
    owners = {name: owner_of(fleet, name, "respond-to-incidents") for name in sorted(communities)}
    theirs = [
        fleet.communities[name].file.name
        for name, owner in owners.items()
        if owner in ("community", "shared")
    ]
    operators = not owners or any(owner != "community" for owner in owners.values())
    return [*theirs, *([fleet.service.operator] if operators else [])]


def _text(moment: datetime | None) -> str | None:
    return timestamp(moment) if moment else None

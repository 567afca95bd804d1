"""From alerts and turns to troubles: which hub, which kind, how urgent. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from hubfleet.fleet.model import Fleet
from hubfleet.office.incidents.grouping import Trouble
from hubfleet.office.incidents.words import KINDS, PRIORITIES

OF_CAUSE: Mapping[str, str] = {
    "hub": "hub-unreachable",
    "proxy": "hub-unreachable",
    "network": "hub-unreachable",
    "certificate": "hub-unreachable",
    "sign-in": "sign-in-fails",
    "spawner": "servers-do-not-start",
    "image": "servers-do-not-start",
    "environment": "servers-do-not-start",
    "kernel": "servers-do-not-start",
    "storage": "home-full",
    "capacity": "infrastructure",
}
"""The kind of an outage by the cause class that a check found."""

OF_ALERT: Mapping[str, str] = {
    "HubDown": "hub-unreachable",
    "ClusterDown": "infrastructure",
    "ServersDoNotStart": "servers-do-not-start",
    "ServersStartSlowly": "reduced-performance",
    "RequestsFail": "reduced-performance",
    "NobodySignsIn": "sign-in-fails",
    "ConsoleDown": "sign-in-fails",
    "HubRestartsOften": "reduced-performance",
    "PodRestarts": "reduced-performance",
    "PodPending": "servers-do-not-start",
    "VolumeFillsUp": "home-full",
    "VolumeFull": "home-full",
    "ObjectiveAtRisk": "reduced-performance",
}
"""The kind by the name of a rule of ours; a label `kind` says it for rules of others."""

_URGENT = ("hub-unreachable", "sign-in-fails", "servers-do-not-start", "infrastructure")


@dataclass(frozen=True, slots=True)
class Told:
    """One alert as it was told, already read."""

    fingerprint: str
    starts_at: datetime
    firing: bool
    name: str
    labels: Mapping[str, str]
    what: str
    url: str = ""


def priority_of(kind: str, stage: str) -> str:
    """What nobody said: by kind, and by whether people depend on the hub."""
    if stage == "staging":
        return "P3" if kind in _URGENT else "P4"
    return "P1" if kind in _URGENT else "P2"


def kind_of(told: Told) -> str:
    said = told.labels.get("kind", "")
    return said if said in KINDS else OF_ALERT.get(told.name, "other")


def troubles_of(told: Told, fleet: Fleet) -> tuple[Trouble, ...]:
    """One for each declared hub that it is about; none for a hub that nobody declares."""
    kind, labels = kind_of(told), told.labels
    said = labels.get("priority", "")
    found = []
    for hub, cluster, stage in _about(labels, fleet):
        priority = said if said in PRIORITIES else priority_of(kind, stage)
        found.append(
            Trouble(
                hub, cluster, kind, priority, told.what, told.starts_at,
                f"alert:{told.fingerprint}", told.name,
            )
        )  # fmt: skip
    return tuple(found)


def _about(labels: Mapping[str, str], fleet: Fleet) -> list[tuple[str, str, str]]:
    """`(hub, cluster, stage)` of what the labels name, the most precise first."""
    hub, community = labels.get("hub", ""), labels.get("community", "")
    cluster = labels.get("cluster", "")
    if hub:
        name = hub if "/" in hub else f"{community}/{hub}"
        found = fleet.hubs.get(name)
        return [(name, found.cluster, found.stage)] if found else []
    if cluster or community:
        return [
            (name, one.cluster, one.stage)
            for name, one in sorted(fleet.hubs.items())
            if (not cluster or one.cluster == cluster)
            and (not community or one.community == community)
        ]
    return [("", "", "production")]


def turn_trouble(
    hub: str, state: str, cause: str, what: str, began_at: datetime, fleet: Fleet
) -> Trouble | None:
    """What our own checks say of a hub; None for one that is not declared."""
    found = fleet.hubs.get(hub)
    if found is None:
        return None
    kind = OF_CAUSE.get(cause, "other")
    if state == "degraded":
        kind = "reduced-performance"
    elif not cause:
        kind = "hub-unreachable"
    priority = priority_of(kind, found.stage)
    return Trouble(hub, found.cluster, kind, priority, what, began_at, "turn", cause or state)

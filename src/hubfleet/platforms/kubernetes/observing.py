"""What a cluster holds: a few calls for all of its hubs, then pure reading.

Namespaces with our labels say which hubs there are, records what was applied, the labels of Helm's
releases which record is true and whether somebody was cut off, Deployments whether it runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hubfleet.fleet.kubernetes_names import release_of
from hubfleet.kit.clock import now
from hubfleet.kit.errors import HubfleetError
from hubfleet.planning.observation import Observation, ObservedHub, State
from hubfleet.platforms.kubernetes import marks
from hubfleet.platforms.kubernetes.api import (
    CLAIMS,
    CONFIG_MAPS,
    DEPLOYMENTS,
    NAMESPACES,
    SECRETS,
    Api,
    Kind,
    Object,
)
from hubfleet.platforms.kubernetes.drift import Drift, foreign_fields, missing_objects
from hubfleet.platforms.kubernetes.record import Record, Records
from hubfleet.platforms.kubernetes.releases import SELECTOR, History, histories

SERVICES = Kind("services")
INGRESSES = Kind("ingresses", "networking.k8s.io")
WATCHED: Mapping[str, Kind] = {
    "Service": SERVICES,
    "Ingress": INGRESSES,
    "PersistentVolumeClaim": CLAIMS,
}
"""Kinds beside Deployments whose loss is seen; what else a chart brings is looked at on apply."""

OBJECTS = "objects"
"""The key of the ConfigMap that names the objects of the last release that came up."""

CLIENT = "console.secret"
"""The key of a plan's reason that the hub's secret at the console is another one now."""

_COMPONENTS = ("hub", "proxy")
_CHART = "app=jupyterhub,release in ({names})"
_RELEASES = f"{SELECTOR},name in ({{names}})"
_NAMES = 100
"""Releases that are asked for at once: an address may not be too long."""


@dataclass(slots=True)
class Held:
    """All that was read of one hub."""

    hub: str
    namespace: str
    records: Records = field(default_factory=Records)
    objects: tuple[str, ...] = ()
    history: History = field(default_factory=History)
    deployments: dict[str, Object] = field(default_factory=dict)
    there: set[str] = field(default_factory=set)
    closing: str = ""

    @property
    def record(self) -> Record | None:
        """What the newest release that came up brought."""
        good = self.history.deployed
        return self.records.by_revision.get(good.revision) if good else None


def read_all(api: Api, cluster: str, fleet: str) -> dict[str, Held]:
    """Every hub of this fleet on this declared cluster, by name."""
    labels = f"{marks.SELECTOR},{marks.CLUSTER}={cluster},{marks.FLEET}={marks.fleet_mark(fleet)}"
    spaces = api.select(NAMESPACES, labels=labels, metadata_only=True)
    held = {
        space["metadata"]["name"]: Held(hub, space["metadata"]["name"])
        for space in spaces
        if (hub := marks.hub_of(space["metadata"].get("labels") or {}))
    }
    if held:
        _fill(api, held, labels)
    return {one.hub: one for one in held.values()}


def read_one(api: Api, hub: str, namespace: str) -> Held:
    """One hub alone; nothing of it need be there."""
    held = {namespace: Held(hub, namespace)}
    _fill(api, held, everywhere=False)
    return held[namespace]


def _fill(
    api: Api, held: Mapping[str, Held], labels: str = marks.SELECTOR, *, everywhere: bool = True
) -> None:
    releases = [release_of(one.hub) for one in held.values()]

    def select(kind: Kind, chosen: str, *, metadata_only: bool = False) -> Iterator[Object]:
        for start in range(0, len(releases), _NAMES):
            names = ",".join(releases[start : start + _NAMES])
            yield from one_selection(kind, chosen.format(names=names), metadata_only=metadata_only)

    def one_selection(kind: Kind, chosen: str, *, metadata_only: bool) -> list[Object]:
        if everywhere:
            try:
                return api.select(kind, labels=chosen, metadata_only=metadata_only)
            except HubfleetError as error:
                if error.problems[0].code != "right-missing":
                    raise
        return [
            found
            for namespace in held
            for found in api.select(kind, namespace, labels=chosen, metadata_only=metadata_only)
        ]

    for value in one_selection(CONFIG_MAPS, labels, metadata_only=False):
        one = held.get(value["metadata"]["namespace"])
        if one is not None and value["metadata"]["name"] == marks.RECORD:
            data = dict(value.get("data") or {})
            one.objects = tuple(data.pop(OBJECTS, "").split())
            one.records = Records.read(data)
        elif one is not None and value["metadata"]["name"] == marks.CLOSING:
            one.closing = str((value.get("data") or {}).get("until", ""))
    for (namespace, _), past in histories(select(SECRETS, _RELEASES, metadata_only=True)).items():
        # A namespace may hold more releases than the hub's: ours are those with our labels.
        if namespace in held and any(marks.REVISION in one.labels for one in past.all):
            held[namespace].history = past
    for value in select(DEPLOYMENTS, _CHART):
        one = held.get(value["metadata"]["namespace"])
        if one is not None:
            one.deployments[value["metadata"]["name"]] = value
            one.there.add(f"Deployment/{value['metadata']['name']}")
    for word, kind in WATCHED.items():
        for value in select(kind, _CHART, metadata_only=True):
            one = held.get(value["metadata"]["namespace"])
            if one is not None:
                one.there.add(f"{word}/{value['metadata']['name']}")


def gone(held: Held) -> list[Drift]:
    """Objects of watched kinds that somebody deleted."""
    watched = ("Deployment/", *(f"{word}/" for word in WATCHED))
    return missing_objects([n for n in held.objects if n.startswith(watched)], held.there)


def touched(held: Held) -> bool:
    """Whether somebody else set a field of a Deployment: worth a look at the release itself."""
    return any(foreign_fields(one.get("metadata") or {}) for one in held.deployments.values())


def observed(
    held: Held,
    cluster: str,
    drifts: Sequence[Drift],
    come_up: float,
    client: str | None = None,
) -> ObservedHub | None:
    """The hub as the planner sees it; None where there is no release of it.

    `client` is the mark of its secret of now at the console, None for a hub that has none.
    """
    newest, record = held.history.newest, held.record
    if newest is None:
        return None
    if held.history.deployed is None:
        return ObservedHub(
            name=held.hub,
            cluster=cluster,
            state="stopped",
            values={"release": newest.status},
            note=f"it never came up (its first release is {newest.status})",
            closing=held.closing,
            came_up=False,
        )
    values: dict[str, Any] = dict(record.flat) if record else {}
    notes = []
    if newest.status != "deployed":
        values["release"] = newest.status
        notes.append(_release_note(newest.status))
    if record is not None and client is not None and record.client != client:
        values[CLIENT] = "an earlier one"
    for drift in drifts:
        values[drift.key] = drift.shown
        notes.append(_drift_note(drift))
    state = state_of(held.deployments, come_up)
    return ObservedHub(
        name=held.hub,
        cluster=cluster,
        state=state,
        values=values,
        software=dict(record.software) if record else {},
        revision=held.history.deployed.revision,
        url=record.url if record else "",
        since=held.history.deployed.created,
        note="; ".join(notes),
        closing=held.closing,
    )


def _release_note(status: str) -> str:
    if status == "failed":
        return "its last change failed"
    return f"its last change was cut off ({status})"


def _drift_note(drift: Drift) -> str:
    if not drift.field:
        return f"{drift.object} was deleted"
    return f"{drift.object}{drift.field} was changed by {drift.owner}"


def observation(
    cluster: str, hubs: Iterable[ObservedHub | None], software: Mapping[str, str]
) -> Observation:
    """Everything that the cluster holds."""
    found = {one.name: one for one in hubs if one is not None}
    return Observation(cluster, dict(sorted(found.items())), dict(software))


def state_of(deployments: Mapping[str, Object], come_up: float) -> State:
    """The worst state of the hub and its proxy."""
    order: tuple[State, ...] = ("stopped", "crashed", "hanging", "starting", "running")
    states = [_state(deployments.get(name), come_up) for name in _COMPONENTS]
    return min(states, key=order.index)


def _state(deployment: Object | None, come_up: float) -> State:
    if deployment is None or deployment["spec"].get("replicas", 1) == 0:
        return "stopped"
    status = deployment.get("status") or {}
    current = status.get("observedGeneration") == deployment["metadata"].get("generation")
    if current and status.get("availableReplicas", 0) >= 1:
        return "running"
    conditions = {one["type"]: one for one in status.get("conditions") or ()}
    if conditions.get("Progressing", {}).get("status") == "False":
        return "crashed"
    away = conditions.get("Available", {})
    if away.get("status") == "False" and _seconds_since(away.get("lastTransitionTime")) > come_up:
        return "hanging"
    return "starting"


def _seconds_since(moment: str | None) -> float:
    if not moment:
        return 0.0
    return (now() - datetime.fromisoformat(moment)).total_seconds()

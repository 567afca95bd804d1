"""What acts on one cluster are done with: its API, its helm, and where things are."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hubfleet.fleet.kubernetes import Kubernetes
from hubfleet.fleet.kubernetes_names import namespace_of, release_of
from hubfleet.fleet.model import Cluster, Hub
from hubfleet.kit.errors import HubfleetError, TransientError, failure
from hubfleet.kit.units import parse_duration
from hubfleet.platforms.kubernetes import marks
from hubfleet.platforms.kubernetes.api import CONFIG_MAPS, SECRETS, Api
from hubfleet.platforms.kubernetes.drift import (
    Drift,
    changed_fields,
    object_name,
)
from hubfleet.platforms.kubernetes.helm import Helm, HelmError
from hubfleet.platforms.kubernetes.helm_words import problem_of, understood
from hubfleet.platforms.kubernetes.namespaces import Place
from hubfleet.platforms.kubernetes.observing import OBJECTS, Held, gone, touched
from hubfleet.platforms.kubernetes.record import Records
from hubfleet.platforms.kubernetes.rendering.pins import Pins
from hubfleet.platforms.kubernetes.troubles import trouble_of, unready


@dataclass(frozen=True, slots=True)
class Job:
    """One hub as it is to be placed.

    `declared` are the values of the declaration's secrets, by mark; `chart` is a file or a folder
    that helm takes, `chart_name` says which (`jupyterhub 4.3.3`).
    """

    hub: Hub
    chart: str
    chart_name: str
    software: Mapping[str, str]
    declared: Mapping[str, Any] = field(default_factory=dict, repr=False)
    logo: bytes | None = field(default=None, repr=False)
    take_ownership: bool = False
    client: str = ""
    """The mark of the hub's secret at the console."""


def _kept(pins: Pins) -> dict[str, str]:
    """What the cluster keeps of them: the declaration's secrets are not among it."""
    kept = {key: value for key, value in pins.as_json().items() if key != "declared"}
    return {"pins.json": json.dumps(kept)}


@dataclass(frozen=True)
class Work:
    """`fleet` is the service's name; `shelf` the folder for this cluster's snapshots."""

    api: Api
    helm: Helm
    cluster: Cluster
    fleet: str
    shelf: Path

    @property
    def declared(self) -> Kubernetes:
        """What the cluster's file says."""
        return self.cluster.file.kubernetes or Kubernetes()

    @property
    def come_up(self) -> float:
        """Seconds until a hub must be ready."""
        return parse_duration(self.declared.come_up)

    def place(self, hub: str) -> Place:
        """Where a hub is, or would be."""
        return Place(
            hub,
            self.cluster.name,
            self.fleet,
            namespace_of(hub, self.declared),
            release_of(hub),
            self.declared.create_namespaces,
        )

    def drifts(self, held: Held) -> list[Drift]:
        """What others changed of the hub; the release is read only when there is a sign of it."""
        lost = gone(held)
        good = held.history.deployed
        if good is None or not touched(held):
            return lost
        wanted = {
            object_name(one): one
            for one in self.helm.manifest(good.name, good.namespace, good.number)
        }
        changed = [
            drift
            for name, live in held.deployments.items()
            if (asked := wanted.get(f"Deployment/{name}"))
            for drift in changed_fields(asked, live, f"Deployment/{name}")
        ]
        return [*lost, *changed]

    def pins(self, place: Place, *, make: bool = False) -> Pins:
        """The hub's pinned secrets; raises `unknown-hub` where it has none."""
        found = self.api.find(SECRETS, marks.PINS, place.namespace)
        if found is None:
            if not make:
                raise self.unknown(place.hub)
            pins = Pins.made()
            self._keep_pins(place, pins)
            # Whoever made them first wins, also when that was somebody else just now.
            return self.pins(place)
        text = base64.b64decode(found["data"]["pins.json"]).decode()
        pins = Pins.read(json.loads(text))
        if make and not (pins.office_token and pins.meter_token):
            # An earlier hubfleet made them; whoever places the hub adds what it did not know.
            new = Pins.made()
            pins = replace(
                pins,
                office_token=pins.office_token or new.office_token,
                meter_token=pins.meter_token or new.meter_token,
            )
            self.api.change(SECRETS, marks.PINS, {"stringData": _kept(pins)}, place.namespace)
        return pins

    def _keep_pins(self, place: Place, pins: Pins) -> None:
        self.api.create(
            SECRETS,
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": marks.PINS, "labels": place.labels},
                "stringData": _kept(pins),
            },
            place.namespace,
        )

    def write_records(self, place: Place, records: Records, objects: tuple[str, ...]) -> None:
        """Into the hub's namespace, all at once."""
        value = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": marks.RECORD, "labels": place.labels},
            "data": {**records.data(), OBJECTS: "\n".join(objects)},
        }
        self.api.apply(CONFIG_MAPS, value, place.namespace)

    def objects_of(self, place: Place, number: int) -> tuple[str, ...]:
        """The names of a release's objects."""
        found = self.helm.manifest(place.release, place.namespace, number)
        return tuple(sorted(object_name(one) for one in found))

    def told(self, error: HelmError, place: Place) -> HubfleetError:
        """Helm's words as our error, with what the pods say of the cause."""
        failed = understood(str(error))
        about = ""
        if failed.kind == "not-ready" and not failed.resource:
            resource, detail = unready(self.api, place.namespace)
            failed = replace(failed, resource=resource, detail=detail or failed.detail)
        if failed.kind == "not-ready":
            about = trouble_of(self.api, place.namespace, failed.resource)
        problem = problem_of(failed, place.hub, place.cluster, str(place), about)
        kind = TransientError if failed.kind == "unreachable" else HubfleetError
        return kind(problem)

    def unknown(self, hub: str) -> HubfleetError:
        """A hub that is not on the cluster."""
        return failure(
            "unknown-hub",
            f"no hub called {hub!r} exists on the cluster `{self.cluster.name}`",
            place=str(self.place(hub)),
            hint="`hubfleet status` shows those that exist",
        )

"""Whose a namespace is, before anything is put into it."""

from __future__ import annotations

from dataclasses import dataclass

from hubfleet.kit.errors import failure
from hubfleet.platforms.kubernetes import marks
from hubfleet.platforms.kubernetes.api import NAMESPACES, Api


@dataclass(frozen=True, slots=True)
class Place:
    """Where one hub lives on a cluster. `fleet` is the service's name."""

    hub: str
    cluster: str
    fleet: str
    namespace: str
    release: str
    create_namespace: bool = True

    @property
    def labels(self) -> dict[str, str]:
        return marks.hub_labels(self.hub, self.cluster, self.fleet)

    def __str__(self) -> str:
        return f"{self.cluster}/{self.namespace}"


def claim(api: Api, place: Place) -> None:
    """Make the namespace ours, or find that it is; raises `no-namespace`, `namespace-taken`."""
    found = api.find(NAMESPACES, place.namespace)
    if found is None:
        _make(api, place)
        return
    labels = found["metadata"].get("labels") or {}
    if labels.get(marks.MANAGED_BY) != marks.OURS:
        if place.create_namespace:
            raise failure(
                "namespace-taken",
                f"the namespace `{place.namespace}` belongs to somebody else",
                place=str(place),
                why=f"it was on the cluster before {place.hub}, without hubfleet's labels",
                hint="remove it if nobody needs it; or choose other names with "
                f"`kubernetes.namespace` in clusters/{place.cluster}.yaml; or write "
                "`create_namespaces: false` there when somebody makes namespaces for hubfleet",
            )
        _mark(api, place)
        return
    _refuse_other_hub(place, labels, found["metadata"].get("annotations") or {})


def _refuse_other_hub(place: Place, labels: dict[str, str], notes: dict[str, str]) -> None:
    holder = marks.hub_of(labels)
    if labels.get(marks.FLEET) != place.labels[marks.FLEET]:
        raise failure(
            "namespace-taken",
            f"the namespace `{place.namespace}` belongs to another fleet",
            place=str(place),
            why=f"`{notes.get(marks.FLEET_NAME, 'its')}` has {holder} in it",
            hint="give the two fleets different names with `kubernetes.namespace` in "
            f"clusters/{place.cluster}.yaml",
        )
    if holder != place.hub:
        raise failure(
            "namespace-taken",
            f"the namespace `{place.namespace}` belongs to {holder}",
            place=str(place),
            why=f"{place.hub} would have the same one",
            hint="give hubs names that differ when joined, or another `kubernetes.namespace`",
        )
    if labels.get(marks.CLUSTER) != place.cluster:
        raise failure(
            "cluster-renamed",
            f"{place.hub} is on this cluster already, as `{labels.get(marks.CLUSTER)}`",
            place=str(place),
            why="two clusters of the fleet have the same address, or the cluster was renamed",
            hint=f"rename clusters/{place.cluster}.yaml back, or change the label on purpose: "
            f"`kubectl label namespace {place.namespace} {marks.CLUSTER}={place.cluster} "
            "--overwrite`",
        )


def _make(api: Api, place: Place) -> None:
    if not place.create_namespace:
        raise failure(
            "no-namespace",
            f"the namespace `{place.namespace}` is not there",
            place=str(place),
            why=f"clusters/{place.cluster}.yaml says `create_namespaces: false`",
            hint="have it made, with the rights that "
            f"`hubfleet doctor {place.cluster} --rbac` prints, or let hubfleet make it",
        )
    api.create(
        NAMESPACES,
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {
                "name": place.namespace,
                "labels": place.labels,
                "annotations": {marks.FLEET_NAME: place.fleet},
            },
        },
    )


def _mark(api: Api, place: Place) -> None:
    change = {
        "metadata": {
            "labels": place.labels,
            "annotations": {marks.FLEET_NAME: place.fleet},
        }
    }
    api.change(NAMESPACES, place.namespace, change)

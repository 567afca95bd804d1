"""What a removed hub leaves on its cluster: looked up, and never deleted from here.

Removing takes the release away and keeps people's volumes in the namespace. Whoever deletes the
namespace may still leave volumes behind, whose class says that they are retained: these are found
by the claim that they were bound to.
"""

from __future__ import annotations

from collections.abc import Iterator

from hubfleet.fleet.kubernetes_names import release_of
from hubfleet.kit.errors import HubfleetError
from hubfleet.platforms.kubernetes import marks
from hubfleet.platforms.kubernetes.api import (
    CLAIMS,
    CONFIG_MAPS,
    DEPLOYMENTS,
    NAMESPACES,
    PODS,
    SECRETS,
    Api,
    Kind,
)
from hubfleet.platforms.kubernetes.observing import INGRESSES, SERVICES
from hubfleet.platforms.kubernetes.work import Work
from hubfleet.platforms.remaining import ClusterRemains

PERSISTENT = Kind("persistentvolumes", namespaced=False)
_ROLES = "rbac.authorization.k8s.io"
_IN_CLUSTER = (
    Kind("priorityclasses", "scheduling.k8s.io", namespaced=False),
    Kind("clusterroles", _ROLES, namespaced=False),
    Kind("clusterrolebindings", _ROLES, namespaced=False),
)
_IN_NAMESPACE = (
    PODS,
    DEPLOYMENTS,
    Kind("statefulsets", "apps"),
    Kind("daemonsets", "apps"),
    Kind("jobs", "batch"),
    SERVICES,
    INGRESSES,
    SECRETS,
    CONFIG_MAPS,
    Kind("serviceaccounts"),
    Kind("roles", _ROLES),
    Kind("rolebindings", _ROLES),
    Kind("networkpolicies", "networking.k8s.io"),
    Kind("poddisruptionbudgets", "policy"),
)
_OF_EVERY_NAMESPACE = {"configmaps/kube-root-ca.crt", "serviceaccounts/default"}


def look(work: Work, hub: str) -> ClusterRemains:
    """Everything of the hub that our account may see; raises `right-missing` for what it must."""
    place = work.place(hub)
    objects: list[str] = []
    volumes: list[str] = []
    spaces = _namespaces(work, hub)
    for space in spaces:
        # Of a namespace that somebody else made for the hub only what is in it is the hub's.
        if place.create_namespace:
            objects.append(f"namespaces/{space}")
        objects += (
            name
            for kind in _IN_NAMESPACE
            for name in _names(work.api, kind, space)
            if name not in _OF_EVERY_NAMESPACE
        )
        volumes += _names(work.api, CLAIMS, space)
    labels = f"release={release_of(hub)}"
    objects += (name for kind in _IN_CLUSTER for name in _names(work.api, kind, labels=labels))
    unseen = ""
    try:
        volumes += _retained(work.api, {*spaces, place.namespace})
    except HubfleetError as error:
        if error.problems[0].code != "right-missing":
            raise
        unseen = error.problems[0].what
    asked = sorted({*spaces, place.namespace})
    places = tuple(f"{work.cluster.name}/{space}" for space in asked)
    return ClusterRemains(places, tuple(objects), tuple(volumes), unseen)


def _namespaces(work: Work, hub: str) -> list[str]:
    """Where the hub is by its cluster's file, and where our labels say that it was."""
    place = work.place(hub)
    wanted = (marks.COMMUNITY, marks.HUB, marks.FLEET)
    labels = ",".join(f"{key}={place.labels[key]}" for key in wanted)
    found = {
        one["metadata"]["name"]
        for one in work.api.select(NAMESPACES, labels=labels, metadata_only=True)
    }
    space = work.api.find(NAMESPACES, place.namespace)
    if space is not None and _is_ours(space["metadata"].get("labels") or {}, hub):
        found.add(place.namespace)
    return sorted(found)


def _is_ours(labels: dict[str, str], hub: str) -> bool:
    """A namespace of another hub, which has the same name now, says nothing about this one."""
    return marks.hub_of(labels) in ("", hub)


def _names(
    api: Api, kind: Kind, namespace: str | None = None, *, labels: str = ""
) -> Iterator[str]:
    """What a Secret holds is not asked for."""
    for one in api.select(kind, namespace, labels=labels, metadata_only=True):
        yield f"{kind.plural}/{one['metadata']['name']}"


def _retained(api: Api, namespaces: set[str]) -> Iterator[str]:
    for one in api.select(PERSISTENT):
        claim = one["spec"].get("claimRef") or {}
        if claim.get("namespace") in namespaces:
            yield f"persistentvolumes/{one['metadata']['name']}"

"""What a hub is called on a cluster; joined names that are too long end in a digest."""

from __future__ import annotations

from hubfleet.fleet.kubernetes import Kubernetes
from hubfleet.kit.digest import digest

LONGEST_RELEASE = 53
"""Helm's own limit: it appends words to the name of a release."""

LONGEST_NAMESPACE = 63


def release_of(hub: str) -> str:
    """The Helm release of `community/hub`; unique on a cluster, because charts name objects that
    belong to no namespace after it.
    """
    return _short(hub.replace("/", "-"), hub, LONGEST_RELEASE)


def namespace_of(hub: str, kubernetes: Kubernetes) -> str:
    """The namespace of `community/hub` under the cluster's policy."""
    community, _, short = hub.partition("/")
    joined = kubernetes.namespace.replace("{community}", community).replace("{hub}", short)
    return _short(joined.strip("-"), hub, LONGEST_NAMESPACE)


def _short(name: str, hub: str, most: int) -> str:
    if len(name) <= most:
        return name
    return f"{name[: most - 9].rstrip('-')}-{digest(hub)[:8]}"

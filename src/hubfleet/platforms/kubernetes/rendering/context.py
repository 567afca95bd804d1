"""What renderers are given: one hub, its cluster, and its secrets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hubfleet.fleet.kubernetes import Kubernetes
from hubfleet.fleet.model import Cluster, Hub, HubValues
from hubfleet.fleet.secrets.secret import filled
from hubfleet.platforms.kubernetes.rendering.pins import Pins


@dataclass(frozen=True, slots=True)
class Context:
    """`values` hold secrets in the clear, as far as the pins know them; `logo` is the picture's
    content where the hub has one.
    """

    hub: Hub
    values: HubValues
    cluster: Kubernetes
    pins: Pins
    logo: bytes | None = None

    @property
    def url(self) -> str:
        """Where people reach the hub, with a trailing slash."""
        return url_of(self.hub, self.cluster)


def context_of(hub: Hub, cluster: Cluster, pins: Pins, logo: bytes | None = None) -> Context:
    """The hub with its secrets in place."""
    dumped: dict[str, Any] = filled(hub.values.model_dump(mode="json"), pins.declared)
    settings = cluster.file.kubernetes or Kubernetes()
    return Context(hub, HubValues.model_validate(dumped), settings, pins, logo)


def url_of(hub: Hub, cluster: Kubernetes) -> str:
    """Where people reach the hub, with a trailing slash."""
    return f"{'https' if cluster.ingress.tls else 'http'}://{hub.domain}/"

"""What stands beside the hubs on a cluster: declared charts, and those that hubfleet knows.

Only versions that somebody wrote down are installed; what is known of a chart is where it comes
from and what it needs to be of use to hubs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import Field

from hubfleet.fleet.declared import Declared
from hubfleet.fleet.fields import CHART_REPOSITORY_PATTERN, CHART_VERSION_PATTERN, Name, Text

NAMESPACE_NAME_PATTERN = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"


class SupportChart(Declared):
    """One Helm chart beside the hubs."""

    version: str | None = Field(default=None, pattern=CHART_VERSION_PATTERN)
    """The exact version."""
    repository: str | None = Field(default=None, pattern=CHART_REPOSITORY_PATTERN)
    """Where it comes from; charts that hubfleet knows need none."""
    chart: Text | None = None
    """Its name there; default: the one that hubfleet knows, else the key."""
    path: Text | None = None
    """Instead of a version: a folder with the chart, relative to the fleet's folder."""
    namespace: str | None = Field(default=None, pattern=NAMESPACE_NAME_PATTERN)
    """Where it is installed; default: the one that hubfleet knows, else the key."""
    values: dict[str, Any] = {}
    """Its values, over those that hubfleet gives to charts that it knows."""


SupportCharts = dict[Name, SupportChart]


@dataclass(frozen=True, slots=True)
class KnownChart:
    """A chart of somebody else's that hubfleet knows how to use."""

    what: str
    repository: str
    chart: str
    namespace: str
    values: Mapping[str, Any] = field(default_factory=dict)


KNOWN: dict[str, KnownChart] = {
    "traefik": KnownChart(
        "ingress controller, also for Gateways",
        "https://traefik.github.io/charts",
        "traefik",
        "traefik",
        {"providers": {"kubernetesGateway": {"enabled": True}}},
    ),
    "ingress-nginx": KnownChart(
        "ingress controller",
        "https://kubernetes.github.io/ingress-nginx",
        "ingress-nginx",
        "ingress-nginx",
        {"controller": {"config": {"proxy-body-size": "64m"}}},
    ),
    "cert-manager": KnownChart(
        "certificates",
        "https://charts.jetstack.io",
        "cert-manager",
        "cert-manager",
        {"crds": {"enabled": True, "keep": True}},
    ),
    "prometheus": KnownChart(
        "metrics, alerts and dashboards",
        "https://prometheus-community.github.io/helm-charts",
        "kube-prometheus-stack",
        "monitoring",
        {
            "prometheus": {
                "prometheusSpec": {
                    "podMonitorSelectorNilUsesHelmValues": False,
                    "serviceMonitorSelectorNilUsesHelmValues": False,
                }
            }
        },
    ),
    "nfs": KnownChart(
        "volumes of an NFS server, which many nodes mount at once",
        "https://raw.githubusercontent.com/kubernetes-csi/csi-driver-nfs/master/charts",
        "csi-driver-nfs",
        "kube-system",
    ),
    "home-nfs": KnownChart(
        "an NFS server for homes, with quotas",
        "oci://ghcr.io/2i2c-org/jupyterhub-home-nfs",
        "jupyterhub-home-nfs",
        "home-nfs",
    ),
}
"""By the key under `support:`."""

"""The hub for the Zero to JupyterHub chart, and the rules by which Prometheus watches it."""

from __future__ import annotations

from hubfleet.fleet.kubernetes import ZERO_TO_JUPYTERHUB, Kubernetes
from hubfleet.fleet.model import Cluster, ClusterFile, Fleet, Hub
from hubfleet.kit.errors import Place
from hubfleet.monitoring.bundle import rule_files
from hubfleet.monitoring.watched import Places, watch
from hubfleet.platforms.kubernetes.rendering.gitops import dumped, split_secrets
from hubfleet.platforms.kubernetes.rendering.pins import Pins
from hubfleet.platforms.kubernetes.rendering.storage import companions
from hubfleet.platforms.kubernetes.rendering.values import render

PINNED = "4.3.3"
"""The chart that values are written for where the hub names none."""

_CLUSTER = Cluster(
    "here",
    ClusterFile(platform="kubernetes", kubernetes=Kubernetes(context="here")),
    Place("clusters/here.yaml"),
)


def by_password(hub: Hub) -> Hub:
    """The hub for whoever has no console: people get one password, as nothing else is known."""
    from dataclasses import replace

    if hub.values.access.sign_in != "console":
        return hub
    access = hub.values.access.model_copy(update={"sign_in": "shared-password"})
    return replace(hub, values=hub.values.model_copy(update={"access": access}))


def chart_files(hub: Hub, logo: bytes | None) -> dict[str, str]:
    """`values.yaml`, what must be supplied beside it, and where the chart comes from."""
    values = render(by_password(hub), _CLUSTER, Pins.placeholders(), logo).values
    plain, secret = split_secrets(values)
    chart = hub.values.chart
    found = {
        "values.yaml": dumped(plain),
        "secrets.example.yaml": "# Copy this to secrets.yaml, and supply what is missing.\n"
        + dumped(secret),
        "chart.yaml": dumped(
            {
                "name": chart.name,
                "repository": chart.repository or ZERO_TO_JUPYTERHUB,
                "version": chart.version or PINNED,
            }
        ),
    }
    objects = companions(hub, _CLUSTER)
    if objects:
        found["objects.yaml"] = "---\n".join(dumped(each) for each in objects)
    return found


def rules(fleet: Fleet, jupyterhub: str) -> dict[str, str]:
    """Alert rules for these hubs alone, by the name of the file."""
    places = Places("127.0.0.1:8000", jupyterhub, lambda hub, _local: f"tokens/{hub}")
    watched = watch(fleet, places)
    return {f"{name}.yml": dumped(content) for name, content in rule_files(watched).items()}

"""How browsers reach the hub: an ingress or a route of a Gateway, with a certificate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hubfleet.platforms.kubernetes.rendering.context import Context
from hubfleet.platforms.kubernetes.rendering.entries import Entry, entry


def entrance_entries(context: Context) -> Iterator[Entry]:
    """The proxy's service stays inside the cluster; one ingress or route leads to it."""
    domain, settings = context.hub.domain, context.cluster.ingress
    yield entry("hub.config.JupyterHub.public_url", context.url, "domain")
    yield entry("proxy.service.type", "ClusterIP")
    if settings.gateway:
        namespace, _, name = settings.gateway.partition("/")
        yield entry("httpRoute.enabled", True)
        yield entry("httpRoute.hostnames", [domain], "domain")
        gateway = {"name": name, "namespace": namespace}
        if _is_version_5(context.values.chart.version):
            yield entry("httpRoute.parentRefs", [{"kind": "Gateway", **gateway}])
        else:
            yield entry("httpRoute.gateway", gateway)
        return
    yield entry("ingress.enabled", True)
    yield entry("ingress.hosts", [domain], "domain")
    if settings.class_name:
        yield entry("ingress.ingressClassName", settings.class_name)
    if not settings.tls:
        return
    tls: dict[str, Any] = {"hosts": [domain]}
    if settings.issuer:
        path = ("ingress", "annotations", "cert-manager.io/cluster-issuer")
        yield Entry(path, settings.issuer)
        tls["secretName"] = "https-" + context.hub.name.partition("/")[2]
    yield entry("ingress.tls", [tls], "domain")


def _is_version_5(version: str | None) -> bool:
    """From 5.0.0 on the chart names a Gateway as Kubernetes itself does."""
    major = (version or "").removeprefix("v").partition(".")[0]
    return major.isdecimal() and int(major) >= 5

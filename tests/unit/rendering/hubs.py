"""Hubs on a Kubernetes cluster as values, for tests that need no files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hubfleet.fleet.console import ConsolePlace
from hubfleet.fleet.kubernetes import Kubernetes
from hubfleet.fleet.layers import flatten
from hubfleet.fleet.model import Cluster, ClusterFile, Effective, Hub, HubValues
from hubfleet.kit.errors import Place
from hubfleet.platforms.kubernetes.rendering.pins import Pins

FILE = "communities/earth-lab/hubs/prod.yaml"
DOMAIN = "earth.example.org"
PINS = Pins("proxy", "cookie", "crypt", "probe", "password-of-all", "x" * 40)


def hub_of(fields: Mapping[str, Any], *, name: str = "earth-lab/prod") -> Hub:
    """A hub that declares these fields in its own file, one a line."""
    values = HubValues.model_validate({"access": {"sign_in": "shared-password"}, **fields})
    title = values.title or "Earth Lab (prod)"
    values = values.model_copy(update={"domain": values.domain or DOMAIN, "title": title})
    said = list(flatten(fields))
    effective = {}
    for path, value in flatten(values.model_dump(mode="json")).items():
        line = said.index(path) + 1 if path in said else 0
        place = Place(FILE, line, 3) if line else None
        effective[".".join(path)] = Effective(value, "hub" if line else "product", place)
    console = None
    if values.access.sign_in == "console":
        console = ConsolePlace("https://console.example.org", "127.0.0.1:8010")
    return Hub(
        name=name,
        community=name.partition("/")[0],
        cluster="reef",
        domain=values.domain or DOMAIN,
        gate=None,
        place=Place(FILE, 1, 1),
        values=values,
        effective=effective,
        timezone="Europe/Berlin",
        console=console,
    )


def cluster_of(settings: Mapping[str, Any] = {}) -> Cluster:
    """A Kubernetes cluster with this `kubernetes:` block."""
    block = Kubernetes.model_validate({"context": "reef", **settings})
    file = ClusterFile(platform="kubernetes", kubernetes=block)
    return Cluster("reef", file, Place("clusters/reef.yaml"))

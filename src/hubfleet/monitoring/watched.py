"""What there is to watch: every hub with its address, its token's file and its labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hubfleet.fleet.console import is_loopback
from hubfleet.fleet.kubernetes_names import namespace_of
from hubfleet.fleet.model import Fleet, Hub, Stage

UNKNOWN_VERSION = "unknown"
_LAST_CHART_WITH_5 = 4
"""Charts up to this major version bring JupyterHub 5 or older."""


@dataclass(frozen=True, slots=True)
class Places:
    """What the declaration does not know: this machine's proxy, JupyterHub, and tokens' files.

    `token_file` maps a hub's name and whether it is local to the path that Prometheus reads.
    """

    proxy: str
    jupyterhub: str
    token_file: Callable[[str, bool], str]


@dataclass(frozen=True, slots=True)
class WatchedHub:
    """`host` is `name` or `name:port`. `proxy` is opened instead where `host` has no address of
    its own; `token_file` is None where the hub shows its numbers to everybody. `namespace` is None
    for a local hub.
    """

    name: str
    community: str
    cluster: str
    stage: Stage
    jupyterhub: str
    scheme: str
    host: str
    proxy: str | None
    token_file: str | None
    namespace: str | None

    @property
    def labels(self) -> dict[str, str]:
        """What every series of the hub carries."""
        return {
            "job": "hub",
            "hub": self.name,
            "community": self.community,
            "cluster": self.cluster,
            "stage": self.stage,
            "jupyterhub": self.jupyterhub,
        }

    @property
    def whose(self) -> dict[str, str]:
        """The labels by which people are told whose trouble it is."""
        return {name: self.labels[name] for name in WHOSE}


WHOSE = ("cluster", "community", "hub", "stage")


@dataclass(frozen=True, slots=True)
class Watched:
    """The whole fleet as a monitoring system sees it; `console` is its `host:port` on this machine,
    None where it runs elsewhere or not at all.
    """

    fleet: Fleet
    hubs: tuple[WatchedHub, ...]
    console: str | None

    @property
    def versions(self) -> tuple[str, ...]:
        """The JupyterHub versions that run."""
        return tuple(sorted({hub.jupyterhub for hub in self.hubs}))

    @property
    def known_labels(self) -> Mapping[str, frozenset[str]]:
        """Every value that each label can have."""
        names = tuple(self.hubs[0].labels) if self.hubs else ()
        known = {name: frozenset(hub.labels[name] for hub in self.hubs) for name in names}
        jobs = {"hub", *(["console"] if self.console else [])}
        spaces = frozenset(hub.namespace for hub in self.hubs if hub.namespace)
        return {**known, "job": frozenset(jobs), "namespace": spaces}


def watch(fleet: Fleet, places: Places) -> Watched:
    """Everything declared, in order of name."""
    hubs = tuple(_hub(fleet, hub, places) for _, hub in sorted(fleet.hubs.items()))
    return Watched(fleet, hubs, _console(fleet, hubs))


def _hub(fleet: Fleet, hub: Hub, places: Places) -> WatchedHub:
    cluster = fleet.clusters[hub.cluster].file
    kubernetes, local = cluster.kubernetes, cluster.platform == "local"
    traits = hub.values.jupyterhub.config.get("JupyterHub", {})
    open_to_all = traits.get("authenticate_prometheus") is False
    encrypted = kubernetes is not None and kubernetes.ingress.tls
    return WatchedHub(
        name=hub.name,
        community=hub.community,
        cluster=hub.cluster,
        stage=hub.stage,
        jupyterhub=places.jupyterhub.partition(".")[0] if local else _of_chart(hub),
        scheme="https" if encrypted else "http",
        host=f"{hub.domain}:{443 if encrypted else 80}",
        proxy=places.proxy if local else None,
        token_file=None if open_to_all else places.token_file(hub.name, local),
        namespace=None if kubernetes is None else namespace_of(hub.name, kubernetes),
    )


def _of_chart(hub: Hub) -> str:
    major = (hub.values.chart.version or "").lstrip("v").partition(".")[0]
    # A chart of one's own, or a later one, says nothing about what is in it.
    return "5" if major.isdigit() and int(major) <= _LAST_CHART_WITH_5 else UNKNOWN_VERSION


def _console(fleet: Fleet, hubs: tuple[WatchedHub, ...]) -> str | None:
    from hubfleet.fleet.console import console_place

    place = console_place(fleet.service.console, fleet.service.domain)
    if place is None or not any(hub.proxy for hub in hubs):
        return None
    host = place.nearby.removeprefix("http://")
    return host if is_loopback(host.rpartition(":")[0]) else None

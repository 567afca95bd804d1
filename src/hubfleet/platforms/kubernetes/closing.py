"""A hub that is about to go away: people are told until when they may go on, and no server starts.

The ConfigMap `hubfleet-closing` in its namespace is all there is. The hub's pod mounts it, and the
code in `rendering/inside/declared.py` reads it: nothing restarts. Whoever goes on with a removal
that was cut off finds the time that people were told.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta

from hubfleet.fleet.fields import PROBE_USER
from hubfleet.kit.clock import now, timestamp
from hubfleet.platforms.kubernetes import marks
from hubfleet.platforms.kubernetes.api import CONFIG_MAPS, PODS, Api, Object
from hubfleet.platforms.kubernetes.claims import OWNER
from hubfleet.platforms.kubernetes.namespaces import Place
from hubfleet.platforms.kubernetes.observing import Held, read_one
from hubfleet.platforms.kubernetes.work import Work
from hubfleet.platforms.platform import Report

SERVERS = "app=jupyterhub,component=singleuser-server"
"""The labels that KubeSpawner gives to people's pods under the chart."""

_ENDED = ("Succeeded", "Failed")


def close(work: Work, hub: str, seconds: float, report: Report) -> float:
    """Have the hub close in so many seconds; how many are left. Raises `unknown-hub`.

    The second call keeps the time that people were told, unless it makes it earlier. Never more
    than `seconds`, whatever a clock that was set says.
    """
    where = work.place(hub)
    held = read_one(work.api, hub, where.namespace)
    if held.history.newest is None:
        raise work.unknown(hub)
    moment = now()
    wanted = moment + timedelta(seconds=seconds)
    known = _moment(held.closing)
    if known is None or known > wanted:
        value = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": marks.CLOSING, "labels": where.labels},
            "data": {"until": timestamp(wanted)},
        }
        work.api.apply(CONFIG_MAPS, value, where.namespace)
        left = seconds
    else:
        left = max((known - moment).total_seconds(), 0.0)
    if left and people(work, hub):
        report(told(held))
    return left


def reopen(api: Api, where: Place) -> bool:
    """The hub stays after all; whether it was about to go."""
    return api.delete(CONFIG_MAPS, marks.CLOSING, where.namespace)


def told(held: Held) -> str:
    """How people of the hub learn of it, and what of that a cluster cannot do."""
    if "hub" not in held.deployments:
        return "nobody can be told: the hub is not there, and starts no server"
    if not _listens(held):
        return (
            "nobody can be told, and new servers start until it goes: "
            "the hub was not placed by this version of hubfleet"
        )
    return (
        "people are told on the hub's pages in a minute or two, and no server starts from then on; "
        "JupyterLab cannot tell them on a cluster"
    )


def stopped(held: Held, servers: int) -> str:
    """What became of so many servers that were still there, and of their people."""
    them = "1 server was stopped" if servers == 1 else f"{servers} servers were stopped"
    if held.closing and _listens(held):
        return f"{them}; people were told on the hub's pages, which JupyterLab does not show"
    return f"{them}; people could not be told before"


def _listens(held: Held) -> bool:
    """Whether the hub's pod has what tells it."""
    hub = held.deployments.get("hub")
    volumes = hub["spec"]["template"]["spec"].get("volumes") if hub else None
    return any(one["name"] == marks.CLOSING for one in volumes or ())


def people(work: Work, hub: str) -> tuple[str, ...]:
    """Who has a server there, but for the probe."""
    names = {
        (pod["metadata"].get("annotations") or {}).get(OWNER) or pod["metadata"]["name"]
        for pod in _servers(work.api, work.place(hub))
    }
    return tuple(sorted(names - {PROBE_USER}))


def end_servers(work: Work, where: Place, report: Report) -> int:
    """End people's servers, as a pod is ended; how many there were. Their volumes stay."""
    pods = list(_servers(work.api, where))
    if pods:
        report(f"stopping {len(pods)} server{'s' if len(pods) > 1 else ''}")
    for pod in pods:
        work.api.delete(PODS, pod["metadata"]["name"], where.namespace)
    return len(pods)


def _servers(api: Api, where: Place) -> Iterator[Object]:
    """The pods that run, or are about to."""
    for pod in api.select(PODS, where.namespace, labels=SERVERS):
        phase = (pod.get("status") or {}).get("phase", "")
        if phase not in _ENDED and not pod["metadata"].get("deletionTimestamp"):
            yield pod


def _moment(until: str) -> datetime | None:
    with suppress(ValueError):
        return datetime.fromisoformat(until) if until else None
    return None

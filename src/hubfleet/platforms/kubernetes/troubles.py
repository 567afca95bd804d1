"""Why a hub does not come up, as its pods tell: state, last events, last lines of the log."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hubfleet.kit.errors import HubfleetError
from hubfleet.platforms.kubernetes.api import DEPLOYMENTS, EVENTS, PODS, Api, Object

LINES = 3
EVENTS_TOLD = 2


def trouble_of(api: Api, namespace: str, resource: str = "") -> str:
    """What the pods that are not ready say; empty where they say nothing, or cannot be asked.

    `resource` is what Helm waited for, `Deployment/<namespace>/hub`.
    """
    try:
        pods = [pod for pod in api.select(PODS, namespace) if not is_ready(pod)]
        component = resource.rpartition("/")[2]
        about = [pod for pod in pods if _component(pod) == component] or pods
        return "; ".join(told_of(api, namespace, pod) for pod in about[:2])
    except HubfleetError:
        return ""


def unready(api: Api, namespace: str) -> tuple[str, str]:
    """A Deployment that is not ready, and how far it is; Helm 3 does not say what it waited for."""
    try:
        for one in api.select(DEPLOYMENTS, namespace):
            wanted = one["spec"].get("replicas", 1)
            there = (one.get("status") or {}).get("availableReplicas", 0)
            if there < wanted:
                name = one["metadata"]["name"]
                return f"Deployment/{namespace}/{name}", f"Available: {there}/{wanted}"
    except HubfleetError:
        pass
    return "", ""


def is_ready(pod: Object) -> bool:
    """Whether it runs and says that it is ready, or has done its work."""
    status = pod.get("status") or {}
    if status.get("phase") == "Succeeded":
        return True
    return any(
        one.get("type") == "Ready" and one.get("status") == "True"
        for one in status.get("conditions") or ()
    )


def _component(pod: Object) -> str:
    return str((pod["metadata"].get("labels") or {}).get("component", ""))


def told_of(api: Api, namespace: str, pod: Object) -> str:
    """What one pod says: its state, its last events, the last lines of its log."""
    name = pod["metadata"]["name"]
    said = [f"pod {name}: {_state(pod)}"]
    said += [f"event {text}" for text in _events(api, namespace, name)]
    said += [f"log {line!r}" for line in _log(api, namespace, name)]
    return ", ".join(said)


def _state(pod: Object) -> str:
    status = pod.get("status") or {}
    for container in status.get("containerStatuses") or ():
        for kind in ("waiting", "terminated"):
            found: dict[str, Any] = (container.get("state") or {}).get(kind) or {}
            if found:
                why = found.get("message") or found.get("reason") or kind
                return f"{container['name']} {found.get('reason', kind)} ({why})"
    for condition in status.get("conditions") or ():
        if condition.get("status") == "False" and condition.get("message"):
            return f"{condition.get('reason', '')}: {condition['message']}".strip(": ")
    return f"{status.get('phase', 'Unknown')}, not ready"


def _events(api: Api, namespace: str, pod: str) -> Iterator[str]:
    found = api.select(EVENTS, namespace, fields=f"involvedObject.name={pod}")
    warnings = [one for one in found if one.get("type") == "Warning"]
    for event in (warnings or found)[-EVENTS_TOLD:]:
        yield f"{event.get('reason', '')}: {event.get('message', '')}".strip()


def _log(api: Api, namespace: str, pod: str) -> list[str]:
    try:
        return [line for line in api.log(pod, namespace, lines=LINES) if line.strip()][-LINES:]
    except HubfleetError:
        return []

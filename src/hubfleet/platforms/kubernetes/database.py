"""A consistent copy of a hub's database out of its volume, and back into it.

The port is `HubDatabase`; `PodDatabase` does it by running a few lines of Python inside a pod that
mounts the volume: the hub's own while it runs, else a helper pod of the same image. The lines are
in `inside/`, and need nothing but Python's standard library.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from hubfleet.kit.errors import HubfleetError, failure
from hubfleet.platforms.kubernetes.api import CLAIMS, DEPLOYMENTS, PODS, Api, Object, Ran
from hubfleet.platforms.kubernetes.namespaces import Place
from hubfleet.platforms.kubernetes.troubles import is_ready

CLAIM = "hub-db-dir"
"""What the chart calls the claim of the hub's volume."""

HELPER = "hubfleet-database"
HUB_POD = "app=jupyterhub,component=hub"

NO_DATABASE, DAMAGED = 3, 4
"""How the lines inside a pod end when there is none, or an unsound one."""

_PATIENCE = 180.0
_PAUSE = 0.2


@dataclass(frozen=True, slots=True)
class Copy:
    """`schema` names JupyterHub's own schema of it."""

    data: bytes
    schema: str


class HubDatabase(Protocol):
    """The database of one hub, in a volume of its own."""

    def exists(self) -> bool:
        """Whether the hub keeps its database in a volume; else it is not ours to copy."""
        ...

    def copy(self) -> Copy | None:
        """A consistent copy while the hub works; None while it has no database yet.

        Raises `database-damaged`.
        """
        ...

    def schema(self) -> str:
        """The schema as it is now, empty when there is no database."""
        ...

    def put_back(self, data: bytes) -> None:
        """Replace the database; the hub must be down. What was there stays beside it."""
        ...


class PodDatabase:
    """`HubDatabase` on a cluster."""

    def __init__(self, api: Api, place: Place, sleep: Callable[[float], None] = time.sleep) -> None:
        self._api = api
        self._place = place
        self._sleep = sleep

    def exists(self) -> bool:
        return self._api.find(CLAIMS, CLAIM, self._place.namespace) is not None

    def copy(self) -> Copy | None:
        with self._pod() as pod:
            ran = self._run(pod, "copying.py")
        if ran.code == NO_DATABASE:
            return None
        self._require(ran)
        return Copy(ran.out, ran.err.strip().rpartition("schema=")[2])

    def schema(self) -> str:
        with self._pod() as pod:
            ran = self._run(pod, "copying.py", "schema")
        if ran.code == NO_DATABASE:
            return ""
        self._require(ran)
        return ran.err.strip().rpartition("schema=")[2]

    def put_back(self, data: bytes) -> None:
        with self._helper() as pod:
            self._require(self._run(pod, "putting_back.py", given=data))

    def stop_hub(self) -> None:
        """Bring the hub's pod down, and wait until it let go of its volume."""
        namespace = self._place.namespace
        if self._api.find(DEPLOYMENTS, "hub", namespace) is not None:
            self._api.scale("hub", namespace, 0)
        self._until(lambda: not self._api.select(PODS, namespace, labels=HUB_POD), "its pod to end")

    def _run(self, pod: str, script: str, *arguments: str, given: bytes | None = None) -> Ran:
        command = ["python3", "-c", lines(script), *arguments]
        return self._api.run(pod, self._place.namespace, command, given=given)

    def _require(self, ran: Ran) -> None:
        if ran.code == DAMAGED:
            raise failure(
                "database-damaged",
                f"the database of {self._place.hub} is damaged",
                place=str(self._place),
                why=ran.err.strip()[-400:],
                hint="the hub was not changed; go back to a sound copy with "
                f"`hubfleet rollback {self._place.hub} --database`",
            )
        if ran.code:
            raise self._failed(ran.err.strip()[-400:] or f"it ended with {ran.code}")

    def _failed(self, why: str) -> HubfleetError:
        return failure(
            "database-not-reached",
            f"the database of {self._place.hub} cannot be reached",
            place=str(self._place),
            why=why,
            hint="the hub was not changed; look at its pods and its volume, then run the command "
            "again",
        )

    @contextmanager
    def _pod(self) -> Iterator[str]:
        """The hub's own pod, or a helper while that one does not run."""
        pods = self._api.select(PODS, self._place.namespace, labels=HUB_POD)
        running = [pod for pod in pods if is_ready(pod)]
        if running:
            yield running[0]["metadata"]["name"]
            return
        with self._helper() as name:
            yield name

    @contextmanager
    def _helper(self) -> Iterator[str]:
        namespace = self._place.namespace
        hub = self._api.find(DEPLOYMENTS, "hub", namespace)
        if hub is None:
            raise self._failed("its Deployment is gone, and with it the image to read it with")
        self._remove_helper()
        self._api.create(PODS, helper_pod(hub, self._place.labels), namespace)
        try:
            self._until(self._helper_is_ready, f"the pod {HELPER} to be ready")
            yield HELPER
        finally:
            self._remove_helper()

    def _helper_is_ready(self) -> bool:
        pod = self._api.find(PODS, HELPER, self._place.namespace)
        return pod is not None and is_ready(pod)

    def _remove_helper(self) -> None:
        namespace = self._place.namespace
        if self._api.delete(PODS, HELPER, namespace):
            self._until(lambda: self._api.find(PODS, HELPER, namespace) is None, f"{HELPER} to end")

    def _until(self, happened: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not happened():
            if time.monotonic() > deadline:
                raise self._failed(f"waited {_PATIENCE:.0f} s for {what}")
            self._sleep(_PAUSE)


def helper_pod(hub: Object, labels: dict[str, str]) -> Object:
    """A pod with the hub's image, account and volume that only waits."""
    template: dict[str, Any] = hub["spec"]["template"]["spec"]
    (first, *_) = template["containers"]
    kept = ("nodeSelector", "tolerations", "affinity", "securityContext", "imagePullSecrets")
    mounts = [one for one in first.get("volumeMounts") or () if one["name"] == "pvc"]
    volumes = [one for one in template.get("volumes") or () if one["name"] == "pvc"]
    container = {
        "name": "database",
        "image": first["image"],
        "command": ["python3", "-c", "import time; time.sleep(1800)"],
        "volumeMounts": mounts,
        **({"securityContext": first["securityContext"]} if "securityContext" in first else {}),
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": HELPER, "labels": labels},
        "spec": {
            **{key: template[key] for key in kept if key in template},
            "automountServiceAccountToken": False,
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 0,
            "activeDeadlineSeconds": 1800,
            "containers": [container],
            "volumes": volumes,
        },
    }


@cache
def lines(script: str) -> str:
    """The program that runs inside a pod."""
    return (Path(__file__).with_name("inside") / script).read_text(encoding="utf-8")

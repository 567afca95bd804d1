"""The archive of a volume's files, read by a helper pod of the hub's image that changes nothing.

The pod mounts one claim, read-only, and only waits; `inside/archiving.py` runs in it and writes the
archive to its output. It is removed when that was read. Where whoever made it was killed it ends by
itself after two minutes, and is removed by the next one.
"""

from __future__ import annotations

import base64
import json
import secrets
import time
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from hubfleet.kit.errors import HubfleetError, TransientError, failure
from hubfleet.platforms.kubernetes.api import DEPLOYMENTS, PODS, Api, Object, Ran
from hubfleet.platforms.kubernetes.database import lines
from hubfleet.platforms.kubernetes.namespaces import Place
from hubfleet.platforms.kubernetes.troubles import is_ready, told_of

PREFIX = "hubfleet-files-"
PURPOSE = "hubfleet/purpose"
"""The label by which these pods are found again."""
FILES = "files"

NOT_THERE, CLOSED = 3, 4

_PROGRAM = "HUBFLEET_PROGRAM"
_FOLDER = "/hubfleet-tree"
_LONGEST = 6 * 3600
_LOOK = 30
_PAUSE = 0.2
_ENDED = ("Succeeded", "Failed")
_MODULES = ("reasons", "headers", "tree")
_PACKAGE = "hubfleet.platforms.archives"

_LOADER = f"""
import base64,json,os,sys,types,zlib
for name,text in json.loads(zlib.decompress(base64.b64decode(os.environ[{_PROGRAM!r}]))):
    made=sys.modules[name]=types.ModuleType(name)
    exec(compile(text,name,"exec"),made.__dict__)
"""

_IN_USE = ("Multi-Attach", "ReadWriteOncePod")
"""Words of Kubernetes for a volume that cannot be mounted here because it is mounted elsewhere."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What came: entries, bytes of files, and notes on what is not among them."""

    entries: int
    bytes: int
    notes: tuple[str, ...]
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Reader:
    """As whom files are read: the account and group of people's servers. `patience` are the seconds
    for which the pod may not come up.
    """

    api: Api
    place: Place
    user: int = 1000
    group: int = 100
    patience: float = 180.0
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)

    def read(self, claim: str, folder: str = ".") -> Generator[bytes | Contents | None]:
        """The archive in pieces, and what it holds last; None alone where there is no such folder.

        Raises `volume-in-use` or `volume-not-read`.
        """
        with self._pod(claim) as pod:
            command = ["python3", "-c", _LOADER, folder]
            ran = None
            try:
                for item in self.api.stream(pod, self.place.namespace, command):
                    if isinstance(item, Ran):
                        ran = item
                    else:
                        yield item
            except TransientError as error:
                self._refuse_ended(pod, claim, error)
                raise
            if ran is not None and ran.code == NOT_THERE:
                yield None
                return
            yield self._contents(claim, ran)

    def clear(self) -> None:
        """Remove pods that ended because whoever made them was killed."""
        for pod in self.api.select(PODS, self.place.namespace, labels=f"{PURPOSE}={FILES}"):
            if (pod.get("status") or {}).get("phase") in _ENDED:
                self.api.delete(PODS, pod["metadata"]["name"], self.place.namespace)

    def _contents(self, claim: str, ran: Ran | None) -> Contents:
        said = ran.err.strip() if ran is not None else ""
        if ran is None or ran.code:
            raise self._failed(claim, said[-400:] or "its program was ended")
        try:
            value = json.loads(said)
            return Contents(**{**value, "notes": tuple(value["notes"])})
        except (ValueError, TypeError, KeyError):
            raise self._failed(claim, f"its program said {said[-400:]!r}") from None

    def _refuse_ended(self, pod: str, claim: str, error: HubfleetError) -> None:
        """A connection that broke because the pod is no more is no trouble of the cluster's."""
        found = self.api.find(PODS, pod, self.place.namespace)
        if found is None:
            raise self._failed(claim, f"the pod {pod} was removed meanwhile") from error
        if not is_ready(found) or (found.get("status") or {}).get("phase") in _ENDED:
            told = told_of(self.api, self.place.namespace, found)
            raise self._failed(claim, told) from error

    @contextmanager
    def _pod(self, claim: str) -> Iterator[str]:
        namespace = self.place.namespace
        hub = self.api.find(DEPLOYMENTS, "hub", namespace)
        if hub is None:
            raise self._failed(claim, "the hub's Deployment is gone, and its image with it")
        name = PREFIX + secrets.token_hex(4)
        value = tree_pod(name, hub, self, claim, self._beside(claim))
        self.api.create(PODS, value, namespace)
        try:
            self._wait(name, claim)
            yield name
        finally:
            self.api.delete(PODS, name, namespace)

    def _beside(self, claim: str) -> Object | None:
        """A pod that has the volume now: most volumes can be on one machine only."""
        for pod in self.api.select(PODS, self.place.namespace):
            spec, phase = pod["spec"], (pod.get("status") or {}).get("phase")
            claims = [one.get("persistentVolumeClaim") for one in spec.get("volumes") or ()]
            has_it = any(one and one["claimName"] == claim for one in claims)
            if has_it and spec.get("nodeName") and phase not in _ENDED:
                return pod
        return None

    def _wait(self, name: str, claim: str) -> None:
        deadline = time.monotonic() + self.patience
        while True:
            pod = self.api.find(PODS, name, self.place.namespace)
            if pod is None:
                raise self._failed(claim, f"the pod {name} was removed before it was ready")
            if is_ready(pod):
                return
            ended = (pod.get("status") or {}).get("phase") in _ENDED
            if ended or time.monotonic() > deadline:
                raise self._failed(claim, told_of(self.api, self.place.namespace, pod))
            self.sleep(_PAUSE)

    def _failed(self, claim: str, why: str) -> HubfleetError:
        if any(word in why for word in _IN_USE):
            return failure(
                "volume-in-use",
                f"the volume {claim} of {self.place.hub} is in use on another machine",
                place=f"{self.place}/{claim}",
                why=why,
                hint="wait until whoever works with it has stopped, then export again",
            )
        return failure(
            "volume-not-read",
            f"the volume {claim} of {self.place.hub} cannot be read",
            place=f"{self.place}/{claim}",
            why=why,
            hint="look at the claim and at the events of its namespace, then export again",
        )


def tree_pod(name: str, hub: Object, reader: Reader, claim: str, beside: Object | None) -> Object:
    """A pod of the hub's image that mounts a claim for reading, beside a pod that has it."""
    template: dict[str, Any] = hub["spec"]["template"]["spec"]
    (first, *_) = template["containers"]
    kept = ("nodeSelector", "tolerations", "affinity", "imagePullSecrets")
    source = template
    if beside is not None:
        node = beside["spec"]["nodeName"]
        fields = [{"key": "metadata.name", "operator": "In", "values": [node]}]
        terms = {"nodeSelectorTerms": [{"matchFields": fields}]}
        source = {
            "tolerations": beside["spec"].get("tolerations") or [],
            "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}},
            "imagePullSecrets": template.get("imagePullSecrets") or [],
        }
    container = {
        "name": FILES,
        "image": first["image"],
        "command": ["python3", "-c", lines("waiting.py"), str(_LOOK), "/proc"],
        "workingDir": _FOLDER,
        "env": [{"name": _PROGRAM, "value": program()}],
        "resources": {
            "requests": {"cpu": "50m", "memory": "64Mi"},
            "limits": {"memory": "512Mi"},
        },
        "volumeMounts": [{"name": "tree", "mountPath": _FOLDER, "readOnly": True}],
        "securityContext": {
            "runAsUser": reader.user,
            "runAsGroup": reader.group,
            "runAsNonRoot": reader.user != 0,
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {**reader.place.labels, PURPOSE: FILES}},
        "spec": {
            **{key: source[key] for key in kept if source.get(key)},
            # No `fsGroup`: with it, the files of a volume may get another group.
            "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
            "automountServiceAccountToken": False,
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 0,
            "activeDeadlineSeconds": _LONGEST,
            "containers": [container],
            "volumes": [
                {"name": "tree", "persistentVolumeClaim": {"claimName": claim, "readOnly": True}}
            ],
        },
    }


@cache
def program() -> str:
    """All that writes an archive, for `_LOADER`: an image need not have anything of hubfleet.

    In the pod's environment, because an address is too short for it, and not every cluster lets a
    program in a pod read from us.
    """
    modules = [
        (f"{_PACKAGE}.{name}", Path(str(import_module(f"{_PACKAGE}.{name}").__file__)))
        for name in _MODULES
    ]
    texts = [(name, path.read_text(encoding="utf-8")) for name, path in modules]
    whole = json.dumps([*texts, ("hubfleet.files", lines("archiving.py"))])
    return base64.b64encode(zlib.compress(whole.encode(), 9)).decode()

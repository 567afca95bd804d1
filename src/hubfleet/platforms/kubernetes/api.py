"""The Kubernetes API as far as hubfleet needs it: a narrow port, and lightkube behind it.

Objects are plain mappings, as the API sends them. Every failure is a `HubfleetError`; what may be
gone at the next attempt is a `TransientError`.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Protocol

import httpx2
from httpx2.websockets import HTTPXWSException, WebSocketDisconnect, WebSocketUpgradeError
from lightkube.config import client_adapter
from lightkube.config.kubeconfig import KubeConfig
from lightkube.core.exceptions import ApiError, ConfigError
from lightkube.core.generic_client import BasicRequest
from lightkube.core.websocket import AsyncWebsocketDriver
from lightkube.types import ExecResponse

from hubfleet.kit.errors import HubfleetError
from hubfleet.platforms.kubernetes.api_words import (
    no_credentials,
    refused,
    unreachable,
)
from hubfleet.platforms.kubernetes.connection import Connection
from hubfleet.platforms.kubernetes.streaming import PodStream

Object = dict[str, Any]

FIELD_MANAGER = "hubfleet"
"""Never changed: server-side apply knows by it whose a field is."""

_METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_PAGE = 500
_TIMEOUT = 15.0
_RUN_TIMEOUT = 600.0


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of object; `group` is empty for the core's."""

    plural: str
    group: str = ""
    version: str = "v1"
    namespaced: bool = True

    def path(self, namespace: str | None = None, name: str = "") -> str:
        """Where the API has it; without a namespace, all of them."""
        parts = ["api" if not self.group else f"apis/{self.group}", self.version]
        if self.namespaced and namespace:
            parts += ["namespaces", namespace]
        return "/" + "/".join([*parts, self.plural, *([name] if name else [])])


NAMESPACES = Kind("namespaces", namespaced=False)
CONFIG_MAPS = Kind("configmaps")
SECRETS = Kind("secrets")
PODS = Kind("pods")
EVENTS = Kind("events")
CLAIMS = Kind("persistentvolumeclaims")
DEPLOYMENTS = Kind("deployments", "apps")


@dataclass(frozen=True, slots=True)
class Ran:
    """How a program inside a pod ended."""

    code: int
    out: bytes
    err: str


class Api(Protocol):
    """One cluster's API, for one account."""

    def version(self) -> str: ...

    def read(self, path: str, **query: str) -> Object:
        """Any path of the API, such as `/apis/storage.k8s.io/v1/storageclasses`."""
        ...

    def find(self, kind: Kind, name: str, namespace: str | None = None) -> Object | None: ...

    def select(
        self,
        kind: Kind,
        namespace: str | None = None,
        *,
        labels: str = "",
        fields: str = "",
        metadata_only: bool = False,
    ) -> list[Object]:
        """All objects that fit; of one namespace or of all."""
        ...

    def create(self, kind: Kind, value: Object, namespace: str | None = None) -> bool:
        """False where an object of this name was there already."""
        ...

    def apply(self, kind: Kind, value: Object, namespace: str | None = None) -> Object:
        """Server-side apply; takes our own fields back from whoever changed them."""
        ...

    def change(
        self, kind: Kind, name: str, change: Mapping[str, Any], namespace: str | None = None
    ) -> Object:
        """A merge patch."""
        ...

    def scale(self, name: str, namespace: str, replicas: int) -> None:
        """How many pods a Deployment has."""
        ...

    def delete(self, kind: Kind, name: str, namespace: str | None = None) -> bool: ...

    def log(
        self, pod: str, namespace: str, *, container: str = "", lines: int, follow: bool = False
    ) -> Iterator[str]: ...

    def run(
        self, pod: str, namespace: str, command: list[str], *, given: bytes | None = None
    ) -> Ran:
        """Run a program in a pod's first container."""
        ...

    def stream(self, pod: str, namespace: str, command: list[str]) -> Iterator[bytes | Ran]:
        """The same, with its output in pieces as they come; how it ended comes last, without any.

        Only so much of it is held as was not taken yet, and that is little.
        """
        ...

    def may(self, verb: str, kind: Kind, namespace: str | None = None) -> bool:
        """Whether our account has this right, by SelfSubjectAccessReview."""
        ...


class KubernetesApi:
    """`Api` over HTTPS, for several threads at once."""

    def __init__(self, connection: Connection) -> None:
        self._cluster = connection.cluster
        self._server = connection.server
        config = KubeConfig.from_dict(_for_lightkube(connection.kubeconfig)).get()
        assert config is not None  # `connect` names a current context
        # trust_env: the environment of the cluster's own process holds nothing but what
        # clusters/<cluster>.yaml passes on, such as a proxy.
        self._config = config
        try:
            self._client = client_adapter.Client(config, _parameters())
        except (OSError, ValueError, ssl.SSLError, ConfigError) as error:
            raise no_credentials(self._cluster, self._server, str(error)) from None

    def version(self) -> str:
        return str(self.read("/version")["gitVersion"])

    def read(self, path: str, **query: str) -> Object:
        return self._call("GET", path, query=query)

    def find(self, kind: Kind, name: str, namespace: str | None = None) -> Object | None:
        return self._call_or_none("GET", kind.path(namespace, name))

    def select(
        self,
        kind: Kind,
        namespace: str | None = None,
        *,
        labels: str = "",
        fields: str = "",
        metadata_only: bool = False,
    ) -> list[Object]:
        query = {"limit": str(_PAGE)}
        if labels:
            query["labelSelector"] = labels
        if fields:
            query["fieldSelector"] = fields
        headers = {"Accept": _METADATA} if metadata_only else {}
        found: list[Object] = []
        while True:
            page = self._call("GET", kind.path(namespace), query=query, headers=headers)
            found += page.get("items") or []
            token = page.get("metadata", {}).get("continue")
            if not token:
                return found
            query["continue"] = token

    def create(self, kind: Kind, value: Object, namespace: str | None = None) -> bool:
        with self._calls():
            answer = self._client.post(
                kind.path(namespace), json=value, params={"fieldManager": FIELD_MANAGER}
            )
        if answer.status_code == 409 and _reason(answer) == "AlreadyExists":
            return False
        self._accept(answer)
        return True

    def apply(self, kind: Kind, value: Object, namespace: str | None = None) -> Object:
        path = kind.path(namespace, value["metadata"]["name"])
        query = {"fieldManager": FIELD_MANAGER, "force": "true"}
        headers = {"Content-Type": "application/apply-patch+yaml"}
        return self._call("PATCH", path, value, query=query, headers=headers)

    def change(
        self, kind: Kind, name: str, change: Mapping[str, Any], namespace: str | None = None
    ) -> Object:
        headers = {"Content-Type": "application/merge-patch+json"}
        query = {"fieldManager": FIELD_MANAGER}
        path = kind.path(namespace, name)
        return self._call("PATCH", path, change, query=query, headers=headers)

    def scale(self, name: str, namespace: str, replicas: int) -> None:
        headers = {"Content-Type": "application/merge-patch+json"}
        path = DEPLOYMENTS.path(namespace, name) + "/scale"
        self._call("PATCH", path, {"spec": {"replicas": replicas}}, headers=headers)

    def delete(self, kind: Kind, name: str, namespace: str | None = None) -> bool:
        return self._call_or_none("DELETE", kind.path(namespace, name)) is not None

    def log(
        self, pod: str, namespace: str, *, container: str = "", lines: int, follow: bool = False
    ) -> Iterator[str]:
        query = {"tailLines": str(lines), "follow": "true" if follow else "false"}
        if container:
            query["container"] = container
        path = PODS.path(namespace, pod) + "/log"
        timeout = httpx2.Timeout(_TIMEOUT, read=None if follow else _TIMEOUT)
        with self._calls(), self._client.stream("GET", path, params=query, timeout=timeout) as got:
            if got.status_code >= 400:
                got.read()
                self._accept(got)
            yield from got.iter_lines()

    def run(
        self, pod: str, namespace: str, command: list[str], *, given: bytes | None = None
    ) -> Ran:
        request = _exec(pod, namespace, command)
        if given is not None:
            request.params["stdin"] = "true"
        with self._running():
            ended = asyncio.run(self._run(request, given))
        out, err = ended.stdout or b"", ended.stderr or b""
        assert isinstance(out, bytes)
        assert isinstance(err, bytes)
        return Ran(ended.exit_code, out, err.decode(errors="replace"))

    def stream(self, pod: str, namespace: str, command: list[str]) -> Iterator[bytes | Ran]:
        stream = PodStream(self._async_client, _exec(pod, namespace, command))
        with self._running(), closing(stream.pieces()) as items:
            for item in items:
                if isinstance(item, bytes):
                    yield item
                else:
                    yield Ran(item, b"", stream.errors.decode(errors="replace"))

    @contextmanager
    def _running(self) -> Iterator[None]:
        """What may go wrong with a program in a pod, but for the program itself."""
        try:
            with self._calls():
                yield
        except WebSocketUpgradeError as error:
            raise self._refused(error.response) from None
        except HTTPXWSException as error:
            raise unreachable(self._cluster, self._server, _ended_early(error)) from None
        except ApiError as error:
            raise refused(self._cluster, self._server, 500, str(error)) from None

    def _async_client(self) -> httpx2.AsyncClient:
        client = client_adapter.AsyncClient(self._config, _parameters())
        client.event_hooks = {"response": [_read_refusal]}
        return client

    async def _run(self, request: BasicRequest, given: bytes | None) -> ExecResponse:
        # Not by `self._client`: its websockets are read by a thread of their own, which goes on
        # for a moment after they are closed, and then reads from whoever has their socket's
        # number next (measured: one call in 700 broke another, with OpenSSL's `wrong version`).
        async with self._async_client() as client:
            driver = AsyncWebsocketDriver(client, request, timeout=_RUN_TIMEOUT)
            return await driver.write_and_read(stdin=given, stdout=True, stderr=True)

    def may(self, verb: str, kind: Kind, namespace: str | None = None) -> bool:
        plural, _, part = kind.plural.partition("/")
        asked = {"verb": verb, "group": kind.group, "resource": plural}
        if part:
            asked["subresource"] = part
        if namespace:
            asked["namespace"] = namespace
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": asked},
        }
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        return bool(self._call("POST", path, review)["status"].get("allowed"))

    def _call(
        self,
        method: str,
        path: str,
        value: Any = None,
        *,
        query: Mapping[str, Any] = {},
        headers: Mapping[str, str] = {},
    ) -> Object:
        content = None if value is None else json.dumps(value).encode()
        sent = dict(headers)
        if content is not None:
            sent.setdefault("Content-Type", "application/json")
        with self._calls():
            answer = self._client.request(
                method, path, content=content, params=dict(query), headers=sent
            )
        self._accept(answer)
        found: Object = answer.json()
        return found

    def _call_or_none(self, method: str, path: str) -> Object | None:
        with self._calls():
            answer = self._client.request(method, path)
        if answer.status_code == 404:
            return None
        self._accept(answer)
        found: Object = answer.json()
        return found

    def _accept(self, answer: httpx2.Response) -> None:
        if answer.status_code >= 400:
            raise self._refused(answer)

    def _refused(self, answer: httpx2.Response) -> HubfleetError:
        return refused(self._cluster, self._server, answer.status_code, _message(answer))

    @contextmanager
    def _calls(self) -> Iterator[None]:
        try:
            yield
        except (httpx2.TransportError, OSError) as error:
            raise unreachable(self._cluster, self._server, str(error)) from None
        except (ConfigError, KeyError, json.JSONDecodeError) as error:
            # The program that prints credentials failed, or printed something else.
            raise no_credentials(self._cluster, self._server, str(error)) from None


def import_everything() -> None:
    """Have all that a connection needs, some of which is only imported when one is made.

    Whoever forks processes that each connect calls this first: they share it then.
    """
    server = "https://127.0.0.1:1"
    nowhere = {"server": server, "insecure-skip-tls-verify": True}
    kubeconfig = {
        "current-context": "x",
        "clusters": [{"name": "x", "cluster": nowhere}],
        "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
        "users": [{"name": "x", "user": {"token": "x"}}],
    }
    with suppress(HubfleetError):
        KubernetesApi(Connection("x", server, kubeconfig)).version()


def _parameters() -> client_adapter.ConnectionParams:
    return client_adapter.ConnectionParams(timeout=httpx2.Timeout(_TIMEOUT))


def _for_lightkube(kubeconfig: dict[str, Any]) -> dict[str, Any]:
    """With credential programs by v1beta1 of their protocol, whose answers are those of v1."""
    user = kubeconfig["users"][0]["user"]
    if "exec" not in user:
        return kubeconfig
    program = {**user["exec"], "apiVersion": "client.authentication.k8s.io/v1beta1"}
    users = [{"name": kubeconfig["users"][0]["name"], "user": {**user, "exec": program}}]
    return {**kubeconfig, "users": users}


def _exec(pod: str, namespace: str, command: list[str]) -> BasicRequest:
    query: dict[str, Any] = {"command": command, "stdout": "true", "stderr": "true"}
    return BasicRequest("GET", PODS.path(namespace, pod) + "/exec", params=query)


async def _read_refusal(answer: httpx2.Response) -> None:
    """Have the reason at hand when a connection to a pod is refused."""
    if answer.status_code >= 400:
        await answer.aread()


def _ended_early(error: HTTPXWSException) -> str:
    if isinstance(error, WebSocketDisconnect):
        return f"it ended the connection to a pod: {error.reason or error.code}"
    return "the connection to a pod broke"


def _message(answer: httpx2.Response) -> str:
    try:
        return str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        return answer.text[:500]


def _reason(answer: httpx2.Response) -> str:
    try:
        return str(answer.json()["reason"])
    except (ValueError, KeyError, TypeError):
        return ""

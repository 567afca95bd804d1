"""Registries of images for tests: one at our own port, one over HTTP that can misbehave, and the
real one, where its program is installed.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import shutil
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol

import yaml

from hubfleet.kit.errors import failure
from hubfleet.replicate.images.client import DistributionRegistry
from hubfleet.replicate.images.reference import Reference
from hubfleet.replicate.images.registry import ImageRegistry
from tests.places import free_port, until

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
EMPTY = b"{}"

NO_REGISTRY = "no registry's program: name one in HUBFLEET_TEST_REGISTRY, or install `registry`"


def digest(data: bytes) -> str:
    """As registries name contents."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def manifest(words: str) -> bytes:
    """Of an image without layers; other words make another image."""
    config = {"mediaType": "application/vnd.oci.image.config.v1+json", **_described(EMPTY)}
    return _json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": config,
            "layers": [],
            "annotations": {"words": words},
        }
    )


def index(words: str) -> bytes:
    """For two kinds of machines."""
    held = [
        {
            "mediaType": MANIFEST,
            **_described(manifest(f"{words} {kind}")),
            "platform": {"os": "linux", "architecture": kind},
        }
        for kind in ("amd64", "arm64")
    ]
    return _json({"schemaVersion": 2, "mediaType": INDEX, "manifests": held})


def _described(data: bytes) -> dict[str, Any]:
    return {"digest": digest(data), "size": len(data)}


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


class Shop(Protocol):
    """Somewhere to put images, and the port through which they are asked for; with
    `keeps_secrets` images below `closed/` need an account.
    """

    host: str
    keeps_secrets: bool

    @property
    def registry(self) -> ImageRegistry: ...

    def put(self, repository: str, tag: str, data: bytes) -> None: ...


class MemoryRegistry:
    """The port without any network."""

    keeps_secrets = True

    def __init__(self, digests: Mapping[str, str] | None = None) -> None:
        self.host = "registry.example.org"
        self.digests = dict(digests or {})
        self.asked: list[str] = []

    @property
    def registry(self) -> ImageRegistry:
        return self

    def put(self, repository: str, tag: str, data: bytes) -> None:
        self.digests[f"{self.host}/{repository}:{tag}"] = digest(data)

    def digest_of(self, image: Reference) -> str:
        name = f"{image.name}:{image.tag or 'latest'}"
        self.asked.append(name)
        if "/closed/" in image.name:
            raise failure("image-needs-account", "hidden", hint="push it elsewhere")
        if name not in self.digests:
            raise failure("image-not-found", "gone", why="Nobody has it", hint="push it again")
        return self.digests[name]


@dataclass
class Asked:
    method: str
    path: str
    headers: Mapping[str, str]


@dataclass
class Reply:
    """`drip` follows piece by piece until the other side has enough; `raw` stands for the rest."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    drip: Iterable[bytes] = ()
    raw: bytes | None = None


@dataclass
class StandIn:
    """A server on this machine that answers as `answer` says."""

    host: str
    answer: Callable[[Asked], Reply]
    asked: list[Asked]


@contextmanager
def standing_in(
    answer: Callable[[Asked], Reply], tls: ssl.SSLContext | None = None
) -> Iterator[StandIn]:
    asked: list[Asked] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            one = Asked(self.command, self.path, dict(self.headers))
            asked.append(one)
            with suppress(OSError):
                self._reply(here.answer(one))

        def _reply(self, reply: Reply) -> None:
            self.close_connection = True
            if reply.raw is not None:
                self.wfile.write(reply.raw)
            else:
                self._whole(reply)
            for piece in reply.drip:
                self.wfile.write(piece)

        def _whole(self, reply: Reply) -> None:
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if "Content-Length" not in reply.headers and not reply.drip:
                self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(reply.body)

        def do_HEAD(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    here = StandIn(f"127.0.0.1:{server.server_port}", answer, asked)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield here
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class OverHttp:
    """A well-behaved registry over HTTP, in a few lines."""

    keeps_secrets = False

    def __init__(self) -> None:
        self.held: dict[str, bytes] = {}
        self.host = ""
        self.registry: ImageRegistry = MemoryRegistry()

    def put(self, repository: str, tag: str, data: bytes) -> None:
        self.held[f"/v2/{repository}/manifests/{tag}"] = data

    def answer(self, asked: Asked) -> Reply:
        data = self.held.get(asked.path)
        if data is None:
            return Reply(404, {"Content-Type": "application/json"}, b"{}")
        kind = json.loads(data)["mediaType"]
        assert kind in asked.headers["Accept"]
        return Reply(200, {"Content-Type": kind, "Docker-Content-Digest": digest(data)}, data)


@contextmanager
def over_http() -> Iterator[OverHttp]:
    shop = OverHttp()
    with standing_in(shop.answer) as server:
        shop.host = server.host
        shop.registry = DistributionRegistry([server.host])
        yield shop


def real_program() -> str | None:
    """The registry of the CNCF's Distribution project."""
    named = os.environ.get("HUBFLEET_TEST_REGISTRY")
    return named or shutil.which("registry") or shutil.which("docker-registry")


class RealRegistry:
    """A real one, on this machine; `token` is what pushing needs."""

    def __init__(self, host: str, token: Callable[[str], str] | None = None) -> None:
        self.host = host
        self.registry: ImageRegistry = DistributionRegistry([host])
        self.keeps_secrets = token is not None
        self._token = token

    def put(self, repository: str, tag: str, data: bytes) -> None:
        told = json.loads(data)
        if told["mediaType"] == INDEX:
            words = _words_of(told)
            for kind in ("amd64", "arm64"):
                self.put(repository, kind, manifest(f"{words} {kind}"))
        self._blob(repository, EMPTY)
        path = f"/v2/{repository}/manifests/{tag}"
        self._send("PUT", path, repository, data, {"Content-Type": told["mediaType"]})

    def _blob(self, repository: str, data: bytes) -> None:
        begun = self._send("POST", f"/v2/{repository}/blobs/uploads/", repository)
        where = begun["Location"].removeprefix(f"http://{self.host}")
        joined = f"{where}{'&' if '?' in where else '?'}digest={digest(data)}"
        kind = {"Content-Type": "application/octet-stream"}
        self._send("PUT", joined, repository, data, kind)

    def _send(
        self,
        method: str,
        path: str,
        repository: str,
        data: bytes = b"",
        headers: Mapping[str, str] = {},
    ) -> Mapping[str, str]:
        told = dict(headers)
        if self._token is not None:
            told["Authorization"] = f"Bearer {self._token(repository)}"
        connection = http.client.HTTPConnection(self.host, timeout=10)
        try:
            connection.request(method, path, data, told)
            answer = connection.getresponse()
            assert answer.status in (201, 202), answer.read()
            return dict(answer.headers)
        finally:
            connection.close()


def _words_of(told: Mapping[str, Any]) -> str:
    """Which words made this index, found again by trying: tests use few."""
    first = told["manifests"][0]["digest"]
    words = ("first", "second", "many")
    return next(one for one in words if digest(manifest(f"{one} amd64")) == first)


@contextmanager
def real_registry(
    folder: Path, auth: Mapping[str, Any] | None = None, token: Callable[[str], str] | None = None
) -> Iterator[RealRegistry]:
    program = real_program()
    assert program is not None
    host = f"127.0.0.1:{free_port()}"
    settings: dict[str, Any] = {
        "version": "0.1",
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "images")}},
        "http": {"addr": host},
    }
    if auth is not None:
        settings["auth"] = dict(auth)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yml").write_text(yaml.safe_dump(settings))
    with (folder / "log").open("wb") as log:
        command = [program, "serve", str(folder / "config.yml")]
        process = subprocess.Popen(
            command, stdout=log, stderr=log, env={"OTEL_TRACES_EXPORTER": "none"}
        )
        try:
            until(lambda: _answers(host) or process.poll() is not None, "the registry")
            assert process.poll() is None, (folder / "log").read_text()
            yield RealRegistry(host, token)
        finally:
            process.terminate()
            process.wait(10)


def _answers(host: str) -> bool:
    connection = http.client.HTTPConnection(host, timeout=5)
    try:
        connection.request("GET", "/v2/")
        return connection.getresponse().status in (200, 401)
    except OSError:
        return False
    finally:
        connection.close()

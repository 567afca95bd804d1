"""Stands in for the machines of a cluster: two nodes that carry any pod without running it.

Marks nodes and pods ready, ends the pods of Jobs well, gives every claim a volume, and answers as a
kubelet for logs and for programs inside pods. What a pod's annotations ask for:

    hubfleet.test/unready: "true"     the pod never becomes ready
    hubfleet.test/log: TEXT           its log

Programs that are run inside a pod run here, in a folder that stands for the first volume claim that
the pod mounts; `python3` is the interpreter of the tests.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import ssl
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from tests.control_plane.certificates import Certificates

NODES = ("node-1", "node-2")
UNREADY = "hubfleet.test/unready"
LOG = "hubfleet.test/log"
_MERGE = {"Content-Type": "application/merge-patch+json"}


@contextlib.contextmanager
def fake_nodes(address: str, certificates: Certificates, token: str, root: Path) -> Iterator[None]:
    """Run the stand-in in a thread; `root` holds what stands for volumes."""
    machines = _Machines(address, certificates, token, root)
    thread = threading.Thread(target=machines.run, daemon=True)
    thread.start()
    assert machines.ready.wait(60), "the fake nodes did not come up"
    try:
        yield
    finally:
        machines.stop()
        thread.join(30)


class _Machines:
    def __init__(self, address: str, certificates: Certificates, token: str, root: Path) -> None:
        self.address, self.token, self.root = address, token, root
        self.certificates = certificates
        self.ready = threading.Event()
        self.loop = asyncio.new_event_loop()
        self.over = asyncio.Event()
        self.api = None
        self.claims: dict[tuple[str, str], str] = {}
        self.logs: dict[tuple[str, str], str] = {}
        self.pods: dict[tuple[str, str], dict[str, Any]] = {}

    def run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_until_complete(self.work())
        finally:
            self.loop.close()

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.over.set)

    async def work(self) -> None:
        trust = ssl.create_default_context(cafile=str(self.certificates.authority))
        self.session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=trust, limit=50),
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=aiohttp.ClientTimeout(total=None),
        )
        kubelet, port = await self.serve()
        try:
            for name in NODES:
                await self.add_node(name, port)
            watches = [
                asyncio.create_task(self.watch("/api/v1/pods", self.pod)),
                asyncio.create_task(self.watch("/api/v1/persistentvolumeclaims", self.claim)),
            ]
            self.ready.set()
            await self.over.wait()
            for watch in watches:
                watch.cancel()
            await asyncio.gather(*watches, return_exceptions=True)
        finally:
            await kubelet.cleanup()
            await self.session.close()

    async def call(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        async with self.session.request(
            method, self.address + path, data=None if body is None else json.dumps(body), **more
        ) as answer:
            return answer.status, json.loads(await answer.text() or "null")

    async def add_node(self, name: str, port: int) -> None:
        node = {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
        }
        content = {"headers": {"Content-Type": "application/json"}}
        await self.call("POST", "/api/v1/nodes", node, **content)
        room = {"cpu": "64", "memory": "256Gi", "pods": "500"}
        status = {
            "capacity": room,
            "allocatable": room,
            "conditions": [{"type": "Ready", "status": "True", "reason": "Standin"}],
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
            "declaredFeatures": ["ExtendWebSocketsToKubelet"],
        }
        await self.call("PATCH", f"/api/v1/nodes/{name}/status", {"status": status}, headers=_MERGE)
        await self.call(
            "PATCH", f"/api/v1/nodes/{name}", {"spec": {"taints": None}}, headers=_MERGE
        )

    async def watch(
        self, path: str, happened: Callable[[str, dict[str, Any]], Awaitable[None]]
    ) -> None:
        """Every object there is, then every change; from the start again when the API ends it."""
        while True:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
                _, listed = await self.call("GET", path)
                for item in listed["items"]:
                    await happened("ADDED", item)
                version = listed["metadata"]["resourceVersion"]
                url = f"{self.address}{path}?watch=true&resourceVersion={version}"
                async with self.session.get(url, read_bufsize=2**24) as answer:
                    async for line in answer.content:
                        event = json.loads(line)
                        if event["type"] == "ERROR":
                            break
                        await happened(event["type"], event["object"])
            await asyncio.sleep(0.2)

    async def pod(self, kind: str, pod: dict[str, Any]) -> None:
        meta, status = pod["metadata"], pod.get("status", {})
        key = (meta["namespace"], meta["name"])
        where = f"/api/v1/namespaces/{key[0]}/pods/{key[1]}"
        if kind == "DELETED":
            self.pods.pop(key, None)
            return
        self.pods[key] = pod
        if meta.get("deletionTimestamp"):
            await self.call("DELETE", f"{where}?gracePeriodSeconds=0")
        elif pod["spec"].get("nodeName") and status.get("phase") == "Pending":
            await self.call("PATCH", f"{where}/status", {"status": _begun(pod)}, headers=_MERGE)

    async def claim(self, kind: str, claim: dict[str, Any]) -> None:
        meta, spec = claim["metadata"], claim["spec"]
        if kind == "DELETED" or claim.get("status", {}).get("phase") != "Pending":
            return
        volume = {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": f"volume-{meta['uid']}"},
            "spec": {
                "capacity": spec["resources"]["requests"],
                "accessModes": spec["accessModes"],
                "persistentVolumeReclaimPolicy": "Delete",
                "storageClassName": spec.get("storageClassName", ""),
                "hostPath": {"path": "/nowhere"},
                "claimRef": {
                    "namespace": meta["namespace"],
                    "name": meta["name"],
                    "uid": meta["uid"],
                },
            },
        }
        content = {"headers": {"Content-Type": "application/json"}}
        await self.call("POST", "/api/v1/persistentvolumes", volume, **content)

    async def serve(self) -> tuple[web.AppRunner, int]:
        app = web.Application()
        app.router.add_get("/containerLogs/{namespace}/{pod}/{container}", self.answer_logs)
        app.router.add_get("/exec/{namespace}/{pod}/{container}", self.answer_exec)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.certificates.server, self.certificates.server_key)
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
        await site.start()
        server = site._server
        assert server is not None
        return runner, server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]

    async def answer_logs(self, request: web.Request) -> web.StreamResponse:
        pod = self.pods.get((request.match_info["namespace"], request.match_info["pod"]), {})
        notes = pod.get("metadata", {}).get("annotations", {})
        lines = notes.get(LOG, f"JupyterHub is now running in {request.match_info['pod']}")
        wanted = int(request.query.get("tailLines", "1000"))
        answer = web.StreamResponse()
        await answer.prepare(request)
        for line in lines.splitlines()[-wanted:]:
            await answer.write(line.encode() + b"\n")
        return answer

    async def answer_exec(self, request: web.Request) -> web.StreamResponse:
        answer = web.WebSocketResponse(
            protocols=["v5.channel.k8s.io", "v4.channel.k8s.io"], max_msg_size=2**28
        )
        await answer.prepare(request)
        folder = self.folder_of(request.match_info["namespace"], request.match_info["pod"])
        command = request.query.getall("command")
        if command[0] == "python3":
            command = [sys.executable, *command[1:]]
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=folder,
            env={**os.environ, **self.environment_of(request.match_info)},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        given = b""
        while "input" in request.query or "stdin" in request.query:
            message = await answer.receive()
            if message.type is not aiohttp.WSMsgType.BINARY or message.data == b"\xff\x00":
                break
            given += message.data[1:]
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(_give(process, given))
                both.create_task(_send(answer, b"\x01", process.stdout))
                both.create_task(_send(answer, b"\x02", process.stderr))
            code = await process.wait()
            await answer.send_bytes(b"\x03" + json.dumps(_ended(code)).encode())
            await answer.close()
        except* ConnectionError:
            # As a container's runtime does when nobody is at the other end any more.
            process.kill()
            await process.communicate()
        return answer

    def environment_of(self, match: Mapping[str, str]) -> dict[str, str]:
        """What the pod's container was given."""
        pod = self.pods.get((match["namespace"], match["pod"]), {})
        containers = pod.get("spec", {}).get("containers", [{}])
        return {one["name"]: one.get("value", "") for one in containers[0].get("env", [])}

    def folder_of(self, namespace: str, pod: str) -> Path:
        """What stands for the volume that the pod mounts."""
        volumes = self.pods.get((namespace, pod), {}).get("spec", {}).get("volumes", [])
        claims = [v["persistentVolumeClaim"]["claimName"] for v in volumes if _is_claim(v)]
        folder = volume_folder(self.root, namespace, claims[0] if claims else "none")
        folder.mkdir(parents=True, exist_ok=True)
        return folder


async def _give(process: asyncio.subprocess.Process, data: bytes) -> None:
    assert process.stdin is not None
    with contextlib.suppress(ConnectionError):
        process.stdin.write(data)
        await process.stdin.drain()
    process.stdin.close()


async def _send(
    answer: web.WebSocketResponse, channel: bytes, source: asyncio.StreamReader | None
) -> None:
    """In pieces as the kubelet sends them, and no faster than they are taken."""
    assert source is not None
    while data := await source.read(2**15):
        await answer.send_bytes(channel + data)


def volume_folder(root: Path, namespace: str, claim: str) -> Path:
    """The folder that stands for the volume of a claim."""
    return root / namespace / claim


def _is_claim(volume: dict[str, Any]) -> bool:
    return "persistentVolumeClaim" in volume


def _begun(pod: dict[str, Any]) -> dict[str, Any]:
    meta = pod["metadata"]
    of_job = any(owner["kind"] == "Job" for owner in meta.get("ownerReferences", []))
    ready = meta.get("annotations", {}).get(UNREADY) != "true"
    when = meta["creationTimestamp"]
    states = []
    for container in pod["spec"]["containers"]:
        running = {"running": {"startedAt": when}}
        ended = {"terminated": {"exitCode": 0, "startedAt": when, "finishedAt": when}}
        states.append(
            {
                "name": container["name"],
                "image": container["image"],
                "imageID": "",
                "ready": ready and not of_job,
                "restartCount": 0,
                "started": not of_job,
                "state": ended if of_job else running,
            }
        )
    holds = "True" if ready else "False"
    return {
        "phase": "Succeeded" if of_job else "Running",
        "podIP": "127.0.0.1",
        "startTime": when,
        "conditions": [
            {"type": kind, "status": holds, "lastTransitionTime": when}
            for kind in ("Initialized", "ContainersReady", "Ready")
        ]
        + [{"type": "PodScheduled", "status": "True", "lastTransitionTime": when}],
        "containerStatuses": states,
    }


def _ended(code: int) -> dict[str, Any]:
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    causes = [{"reason": "ExitCode", "message": str(code)}]
    return {
        "metadata": {},
        "status": "Failure",
        "reason": "NonZeroExitCode",
        "details": {"causes": causes},
        "message": f"command terminated with exit code {code}",
    }

"""A real Kubernetes control plane on loopback: etcd, API server, controllers, scheduler.

Starts in seconds on free ports with certificates of its own, and leaves nothing behind. There are
no machines: `fake_nodes` stands in for them.
"""

from __future__ import annotations

import contextlib
import ctypes
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from tests.control_plane.certificates import Certificates, make_certificates
from tests.control_plane.programs import program_folder
from tests.places import free_port

ADMIN_TOKEN = "admin-of-the-tests"
LIMITED_TOKEN = "limited-account-of-the-tests"
LIMITED_USER = "limited"
_PATIENCE = 120.0


@dataclass
class ControlPlane:
    """A running one. `process_ids` are its programs'."""

    folder: Path
    address: str
    certificates: Certificates
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def check(self) -> None:
        """All of its programs live; else what the first that ended said last."""
        for name, process in self.processes.items():
            if process.poll() is not None:
                log = (self.folder / f"{name}.log").read_text(errors="replace")
                raise AssertionError(f"{name} ended: {log[-2000:]}")

    def kubeconfig(self, path: Path, *, token: str = ADMIN_TOKEN, context: str = "tests") -> Path:
        """Write a kubeconfig file for whoever has this token."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(kubeconfig(self.address, self.certificates, token, context)))
        path.chmod(0o600)
        return path


def kubeconfig(
    address: str, certificates: Certificates, token: str, context: str
) -> dict[str, Any]:
    """A kubeconfig as a mapping, with one context."""
    cluster = {"server": address, "certificate-authority-data": certificates.authority_data}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": context,
        "clusters": [{"name": context, "cluster": cluster}],
        "contexts": [{"name": context, "context": {"cluster": context, "user": context}}],
        "users": [{"name": context, "user": {"token": token}}],
    }


@contextlib.contextmanager
def control_plane(folder: Path) -> Iterator[ControlPlane]:
    """Start everything, wait until the API answers, stop everything in the end."""
    made = make_certificates(folder / "certificates")
    tokens = folder / "tokens.csv"
    tokens.write_text(
        f'{ADMIN_TOKEN},admin,admin,"system:masters"\n{LIMITED_TOKEN},{LIMITED_USER},limited\n'
    )
    # From below those that the system hands out by itself: another program's connection may get
    # one of those in the moment before ours listens.
    etcd_port, peer_port, port = free_port(), free_port(), free_port()
    plane = ControlPlane(folder, f"https://127.0.0.1:{port}", made)
    config = plane.kubeconfig(folder / "admin.yaml")
    try:
        _start(plane, "etcd", *_etcd(folder, etcd_port, peer_port))
        _start(plane, "kube-apiserver", *_api_server(made, tokens, etcd_port, port))
        _wait(plane)
        _start(plane, "kube-controller-manager", *_controllers(made, config))
        _start(plane, "kube-scheduler", *_scheduler(config))
        yield plane
    finally:
        _stop(plane)
        shutil.rmtree(folder / "etcd", ignore_errors=True)


def _etcd(folder: Path, port: int, peer_port: int) -> list[str]:
    return [
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls=http://127.0.0.1:{port}",
        f"--advertise-client-urls=http://127.0.0.1:{port}",
        f"--listen-peer-urls=http://127.0.0.1:{peer_port}",
        f"--initial-advertise-peer-urls=http://127.0.0.1:{peer_port}",
        f"--initial-cluster=default=http://127.0.0.1:{peer_port}",
        "--unsafe-no-fsync",
        "--log-level=error",
    ]


def _api_server(made: Certificates, tokens: Path, etcd_port: int, port: int) -> list[str]:
    return [
        f"--etcd-servers=http://127.0.0.1:{etcd_port}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        f"--secure-port={port}",
        f"--tls-cert-file={made.server}",
        f"--tls-private-key-file={made.server_key}",
        f"--token-auth-file={tokens}",
        "--authorization-mode=RBAC",
        "--anonymous-auth=false",
        "--allow-privileged=true",
        "--service-cluster-ip-range=10.0.0.0/16",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={made.accounts_key}",
        f"--service-account-signing-key-file={made.accounts_key}",
        "--kubelet-preferred-address-types=InternalIP",
        # The nodes' stand-in speaks no SPDY: with these `exec` reaches it as a websocket.
        "--feature-gates=NodeDeclaredFeatures=true,ExtendWebSocketsToKubelet=true",
        "--v=0",
    ]


def _controllers(made: Certificates, config: Path) -> list[str]:
    return [
        f"--kubeconfig={config}",
        "--secure-port=0",
        "--leader-elect=false",
        # Nobody sends the heartbeats of nodes.
        "--controllers=*,-node-lifecycle-controller,-taint-eviction-controller",
        f"--service-account-private-key-file={made.accounts_key}",
        f"--root-ca-file={made.authority}",
        "--pvclaimbinder-sync-period=1s",
        "--kube-api-qps=200",
        "--kube-api-burst=400",
        "--v=0",
    ]


def _scheduler(config: Path) -> list[str]:
    return [
        f"--kubeconfig={config}",
        "--secure-port=0",
        "--leader-elect=false",
        "--v=0",
    ]


def _start(plane: ControlPlane, name: str, *arguments: str) -> None:
    with (plane.folder / f"{name}.log").open("ab") as log:
        plane.processes[name] = subprocess.Popen(
            [str(program_folder() / name), *arguments],
            stdout=log,
            stderr=log,
            cwd=plane.folder,
            preexec_fn=_end_with_us,  # noqa: PLW1509, one system call
        )


def _end_with_us() -> None:
    """A test run that is killed leaves no control plane behind."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def _wait(plane: ControlPlane) -> None:
    import asyncio

    asyncio.run(_until_ready(plane))


async def _until_ready(plane: ControlPlane) -> None:
    import asyncio
    import ssl

    trust = ssl.create_default_context(cafile=str(plane.certificates.authority))
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    deadline = time.monotonic() + _PATIENCE
    async with aiohttp.ClientSession(headers=headers) as session:
        while True:
            plane.check()
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get(f"{plane.address}/readyz", ssl=trust) as answer:
                    if answer.status == 200:
                        return
            assert time.monotonic() < deadline, "the API server did not become ready"
            await asyncio.sleep(0.1)


def _stop(plane: ControlPlane) -> None:
    for name in reversed(list(plane.processes)):
        # Nothing of it outlives the run, so nothing is worth a graceful end, which takes long.
        plane.processes[name].kill()
    for process in plane.processes.values():
        process.wait()

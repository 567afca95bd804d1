"""The `helm` program behind a narrow port.

Every call is a child process whose life is tied to ours, with an environment of its own: nothing
but a path, a private folder for caches, and what the cluster's file passes on. The kubeconfig and
the values travel through pipes in memory; neither stands on a disk or in an argument list.
"""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import yaml

from hubfleet.kit.errors import failure
from hubfleet.platforms.kubernetes.connection import Connection

OLDEST = (3, 14)
NAME = "helm"
"""How the program is called, whatever its file is named: Helm 4 takes the field manager of
server-side apply from it, and another one would conflict with every earlier release."""

HISTORY = 20
"""Releases that Helm keeps of a hub. More than the snapshots that are kept, because each snapshot
leads back to one of them."""

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class HelmError(Exception):
    """The program ended with an error; the text is its own."""


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What one hub's release is to become."""

    release: str
    namespace: str
    chart: str
    values: Mapping[str, Any]
    labels: Mapping[str, str]
    description: str
    seconds: float
    take_ownership: bool = False


class Helm(Protocol):
    """Raises `HelmError` for what Helm refuses, with its own words."""

    def version(self) -> tuple[int, int, int]: ...

    def upgrade(self, asked: Upgrade) -> None:
        """Install the release or change it, and wait until all of it is ready."""
        ...

    def rollback(
        self, release: str, namespace: str, revision: int, seconds: float, *, force: bool = False
    ) -> None: ...

    def uninstall(self, release: str, namespace: str, seconds: float) -> None: ...

    def manifest(self, release: str, namespace: str, revision: int) -> list[dict[str, Any]]:
        """The objects of a release, as they were sent."""
        ...

    def pull(self, repository: str, name: str, version: str, folder: Path) -> Path:
        """Fetch a chart into a folder."""
        ...


@dataclass
class HelmProgram:
    """`connection` is None for what needs no cluster. `folder` is for caches and configuration."""

    program: str
    folder: Path
    connection: Connection | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    _version: tuple[int, int, int] | None = None

    def version(self) -> tuple[int, int, int]:
        if self._version is None:
            said = self._run(["version", "--template", "{{.Version}}"])
            found = re.search(r"v?(\d+)\.(\d+)(?:\.(\d+))?", said)
            if found is None:
                raise HelmError(f"it says of its version: {said.strip()!r}")
            self._version = (int(found[1]), int(found[2]), int(found[3] or 0))
        return self._version

    def upgrade(self, asked: Upgrade) -> None:
        arguments = ["upgrade", asked.release, asked.chart, "--install", "--values", "-"]
        arguments += ["--namespace", asked.namespace, "--description", asked.description]
        arguments += ["--labels", ",".join(f"{k}={v}" for k, v in sorted(asked.labels.items()))]
        arguments += ["--history-max", str(HISTORY), *self._waiting(asked.seconds)]
        if self._is_4():
            # Said every time: `auto` would follow whatever an earlier release was made with.
            arguments += ["--server-side", "true", "--hide-notes"]
        if asked.take_ownership:
            arguments += ["--take-ownership"]
            arguments += ["--force-conflicts"] if self._is_4() else []
        self._run(arguments, given=yaml.safe_dump(dict(asked.values)), namespace=asked.namespace)

    def rollback(
        self, release: str, namespace: str, revision: int, seconds: float, *, force: bool = False
    ) -> None:
        arguments = ["rollback", release, str(revision), "--history-max", str(HISTORY)]
        arguments += self._waiting(seconds)
        if self._is_4():
            arguments += ["--server-side", "true"]
            arguments += ["--force-conflicts"] if force else []
        self._run(arguments, namespace=namespace)

    def uninstall(self, release: str, namespace: str, seconds: float) -> None:
        arguments = ["uninstall", release, "--ignore-not-found", *self._waiting(seconds)]
        self._run(arguments, namespace=namespace)

    def manifest(self, release: str, namespace: str, revision: int) -> list[dict[str, Any]]:
        arguments = ["get", "manifest", release, "--revision", str(revision)]
        text = self._run(arguments, namespace=namespace)
        return [one for one in yaml.load_all(text, _LOADER) if isinstance(one, dict)]

    def pull(self, repository: str, name: str, version: str, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        if repository.startswith("oci://"):
            what = [f"{repository.rstrip('/')}/{name}"]
        else:
            what = [name, "--repo", repository]
        self._run(["pull", *what, "--version", version, "--destination", str(folder)])
        return folder / f"{name}-{version.removeprefix('v')}.tgz"

    def _is_4(self) -> bool:
        return self.version() >= (4,)

    def _waiting(self, seconds: float) -> list[str]:
        wait = "--wait=watcher" if self._is_4() else "--wait"
        return [wait, "--timeout", f"{max(1, round(seconds))}s"]

    def _run(self, arguments: Sequence[str], *, given: str = "", namespace: str = "") -> str:
        command = [NAME, *arguments]
        if namespace and "--namespace" not in arguments:
            command += ["--namespace", namespace]
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.folder),
            "HELM_CACHE_HOME": str(self.folder / "cache"),
            "HELM_CONFIG_HOME": str(self.folder / "config"),
            "HELM_DATA_HOME": str(self.folder / "data"),
            **self.environment,
        }
        descriptor = None
        if self.connection is not None:
            descriptor = _in_memory(self.connection.text)
            environment["KUBECONFIG"] = f"/proc/self/fd/{descriptor}"
        try:
            with subprocess.Popen(
                command,
                executable=self.program,
                env=environment,
                cwd=self.folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                pass_fds=() if descriptor is None else (descriptor,),
                # Bound to this thread, which waits for it below.
                preexec_fn=_end_with_us,  # noqa: PLW1509, one system call on a loaded library
            ) as process:
                out, err = process.communicate(given)
        finally:
            if descriptor is not None:
                os.close(descriptor)
        if process.returncode:
            raise HelmError(err.strip() or f"helm ended with {process.returncode}")
        return out


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def find_helm(named: str | None = None) -> str:
    """The program's path; raises `no-helm`."""
    found = named or os.environ.get("HUBFLEET_HELM") or shutil.which(NAME)
    if found is None:
        raise failure(
            "no-helm",
            "the program `helm` is not here",
            why="hubs on Kubernetes are Helm releases, and nothing else on this machine makes them",
            hint="install Helm 4, or 3.14 or later, and put it on PATH; "
            "or name it in $HUBFLEET_HELM",
        )
    return found


def require_recent(helm: Helm) -> None:
    """Raises `old-helm`."""
    version = helm.version()
    if version < OLDEST:
        raise failure(
            "old-helm",
            f"helm {'.'.join(map(str, version))} is too old",
            why="labels on releases came with 3.13, and what hubfleet relies on with 3.14",
            hint="install Helm 4, or 3.14 or later",
        )


def chart_version(folder: Path) -> tuple[str, str]:
    """Name and version of a chart in a folder."""
    value = yaml.safe_load((folder / "Chart.yaml").read_text(encoding="utf-8"))
    return str(value["name"]), str(value["version"])


def _in_memory(text: str) -> int:
    """A file without a name, which only we and our child can open."""
    descriptor = os.memfd_create("kubeconfig", 0)
    os.write(descriptor, text.encode())
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _end_with_us() -> None:
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

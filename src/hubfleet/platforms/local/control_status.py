"""What is known about the processes of a state folder: from the keeper, or from their records."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Self

from hubfleet import __version__
from hubfleet.kit.clock import timestamp
from hubfleet.kit.digest import digest
from hubfleet.platforms.local.folders import StateFolder
from hubfleet.platforms.local.processes import boot_id, is_alive, start_time
from hubfleet.platforms.local.spec import RunRecord

PROTOCOL = 1
"""Another number for every change after which old and new do not understand each other."""


@dataclass(frozen=True, slots=True)
class KeeperFacts:
    """Who keeps a state folder, as in `keeper.json`."""

    pid: int
    start_time: int
    boot: str
    hubfleet: str
    jupyterhub: str
    python: str
    protocol: int
    port: int
    since: str

    @classmethod
    def of_this_process(cls, port: int) -> Self:
        """Those of the process that asks."""
        return cls(
            pid=os.getpid(),
            start_time=start_time(os.getpid()) or 0,
            boot=boot_id(),
            hubfleet=__version__,
            jupyterhub=installed_jupyterhub(),
            python=sys.prefix,
            protocol=PROTOCOL,
            port=port,
            since=timestamp(),
        )

    def works_like(self, other: KeeperFacts) -> bool:
        """Whether both are of the same versions, so that one may stand in for the other."""
        return self._make() == other._make()

    def _make(self) -> tuple[int, str, str, str]:
        return (self.protocol, self.hubfleet, self.jupyterhub, self.python)


@dataclass(frozen=True, slots=True)
class LastExit:
    """How a process ended; both are None for one that an earlier keeper had started."""

    code: int | None
    signal: str | None
    at: str

    def __str__(self) -> str:
        if self.signal:
            return f"by {self.signal}"
        return "exit code unknown" if self.code is None else f"exit code {self.code}"


@dataclass(frozen=True, slots=True)
class ChildStatus:
    """One hub process, or the proxy.

    `state` is `up`, `stopping`, `crashed` (down, but it should run) or `stopped` (nobody wants it
    to run). `failures` counts in a row, `restarts` since the keeper began. `digest` is that of the
    spec with which the process was started, which need not be the one on disk.
    """

    name: str
    state: str
    pid: int | None = None
    since: str | None = None
    restarts: int = 0
    failures: int = 0
    last_exit: LastExit | None = None
    next_try: str | None = None
    digest: str | None = None

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        fields = dict(value)
        if fields.get("last_exit"):
            fields["last_exit"] = LastExit(**fields["last_exit"])
        return cls(**fields)


@dataclass(frozen=True, slots=True)
class LocalStatus:
    """All processes of a state folder; `keeper` is None while none runs."""

    keeper: KeeperFacts | None
    proxy: ChildStatus
    hubs: dict[str, ChildStatus]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        keeper = value["keeper"]
        return cls(
            keeper=None if keeper is None else KeeperFacts(**keeper),
            proxy=ChildStatus.from_json(value["proxy"]),
            hubs={name: ChildStatus.from_json(hub) for name, hub in value["hubs"].items()},
        )


def read_status_without_keeper(state: StateFolder) -> LocalStatus:
    """The truth from the records while no keeper runs; changes nothing."""
    proxy = _recorded("proxy", state.proxy)
    hubs = {folder.name: _recorded(folder.name, folder.path) for folder in state.known_hubs()}
    return LocalStatus(None, proxy, hubs)


def _recorded(name: str, folder: Path) -> ChildStatus:
    try:
        record = RunRecord.read(folder / "run.json")
    except (OSError, ValueError, TypeError):
        record = None
    if record is not None and is_alive(record.pid, record.start_time, record.boot):
        running = None if record.spec is None else digest(record.spec)
        return ChildStatus(name, "up", record.pid, record.since, digest=running)
    return ChildStatus(name, "stopped" if (folder / "stopped").exists() else "crashed")


def installed_jupyterhub() -> str:
    """The version of JupyterHub that a keeper of this Python would preload."""
    try:
        return version("jupyterhub")
    except PackageNotFoundError:
        return "none"

"""How much memory and CPU one person's server may take, held by control groups.

A group is a folder in a kernel file system: made before the server, joined between fork and exec,
removed after it. Version 2 has one tree and asks that the tree was handed to us (systemd's
`Delegate=yes`); version 1 has one tree for each controller. Where neither is ours to write, memory
is limited for each process alone, CPU and the number of processes not at all, and
`Limiter.remark` says so: the kernel's own limit of processes counts all people of the account.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from hubfleet.kit.digest import digest

PERIOD = 100_000
"""Microseconds over which CPU time is counted."""

MOST_PROCESSES = 2048
"""Threads count as processes: enough for any notebook, too few for a fork bomb."""

MOST_FILES = 4096
_OWN_GROUP = "hubfleet-own"
_CONTROLLERS = ("memory", "cpu", "pids")


@dataclass(frozen=True, slots=True)
class Limiter:
    """Where groups may be made: `parents` by controller (version 2: one folder for all)."""

    version: Literal[0, 1, 2]
    parents: Mapping[str, Path] = field(default_factory=dict)

    @property
    def remark(self) -> str | None:
        """What limits cannot do on this machine; None when all of them hold."""
        if self.version == 0:
            return (
                "This machine does not let hubfleet use control groups: memory is limited for "
                "each process instead of each person, and neither CPU nor the number of "
                "processes is limited. "
                "Run hubfleet as a systemd service with Delegate=yes to change that."
            )
        missing = sorted(set(_CONTROLLERS) - set(self.parents))
        if not missing:
            return None
        return f"This machine has no control groups for {', '.join(missing)}: no such limit holds."


@dataclass(frozen=True, slots=True)
class Group:
    """The folders that limit one server (none where there are no control groups)."""

    paths: tuple[Path, ...]
    memory: int | None

    def join(self) -> None:
        """Put the calling process in; called between fork and exec, so nothing escapes."""
        for path in self.paths:
            descriptor = os.open(path / "cgroup.procs", os.O_WRONLY)
            os.write(descriptor, b"0")
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        files = MOST_FILES if most == resource.RLIM_INFINITY else min(MOST_FILES, most)
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
        if not self.paths and self.memory is not None:
            # Not RLIMIT_AS: it counts address space that was only reserved, of which
            # every thread of numpy takes a lot.
            resource.setrlimit(resource.RLIMIT_DATA, (self.memory, self.memory))


def group_name(state: Path, hub: str, server: str) -> str:
    """Never the same for two state folders, however alike their hubs are."""
    return f"{group_prefix(state)}{hub.replace('/', '.')}-{server}"


def group_prefix(state: Path) -> str:
    """What the names of all groups of a state folder begin with."""
    return f"hubfleet-{digest(str(state.resolve()))[:12]}-"


def make_group(
    limiter: Limiter,
    name: str,
    *,
    memory: int | None,
    cpu: float | None,
    memory_guarantee: int | None = None,
    cpu_guarantee: float | None = None,
) -> Group:
    """Make (or reuse) the group of one server and set its limits and guarantees."""
    paths: list[Path] = []
    for parent in sorted(set(limiter.parents.values())):
        path = parent / name
        path.mkdir(exist_ok=True)
        paths.append(path)
    if limiter.version == 2:
        _write(paths[0] / "memory.max", "max" if memory is None else str(memory))
        _write(paths[0] / "memory.swap.max", "max" if memory is None else "0", optional=True)
        quota = "max" if cpu is None else str(int(cpu * PERIOD))
        _write(paths[0] / "cpu.max", f"{quota} {PERIOD}")
        _write(paths[0] / "pids.max", str(MOST_PROCESSES))
        _write(paths[0] / "memory.low", str(memory_guarantee or 0), optional=True)
        weight = 100 if cpu_guarantee is None else min(10_000, max(1, round(cpu_guarantee * 100)))
        _write(paths[0] / "cpu.weight", str(weight), optional=True)
    elif limiter.version == 1:
        _limit_version_1(limiter, name, memory, cpu)
        _guarantee_version_1(limiter, name, memory_guarantee, cpu_guarantee)
    return Group(tuple(paths), memory)


def _limit_version_1(limiter: Limiter, name: str, memory: int | None, cpu: float | None) -> None:
    if parent := limiter.parents.get("memory"):
        amount = "-1" if memory is None else str(memory)
        together = parent / name / "memory.memsw.limit_in_bytes"
        # Memory may never exceed memory and swap together: lift that limit first.
        _write(together, "-1", optional=True)
        _write(parent / name / "memory.limit_in_bytes", amount)
        _write(together, amount, optional=True)
    if parent := limiter.parents.get("cpu"):
        _write(parent / name / "cpu.cfs_period_us", str(PERIOD))
        quota = "-1" if cpu is None else str(int(cpu * PERIOD))
        _write(parent / name / "cpu.cfs_quota_us", quota)
    if parent := limiter.parents.get("pids"):
        _write(parent / name / "pids.max", str(MOST_PROCESSES))


def _guarantee_version_1(
    limiter: Limiter, name: str, memory: int | None, cpu: float | None
) -> None:
    """What is above the soft limit is taken away first; shares count when all CPUs are busy."""
    if parent := limiter.parents.get("memory"):
        amount = "-1" if memory is None else str(memory)
        _write(parent / name / "memory.soft_limit_in_bytes", amount, optional=True)
    if parent := limiter.parents.get("cpu"):
        shares = 1024 if cpu is None else max(2, round(cpu * 1024))
        _write(parent / name / "cpu.shares", str(shares), optional=True)


def _write(path: Path, text: str, *, optional: bool = False) -> None:
    try:
        path.write_text(text)
    except OSError:
        # Kernels without swap accounting do not have, or do not let one write, this file.
        if not optional:
            raise


def memory_events(paths: tuple[Path, ...]) -> Path | None:
    """The file of a group in which the kernel counts what it killed for want of memory."""
    names = ("memory.events", "memory.oom_control")
    return next((p / name for p in paths for name in names if (p / name).exists()), None)


def memory_kills(paths: tuple[Path, ...]) -> int:
    """How many processes of a group were killed because it used too much memory."""
    events = memory_events(paths)
    for line in _read(str(events)).splitlines() if events else ():
        name, _, count = line.partition(" ")
        if name == "oom_kill":
            return int(count)
    return 0


def members(paths: tuple[Path, ...]) -> frozenset[int]:
    """The pids in the groups."""
    found: set[int] = set()
    for path in paths:
        with contextlib.suppress(OSError):
            found.update(int(pid) for pid in (path / "cgroup.procs").read_text().split())
    return frozenset(found)


def empty_group(paths: tuple[Path, ...]) -> bool:
    """Kill what is left in the groups and remove them; True once they are gone.

    Dying takes a moment: call again while this is False.
    """
    for pid in members(paths):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for path in paths:
        with contextlib.suppress(OSError):
            path.rmdir()
    return not any(path.exists() for path in paths)


def find_limiter(
    *,
    mounts: str | None = None,
    own: str | None = None,
    handed: Callable[[Path], bool] | None = None,
) -> Limiter:
    """What this process may use; the arguments are the texts that it otherwise reads in /proc."""
    mounts = _read("/proc/self/mountinfo") if mounts is None else mounts
    own = _read("/proc/self/cgroup") if own is None else own
    parents: dict[str, Path] = {}
    for controller in _CONTROLLERS:
        if (parent := _version_1_parent(controller, mounts, own)) and _can_make_groups(parent):
            parents[controller] = parent
    if parents:
        return Limiter(1, parents)
    unified = _version_2_parent(mounts, own)
    if unified and _take_over(unified, handed or _was_handed_to_us):
        return Limiter(2, dict.fromkeys(_CONTROLLERS, unified))
    return Limiter(0)


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def _mounted(mounts: str, kind: str, option: str | None) -> tuple[Path, Path] | None:
    """(mount point, which folder of the tree is mounted there) of a control group tree."""
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        fields, source = before.split(), after.split()
        if len(fields) < 5 or len(source) < 3 or source[0] != kind:
            continue
        if option is None or option in source[2].split(","):
            return Path(fields[4]), Path(fields[3])
    return None


def _own_folder(mounted: tuple[Path, Path], path: str) -> Path:
    point, root = mounted
    inside = Path(path)
    if inside.is_relative_to(root):
        folder = point / inside.relative_to(root)
        if folder.is_dir():
            return folder
    return point


def _version_1_parent(controller: str, mounts: str, own: str) -> Path | None:
    mounted = _mounted(mounts, "cgroup", controller)
    for line in own.splitlines():
        _, names, path = line.split(":", 2)
        if mounted and controller in names.split(","):
            return _own_folder(mounted, path)
    return None


def _can_make_groups(parent: Path) -> bool:
    """Tried, not guessed: a read-only mount looks writable to root."""
    trial = parent / f"hubfleet-trial-{os.getpid()}"
    try:
        trial.mkdir()
        trial.rmdir()
    except OSError:
        return False
    return True


def _version_2_parent(mounts: str, own: str) -> Path | None:
    mounted = _mounted(mounts, "cgroup2", None)
    path = next((line[3:] for line in own.splitlines() if line.startswith("0::")), None)
    if not mounted or path is None:
        return None
    folder = _own_folder(mounted, path)
    return folder.parent if folder.name == _OWN_GROUP else folder


def _was_handed_to_us(folder: Path) -> bool:
    """Groups that systemd hands over carry its mark; others are not ours to rearrange."""
    for name in ("user.delegate", "trusted.delegate"):
        with contextlib.suppress(OSError):
            if os.getxattr(folder, name) == b"1":
                return True
    return False


def _take_over(folder: Path, handed: Callable[[Path], bool]) -> bool:
    """Let `folder` have limited groups below it; it may then hold no process itself."""
    try:
        available = (folder / "cgroup.controllers").read_text().split()
        if not set(_CONTROLLERS) <= set(available):
            return False
        control = folder / "cgroup.subtree_control"
        if not set(_CONTROLLERS) <= set(control.read_text().split()):
            if not handed(folder):
                return False
            own = folder / _OWN_GROUP
            own.mkdir(exist_ok=True)
            for pid in (folder / "cgroup.procs").read_text().split():
                with contextlib.suppress(ProcessLookupError):
                    (own / "cgroup.procs").write_text(pid)
            control.write_text(" ".join(f"+{name}" for name in _CONTROLLERS))
    except OSError:
        return False
    return _can_make_groups(folder)

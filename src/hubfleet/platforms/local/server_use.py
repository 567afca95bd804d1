"""What people's servers take now: memory and CPU, by their control groups, else by `/proc`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from hubfleet.platforms.local.servers import ServerRecord, children, running_servers

_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")
_MOST = 10_000
"""Processes of one server that are looked at."""


@dataclass(frozen=True, slots=True)
class ServerUse:
    """One server: bytes of memory now, and CPU time in seconds since it started."""

    user: str = field(repr=False)
    server: str = field(repr=False)
    memory: int | None
    cpu_seconds: float | None


def use_of(folder: Path) -> tuple[ServerUse, ...]:
    """Of all servers of a hub (its folder) that run; one that ends meanwhile may be left out."""
    return tuple(_use(record) for record in running_servers(folder))


def _use(record: ServerRecord) -> ServerUse:
    groups = [Path(path) for path in record.groups]
    memory, cpu = group_memory(groups), group_cpu(groups)
    if memory is None or cpu is None:
        pids = [record.pid, *_below(record.pid)]
        memory = _resident(pids) if memory is None else memory
        cpu = _cpu(pids) if cpu is None else cpu
    return ServerUse(record.user, record.server, memory, cpu)


def group_memory(groups: list[Path]) -> int | None:
    """As `docker stats` counts: without files that the kernel keeps only for as long as it likes.

    None where no group counts memory.
    """
    for group in groups:
        for current, inactive in (
            ("memory.current", "inactive_file"),
            ("memory.usage_in_bytes", "total_inactive_file"),
        ):
            with suppress(OSError, ValueError):
                used = int((group / current).read_text())
                return max(0, used - int(_fields(group / "memory.stat").get(inactive, "0")))
    return None


def group_cpu(groups: list[Path]) -> float | None:
    """Seconds; None where no group counts them."""
    for group in groups:
        with suppress(OSError, ValueError, KeyError):
            return int(_fields(group / "cpu.stat")["usage_usec"]) / 1e6
        with suppress(OSError, ValueError):
            return int((group / "cpuacct.usage").read_text()) / 1e9
    return None


def _fields(path: Path) -> dict[str, str]:
    pairs = (line.partition(" ") for line in path.read_text().splitlines())
    return {name: value for name, _, value in pairs}


def _below(pid: int) -> Iterator[int]:
    """All processes that it started, and those that they did."""
    waiting, seen = list(children(pid)), 0
    while waiting and seen < _MOST:
        seen += 1
        found = waiting.pop()
        yield found
        waiting += children(found)


def _resident(pids: list[int]) -> int | None:
    """Memory that several processes share counts for each of them: an upper bound."""
    total, any_of_them = 0, False
    for pid in pids:
        with suppress(OSError, ValueError, IndexError):
            total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
            any_of_them = True
    return total if any_of_them else None


def _cpu(pids: list[int]) -> float | None:
    """With that of children that have ended and were waited for."""
    total, any_of_them = 0, False
    for pid in pids:
        with suppress(OSError, ValueError, IndexError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += sum(map(int, fields[11:15]))
            any_of_them = True
    return total / _TICKS if any_of_them else None

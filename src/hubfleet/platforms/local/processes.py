"""Telling a process from a later one that got the same pid (Linux /proc)."""

from __future__ import annotations

import functools
import os
import time
from pathlib import Path


@functools.cache
def boot_id() -> str:
    """Another one after each boot of the machine."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def start_time(pid: int) -> int | None:
    """Clock ticks since boot at which the process began; None when it is gone or a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The command, in parentheses, may hold spaces: count the fields behind it.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])


def seconds_since(started: int) -> float:
    """How long ago a process began, whatever was done to the clock meanwhile."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started / os.sysconf("SC_CLK_TCK")


def is_alive(pid: int, started: int, boot: str) -> bool:
    """Whether exactly this process still runs."""
    return boot == boot_id() and start_time(pid) == started

"""Going behind: work on people's data must not slow down people's work."""

from __future__ import annotations

import ctypes
import os
import platform

_SET_IO_PRIORITY = {"x86_64": 251, "aarch64": 30, "riscv64": 30, "ppc64le": 273, "s390x": 282}
"""Numbers of the system call ioprio_set(2), which the C library does not offer by name."""

_THIS_PROCESS = 1
_BEST_EFFORT_LAST = (2 << 13) | 7
"""Behind everybody, yet not in the class `idle`, which on a busy disk never gets a turn."""


def give_way() -> None:
    """Lowest priority for CPU and, where the kernel knows it, disk; for the whole process."""
    os.nice(19)
    call = _SET_IO_PRIORITY.get(platform.machine())
    if call is not None:
        # A refusal is no reason to stop: the CPU priority is what matters most.
        ctypes.CDLL(None).syscall(call, _THIS_PROCESS, 0, _BEST_EFFORT_LAST)


def write_through(descriptor: int) -> None:
    """Everything that was written to this file system is on the disk when this returns."""
    ctypes.CDLL(None).syncfs(descriptor)

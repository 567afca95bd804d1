"""Who asks for the lease, and whether the one who has it still lives.

A process that was killed cannot give its lease back. Who is on the same machine can see that it
is gone and need not wait for the expiry; everybody else waits.
"""

from __future__ import annotations

import getpass
import os
import socket
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Owner:
    """`shown` is for people; `process` names the process among all that ever ran anywhere."""

    shown: str
    process: str


def this_process(command: str) -> Owner:
    """`ada@reef (`hubfleet apply`, process 4242)`."""
    pid = os.getpid()
    shown = f"{_user()}@{socket.gethostname()} (`{command}`, process {pid})"
    return Owner(shown, f"{_machine()} {pid} {_start(pid)}")


def is_gone(process: str) -> bool:
    """Whether that process certainly ended: it was of this machine and start-up, and is not there
    any more. False where nobody can tell.
    """
    machine, _, rest = process.rpartition(" ")[0].rpartition(" ")
    start = process.rpartition(" ")[2]
    return bool(machine) and machine == _machine() and _start(int(rest)) != start


def _machine() -> str:
    """Changes with every start of the machine, and between containers that share one."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        return ""


def _start(pid: int) -> str:
    """When the process started, in ticks; `gone` without one. A zombie has ended too."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return "gone"
    return "gone" if fields[0] == "Z" else fields[19]


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"

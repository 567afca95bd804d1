"""Which TCP ports people's programs may listen on: never those of hubs, proxy or other people.

All share one network, and a program that waited on a hub's port until the hub restarts would be
taken for the hub. The kernel's Landlock lets a server's processes listen on the server's own port
and on those which the system hands out by itself, where no hub, proxy or server listens. Landlock
does not know MPTCP and SMC, which TCP clients reach all the same, so a filter of system calls
takes these away, and io_uring and 32-bit calls with them, which would go around the filter.
"""

from __future__ import annotations

import ctypes
import errno
import functools
import os
import platform
import struct
from collections.abc import Collection
from dataclasses import dataclass
from threading import Lock
from typing import NoReturn, Self

from hubfleet.platforms.local.ports import handed_out, lie_apart

OLDEST_LANDLOCK = 4
"""The first version that knows of ports (Linux 6.7)."""

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION = 1
_BIND_TCP = 1
_PORT_RULE = 2
_SET_SECCOMP, _FILTER = 22, 2
_NO_NEW_PRIVILEGES = 38
_IO_URING_SETUP = 425


@dataclass(frozen=True, slots=True)
class _Machine:
    """What the filter must know: the architecture's number, and those of two system calls."""

    audit: int
    socket: int
    seccomp: int
    first_foreign: int | None = None


_MACHINES = {
    "x86_64": _Machine(0xC000003E, 41, 317, first_foreign=0x40000000),
    "aarch64": _Machine(0xC00000B7, 198, 277),
}


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_void_p))


@dataclass(frozen=True, slots=True)
class Doors:
    """The ports of one server; `shut` holds for the calling process and all that it starts."""

    rules: int
    steps: bytes

    def shut(self) -> None:
        """Called between fork and exec. Also gives up set-user-ID programs, as both need it."""
        libc = _libc()
        steps = ctypes.create_string_buffer(self.steps, len(self.steps))
        program = _Program(len(self.steps) // 8, ctypes.addressof(steps))
        if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) != 0:
            _raise()
        if libc.syscall(_RESTRICT_SELF, self.rules, 0) != 0:
            _raise()
        if libc.prctl(_SET_SECCOMP, _FILTER, ctypes.byref(program), 0, 0) != 0:
            _raise()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Free what this process holds; what was shut stays so."""
        os.close(self.rules)


def doors(port: int, never: Collection[int] = ()) -> Doors | None:
    """For a server with this port of its own; None where the machine cannot (`why_open`).

    `never` are ports that stay shut wherever they lie. Takes a twentieth of a second, and next to
    nothing after `prepare`.
    """
    if why_open():
        return None
    rules = _taken(frozenset(never))
    try:
        _allow(rules, port)
    except OSError:
        os.close(rules)
        raise
    return Doors(rules, _filter(_MACHINES[platform.machine()]))


def prepare(never: Collection[int] = ()) -> None:
    """Name now the thousands of ports that are open to every server, for the next `doors`.

    One set of rules is kept for each `never`; the second call does nothing. What cannot be made now
    is tried, and told of, by `doors`.
    """
    key = frozenset(never)
    if why_open() or key in _prepared:
        return
    try:
        made = (handed_out(), _rules(key))
    except OSError:
        return
    with _lock:
        kept = _prepared.setdefault(key, made)
    if kept is not made:
        os.close(made[1])


_prepared: dict[frozenset[int], tuple[range, int]] = {}
"""Rules without a server's own port, and what the system handed out when they were made."""

_lock = Lock()


def _taken(never: frozenset[int]) -> int:
    """Rules that nobody else has: each server adds its own port to them."""
    with _lock:
        found = _prepared.pop(never, None)
    if found is not None:
        ports, rules = found
        if ports == handed_out():
            return rules
        os.close(rules)
    return _rules(never)


def _rules(never: frozenset[int]) -> int:
    """A new set of rules, closed when a program is started."""
    rules: int = _libc().syscall(_CREATE_RULESET, struct.pack("QQ", 0, _BIND_TCP), 16, 0)
    if rules < 0:
        _raise()
    try:
        # 0 asks the system for any port.
        for port in (0, *(other for other in handed_out() if other not in never)):
            _allow(rules, port)
    except OSError:
        os.close(rules)
        raise
    return rules


def _allow(rules: int, port: int) -> None:
    rule = struct.pack("QQ", _BIND_TCP, port)
    if _libc().syscall(_ADD_RULE, rules, _PORT_RULE, rule, 0) != 0:
        _raise()


@functools.cache
def why_open() -> str:
    """Why people's programs may listen on any port of this machine; empty where they may not."""
    machine = _MACHINES.get(platform.machine())
    if machine is None:
        return f"hubfleet does not know how to do that on {platform.machine()}"
    version = _libc().syscall(_CREATE_RULESET, None, 0, _ASK_VERSION)
    if version < 0:
        return "Landlock is not switched on in this machine's kernel"
    if version < OLDEST_LANDLOCK:
        return "this machine's Landlock does not know ports, which came with Linux 6.7"
    action = ctypes.c_uint32(0x00050000)
    if _libc().syscall(machine.seccomp, 2, 0, ctypes.byref(action)) != 0:
        return "this machine's kernel has no filters of system calls"
    return ""


def remark() -> str | None:
    """A sentence about a machine that cannot; None where it can."""
    why = why_open() or _why_no_use()
    if not why:
        return None
    return (
        f"People's programs can listen on any free port: {why}. While a hub or the proxy is down, "
        "one of them could take its port and be told people's passwords."
    )


def _why_no_use() -> str:
    if lie_apart():
        return ""
    first = handed_out().start
    return f"this machine hands out all from {first} on (net.ipv4.ip_local_port_range)"


def _filter(machine: _Machine) -> bytes:
    """A program of the kernel's packet filter; jumps count the steps that they leave out."""
    load, equal, at_least, answer = 0x20, 0x15, 0x35, 0x06
    allow, refuse = 0x7FFF0000, 0x00050000
    # Beyond every number of a call where there are no foreign ones.
    foreign = machine.first_foreign or 0xFFFFFFFF
    steps = (
        (load, 0, 0, 4),  # the architecture
        (equal, 0, 12, machine.audit),
        (load, 0, 0, 0),  # the call
        (at_least, 10, 0, foreign),
        (equal, 9, 0, _IO_URING_SETUP),
        (equal, 0, 7, machine.socket),
        (load, 0, 0, 16),  # its first argument: the family
        (equal, 7, 0, 43),  # SMC
        (equal, 1, 0, 2),  # IPv4
        (equal, 0, 3, 10),  # IPv6
        (load, 0, 0, 32),  # its third: the protocol
        (equal, 3, 0, 262),  # MPTCP
        (equal, 2, 0, 256),  # SMC, as one of the internet's
        (answer, 0, 0, allow),
        (answer, 0, 0, refuse | errno.ENOSYS),
        (answer, 0, 0, refuse | errno.EPROTONOSUPPORT),
    )
    return b"".join(struct.pack("HBBI", *step) for step in steps)


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _raise() -> NoReturn:
    number = ctypes.get_errno()
    raise OSError(number, os.strerror(number))

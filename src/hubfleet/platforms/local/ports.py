"""Loopback ports that stay the same for life, and who listens on one.

People's running servers know their hub by its port, and hubs know the proxy's API by its port:
neither may change while one of them lives on.
"""

from __future__ import annotations

import fcntl
import json
import os
import random
import socket
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path

from hubfleet.kit.errors import HubfleetError, failure
from hubfleet.kit.files import PRIVATE_FILE, make_private_folder, write_atomically
from hubfleet.platforms.local.folders import StateFolder

_LOWEST = 20000
_FEWEST = 1000
_RANGE_FILE = Path("/proc/sys/net/ipv4/ip_local_port_range")


def allocate_port(state: StateFolder, owner: str) -> int:
    """The port of `owner` (`proxy`, or `community/hub`); the second call gives the same one.

    A new one is free at this moment, is remembered for nobody else here, and lies below the range
    from which the system hands out ports by itself.
    """
    with _remembered(state) as ports:
        if owner not in ports:
            taken = set(ports.values())
            ports[owner] = next(
                port for port in _candidates(state) if port not in taken and is_free(port)
            )
        return ports[owner]


def release_port(state: StateFolder, owner: str) -> None:
    """Forget the port of an owner that is no more."""
    with _remembered(state) as ports:
        ports.pop(owner, None)


def is_free(port: int) -> bool:
    """Whether a server could listen on it, on 127.0.0.1, now."""
    with socket.socket() as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def server_port(state: StateFolder) -> int:
    """A free port for one start of a person's server, another one each time.

    Nobody's program can listen on it: it is none that the system hands out by itself.
    """
    with _remembered(state) as ports:
        taken = set(ports.values())
    usable = _usable()
    # Nearly always one of the first few is free; only then are all of them tried, in order.
    for port in chain(random.sample(usable, 50), usable):
        if port not in taken and is_free(port):
            return port
    raise _no_free_port(usable)


def handed_out() -> range:
    """The ports that the system hands out by itself, to connections and to who asks for any."""
    with suppress(OSError, ValueError):
        first, last = map(int, _RANGE_FILE.read_text().split())
        return range(first, last + 1)
    return range(32768, 61000)


def lie_apart() -> bool:
    """Whether hubs' and servers' ports are ones that nobody is given by chance, or by waiting."""
    return _usable().stop <= handed_out().start


def listens(pid: int, port: int) -> bool:
    """Whether it is this process that listens there, and not one that only answers alike."""
    wanted = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    with suppress(OSError):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                if str(descriptor.readlink()) in wanted:
                    return True
    return False


def who_listens(port: int) -> str:
    """`python3 (process 123)`, or empty where this account may not know."""
    wanted = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            for descriptor in (process / "fd").iterdir():
                with suppress(OSError):
                    if str(descriptor.readlink()) in wanted:
                        name = (process / "comm").read_text().strip()
                        return f"{name} (process {process.name})"
    return ""


def _listening_inodes(port: int) -> Iterator[str]:
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                    yield fields[9]


def _usable() -> range:
    beyond = handed_out().start
    lowest = _LOWEST if beyond >= _LOWEST + _FEWEST else 2000
    return range(lowest, lowest + max(beyond - lowest, _FEWEST))


def _candidates(state: StateFolder) -> Iterator[int]:
    """Every usable port, beginning at another one for each state folder."""
    usable = _usable()
    offset = zlib.crc32(bytes(state.path.absolute()))
    for step in range(len(usable)):
        yield usable[(offset + step) % len(usable)]
    raise _no_free_port(usable)


def _no_free_port(usable: range) -> HubfleetError:
    return failure(
        "no-free-port",
        f"no port between {usable.start} and {usable.stop} is free",
        why="each hub and each server needs one loopback port of its own",
        hint="end some of the programs that listen on this machine (`ss -tlnp` shows them)",
    )


@contextmanager
def _remembered(state: StateFolder) -> Iterator[dict[str, int]]:
    make_private_folder(state.proxy)
    file = state.proxy / "ports.json"
    lock = os.open(state.proxy / "ports.lock", os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        before: dict[str, int] = json.loads(file.read_text()) if file.exists() else {}
        ports = dict(before)
        yield ports
        if ports != before:
            write_atomically(file, json.dumps(ports, indent=1, sort_keys=True) + "\n")
    finally:
        os.close(lock)

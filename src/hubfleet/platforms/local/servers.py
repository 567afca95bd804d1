"""People's running servers: a record beside each log, so that they are known without the hub.

`servers/<number>.json` says which processes make up the server of which person, by pid and start
time (`<number>-<name>.json` for a server with a name of its own); `running_servers` and
`stop_servers` need nothing else. `homes.json` gives every person the number that names their home,
and never gives the same number to another person.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from hubfleet.fleet.fields import PROBE_USER as PROBE_USER  # noqa: PLC0414, a word of this room
from hubfleet.kit.files import make_private_folder, write_atomically
from hubfleet.platforms.local.limits import empty_group
from hubfleet.platforms.local.processes import boot_id, is_alive, start_time

GRACE = 10.0
"""Seconds that servers have to end by themselves before they are killed."""

SERVER_MARK = "HUBFLEET_SERVER"
"""Every server has its group's name in its environment, also where there are no control groups."""

_PATIENCE = 10.0
_KEY = re.compile(r"(\d+)(?:-([a-z](?:[a-z0-9-]{0,28}[a-z0-9])?))?")
"""A server's key: whose it is and what it is called, as JupyterHub 6 lets people call servers."""


@dataclass(frozen=True, slots=True)
class ServerRecord:
    """One person's server.

    `pid` is the process that the hub started, `inner` the first process inside the sandbox with
    its start time (None without one): killing it kills all that the person runs. `groups` are the
    control groups and `runtime` the folder of sockets to be removed afterwards. `server` is the
    name that the person gave it, empty for their first. `environments` are the folders of software
    that it was started with, and needs until it ends.
    """

    user: str
    number: int
    pid: int
    start_time: int
    boot: str
    since: str
    inner: tuple[int, int] | None = None
    groups: tuple[str, ...] = ()
    runtime: str | None = None
    server: str = ""
    environments: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """What its record, log and control group are called."""
        return server_key(self.number, self.server)

    @property
    def alive(self) -> bool:
        """Whether exactly this server still runs."""
        return is_alive(self.pid, self.start_time, self.boot)

    def write(self, folder: Path) -> None:
        text = json.dumps(asdict(self), indent=1, sort_keys=True) + "\n"
        write_atomically(_record_path(folder, self.key), text)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """Raises TypeError for a mapping that is not a record."""
        inner = value.get("inner")
        lists = {name: tuple(value.get(name, ())) for name in ("groups", "environments")}
        return cls(**{**value, "inner": None if inner is None else tuple(inner), **lists})


def server_key(number: int, server: str = "") -> str:
    """`3`, or `3-gpu` for the server that person 3 calls `gpu`; ValueError for an odd name."""
    key = f"{number}-{server}" if server else str(number)
    if not _KEY.fullmatch(key):
        raise ValueError(f"{server!r} cannot be the name of a server")
    return key


def _record_path(folder: Path, key: str) -> Path:
    return folder / "servers" / f"{key}.json"


def read_server(folder: Path, key: str) -> ServerRecord | None:
    """The record of one server; None where there is none that can be read."""
    try:
        return ServerRecord.from_json(json.loads(_record_path(folder, key).read_text()))
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def running_servers(folder: Path) -> tuple[ServerRecord, ...]:
    """The servers of a hub (its folder) that run now, whether the hub does or not."""
    return tuple(record for record in _records(folder) if record.alive)


def _records(folder: Path) -> Iterable[ServerRecord]:
    for path in sorted((folder / "servers").glob("*.json")):
        if _KEY.fullmatch(path.stem) and (record := read_server(folder, path.stem)):
            yield record


def stop_servers(folder: Path, *, grace: float = GRACE) -> tuple[str, ...]:
    """Stop all servers of a hub and return whose they were; the second call finds none.

    They are asked to end, and killed after `grace` seconds. Blocks until they are gone, but for
    one that not even the kernel can end.
    """
    records = tuple(_records(folder))
    stopped = tuple(record.user for record in records if record.alive)
    for record in records:
        signal_server(record, signal.SIGTERM)
    _wait(records, grace)
    for record in records:
        signal_server(record, signal.SIGKILL)
    deadline = time.monotonic() + _PATIENCE
    while [record for record in records if not clear_away(folder, record)]:
        # A process may hang in the kernel; its record stays, so that the next call tries again.
        if time.monotonic() > deadline:
            break
        time.sleep(0.05)
    return stopped


def _wait(records: Iterable[ServerRecord], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while any(record.alive for record in records) and time.monotonic() < deadline:
        time.sleep(0.05)


def signal_server(record: ServerRecord, number: int) -> bool:
    """Send a signal to the server itself; False when it is gone.

    bubblewrap does not pass signals on. SIGKILL goes to the first process inside, which takes all
    others with it; any other signal to the server, its oldest child.
    """
    if not record.alive:
        return False
    target = record.pid
    if record.inner is not None and start_time(record.inner[0]) == record.inner[1]:
        target = record.inner[0]
        if number != signal.SIGKILL:
            target = next(iter(children(target)), target)
    with contextlib.suppress(ProcessLookupError):
        os.kill(target, number)
    return True


def children(pid: int) -> tuple[int, ...]:
    """Child processes, oldest first."""
    try:
        return tuple(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))
    except OSError:
        return ()


def marked_with(name: str) -> frozenset[int]:
    """The processes of this account that have this name as their `SERVER_MARK`."""
    wanted = f"{SERVER_MARK}={name}".encode()
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if wanted in (process / "environ").read_bytes().split(b"\0"):
                found.add(int(process.name))
    return frozenset(found)


def marked_beginning(prefix: str) -> dict[int, str]:
    """The processes of this account whose `SERVER_MARK` begins like this, with the whole mark."""
    wanted = f"{SERVER_MARK}={prefix}".encode()
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            for word in (process / "environ").read_bytes().split(b"\0"):
                if word.startswith(wanted):
                    found[int(process.name)] = word.partition(b"=")[2].decode()
    return found


def clear_away(folder: Path, record: ServerRecord) -> bool:
    """End what a dead server left behind and forget it; False while some of it is still dying."""
    if record.boot == boot_id():
        if record.inner is not None and start_time(record.inner[0]) == record.inner[1]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(record.inner[0], signal.SIGKILL)
            return False
        if record.alive or not empty_group(tuple(Path(path) for path in record.groups)):
            return False
    if record.runtime is not None:
        shutil.rmtree(record.runtime, ignore_errors=True)
    current = read_server(folder, record.key)
    if current is not None and (current.pid, current.start_time) == (record.pid, record.start_time):
        _record_path(folder, record.key).unlink(missing_ok=True)
    return True


def home_number(folder: Path, user: str) -> int:
    """The number of a person's home, given at the first call and theirs for ever.

    Kept outside the hub's database, whose own numbers start again when it is lost. Raises
    ValueError when the map is damaged: guessing would hand out somebody's home.
    """
    path = folder / "homes.json"
    numbers: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
    if user not in numbers:
        taken = {int(entry.name) for entry in (folder / "homes").glob("*") if entry.name.isdigit()}
        numbers[user] = max((0, *taken, *numbers.values())) + 1
        write_atomically(path, json.dumps(numbers, indent=1, sort_keys=True) + "\n")
    return numbers[user]


def home_folder(folder: Path, number: int) -> Path:
    """The folder of one home, made private where it is not there yet."""
    make_private_folder(folder / "homes")
    return make_private_folder(folder / "homes" / str(number))

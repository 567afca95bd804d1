"""Stopping everything, in the order that lets nothing be started again meanwhile."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from hubfleet.kit.errors import failure
from hubfleet.kit.units import counted
from hubfleet.platforms.local.console_process import running_console, stop_console
from hubfleet.platforms.local.control import (
    KeeperClient,
    NoKeeperError,
    read_status,
    read_status_without_keeper,
)
from hubfleet.platforms.local.folders import StateFolder
from hubfleet.platforms.local.limits import group_prefix
from hubfleet.platforms.local.processes import is_alive
from hubfleet.platforms.local.servers import (
    PROBE_USER,
    marked_beginning,
    running_servers,
    stop_servers,
)
from hubfleet.platforms.local.spec import RunRecord

STOP_SECONDS = 30.0
KILL_AFTER = 10.0
"""Seconds after which what was asked to end is killed where no keeper does so."""


def wait_until_down(state: StateFolder, names: Iterable[str]) -> None:
    """Until none of these hubs has a process; raises `does-not-stop`."""
    wanted = set(names)

    def left() -> list[str]:
        hubs = read_status(state).hubs
        return sorted(name for name in wanted if name in hubs and hubs[name].pid is not None)

    _wait(state.path, left)


def stop_all(state: StateFolder, *, keep_hubs: bool) -> str:
    """End the keeper and, unless `keep_hubs`, the console, hubs, proxy and people's servers.

    Says what it did. Needs no keeper: what an earlier one left behind is ended by its records. The
    second call finds nothing to stop.
    """
    if not state.path.exists():
        return "nothing was running"
    console = not keep_hubs and stop_console(state)
    before = read_status(state)
    hubs = sum(child.pid is not None for child in before.hubs.values())
    with suppress(NoKeeperError):
        KeeperClient(state).shutdown(hubs=not keep_hubs)
        _wait(state.path, lambda: ["the keeper"] if _keeper_lives(state) else [])
    if keep_hubs:
        go_on = f"{counted(hubs, 'hub')} and people's servers go on"
        return f"the keeper has ended; {go_on}"
    _end_what_is_left(state)
    users = [user for folder in state.known_hubs() for user in stop_servers(folder.path)]
    unwritten = _end_without_records(state)
    if before.keeper is None and not hubs and not users and not unwritten and not console:
        return "nothing was running"
    servers = sum(user != PROBE_USER for user in users) + unwritten
    people = f" and {counted(servers, 'server')} of people" if servers else ""
    beside = "the console, " if console else ""
    return (
        f"stopped {beside}{counted(hubs, 'hub')}{people}; "
        f"files and passwords are kept in {state.path}"
    )


def anything_runs(state: StateFolder) -> bool:
    """Whether a keeper, a hub, the proxy or a person's server lives."""
    if not state.path.exists():
        return False
    status = read_status(state)
    children = (status.proxy, *status.hubs.values())
    return (
        status.keeper is not None
        or running_console(state) is not None
        or any(child.pid is not None for child in children)
        or any(running_servers(folder.path) for folder in state.known_hubs())
    )


def _keeper_lives(state: StateFolder) -> bool:
    return read_status(state).keeper is not None


def _end_what_is_left(state: StateFolder) -> None:
    """Only after the keeper's end: nobody starts these again."""

    def left() -> list[str]:
        status = read_status_without_keeper(state)
        return [child.name for child in (status.proxy, *status.hubs.values()) if child.pid]

    _send(state, signal.SIGTERM)
    deadline = time.monotonic() + KILL_AFTER
    while left() and time.monotonic() < deadline:
        time.sleep(0.05)
    _send(state, signal.SIGKILL)
    _wait(state.path, left)


def _end_without_records(state: StateFolder) -> int:
    """End servers that a hub had started, and was killed before it could write them down.

    How many there were: every process of a server has the server's name in its environment.
    """
    prefix = group_prefix(state.path)
    names = set()
    deadline = time.monotonic() + KILL_AFTER
    while (left := marked_beginning(prefix)) and time.monotonic() < deadline:
        for pid, name in left.items():
            names.add(name)
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)
    return len(names)


def _send(state: StateFolder, number: signal.Signals) -> None:
    """To the proxy and every hub that lives, by their records."""
    for folder in (state.proxy, *(hub.path for hub in state.known_hubs())):
        try:
            record = RunRecord.read(folder / "run.json")
            process = os.pidfd_open(record.pid)
        except (OSError, ValueError):
            continue
        # Asked after it was opened: from here on it cannot become another process.
        if is_alive(record.pid, record.start_time, record.boot):
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(process, number)
        os.close(process)


def _wait(place: Path, left: Callable[[], list[str]]) -> None:
    deadline = time.monotonic() + STOP_SECONDS
    while names := left():
        if time.monotonic() > deadline:
            raise failure(
                "does-not-stop",
                f"{', '.join(names)} did not stop within {STOP_SECONDS:.0f} s",
                place=str(place),
                hint="`hubfleet logs keeper` tells what was tried; run the command again",
            )
        time.sleep(0.05)

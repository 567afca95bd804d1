"""Stopping everything, in the order that lets nothing be started again meanwhile."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from hubfleet.kit.errors import failure
from hubfleet.platforms.local.control import (
    KeeperClient,
    NoKeeperError,
    read_status,
    read_status_without_keeper,
)
from hubfleet.platforms.local.folders import StateFolder
from hubfleet.platforms.local.servers import running_servers, stop_servers

STOP_SECONDS = 30.0


def wait_until_down(state: StateFolder, names: Iterable[str]) -> None:
    """Until none of these hubs has a process; raises `does-not-stop`."""
    wanted = set(names)

    def left() -> list[str]:
        hubs = read_status(state).hubs
        return sorted(name for name in wanted if name in hubs and hubs[name].pid is not None)

    _wait(state.path, left)


def stop_all(state: StateFolder, *, keep_hubs: bool) -> str:
    """End the keeper and, unless `keep_hubs`, hubs, proxy and people's servers; says what it did.

    Needs no keeper: what an earlier one left behind is ended by its records. The second call finds
    nothing to stop.
    """
    if not state.path.exists():
        return "nothing was running"
    before = read_status(state)
    hubs = sum(child.pid is not None for child in before.hubs.values())
    with suppress(NoKeeperError):
        KeeperClient(state).shutdown(hubs=not keep_hubs)
        _wait(state.path, lambda: ["the keeper"] if _keeper_lives(state) else [])
    if keep_hubs:
        return f"the keeper has ended; {hubs} hubs and people's servers go on"
    _end_what_is_left(state)
    servers = sum(len(stop_servers(folder.path)) for folder in state.known_hubs())
    if before.keeper is None and not hubs and not servers:
        return "nothing was running"
    people = f" and {servers} servers of people" if servers else ""
    return f"stopped {hubs} hubs{people}; files and passwords are kept in {state.path}"


def anything_runs(state: StateFolder) -> bool:
    """Whether a keeper, a hub, the proxy or a person's server lives."""
    if not state.path.exists():
        return False
    status = read_status(state)
    children = (status.proxy, *status.hubs.values())
    return (
        status.keeper is not None
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

    status = read_status_without_keeper(state)
    for child in (status.proxy, *status.hubs.values()):
        if child.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(child.pid, signal.SIGTERM)
    _wait(state.path, left)


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

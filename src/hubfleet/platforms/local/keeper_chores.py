"""The keeper's regular work for people's data: one program at a time, behind everybody else's.

What is due is decided in `homes.chores`; `homes.doing` is the program. It outlives a keeper that is
killed, and what it does is safe to be cut off at any moment.
"""

from __future__ import annotations

import logging
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta

from hubfleet.kit.clock import now
from hubfleet.platforms.local.children import Pace
from hubfleet.platforms.local.folders import HubFolder, StateFolder
from hubfleet.platforms.local.homes.chores import (
    Kind,
    chores_of,
    first_seen,
    note,
    snapshot_due,
    usage_due,
)
from hubfleet.platforms.local.homes.doing import command
from hubfleet.platforms.local.homes.people import home_numbers, kept_of
from hubfleet.platforms.local.homes.usage import stored_usage
from hubfleet.platforms.local.keeper_loop import READ, Loop
from hubfleet.platforms.local.spec import HubSpec

log = logging.getLogger("hubfleet.keeper")


class Chores:
    """Starts what is due. Nothing here waits; `due` says when `tick` is to be called."""

    def __init__(self, state: StateFolder, pace: Pace, loop: Loop) -> None:
        self._state = state
        self._pace = pace
        self._loop = loop
        self._process: subprocess.Popen[bytes] | None = None
        self._pidfd = -1
        self._what = ""
        self._next_look = time.monotonic() + pace.chore_check

    def due(self) -> float:
        """The `time.monotonic()` of the next look; never while something is being done."""
        return float("inf") if self._process else self._next_look

    def tick(self) -> None:
        """Start the first thing that is due, where nothing is being done."""
        if self._process is not None or time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + self._pace.chore_check
        for kind, folder in self._waiting(now()):
            self._start(kind, folder)
            return

    def end(self) -> None:
        """Stop what is being done; the next keeper begins it again."""
        if self._process is not None:
            self._process.terminate()

    def _waiting(self, moment: datetime) -> Iterator[tuple[Kind, HubFolder]]:
        every = timedelta(seconds=self._pace.measure_every)
        for folder in self._state.known_hubs():
            try:
                yield from _due_of(folder, moment, every)
            except (OSError, ValueError, KeyError) as error:
                # One hub's damaged files must not keep the others' nights from being looked at.
                log.error("%s: cannot tell what is due: %s", folder.name, error)

    def _start(self, kind: Kind, folder: HubFolder) -> None:
        self._what = f"{kind} of {folder.name}"
        self._process = subprocess.Popen(
            command(kind, folder.path),
            stdin=subprocess.DEVNULL,
            cwd=self._state.path,
            start_new_session=True,
        )
        self._pidfd = os.pidfd_open(self._process.pid)
        os.set_inheritable(self._pidfd, False)
        self._loop.watch(self._pidfd, READ, self._ended)
        log.info("%s: begun, process %d", self._what, self._process.pid)

    def _ended(self) -> None:
        assert self._process is not None
        self._loop.unwatch(self._pidfd)
        os.close(self._pidfd)
        log.info("%s: ended with %d", self._what, self._process.wait())
        self._process = None
        # Many hubs wait for one hour: go on with the next at once.
        self._next_look = time.monotonic()


def _due_of(
    folder: HubFolder, moment: datetime, every: timedelta
) -> Iterator[tuple[Kind, HubFolder]]:
    if not home_numbers(folder.path):
        return
    done = chores_of(folder.path)
    kinds: tuple[Kind, Kind] = ("snapshot", "usage")
    for kind in kinds:
        if kind not in done:
            done[kind] = first_seen(moment)
            note(folder.path, kind, done[kind])
    with suppress(FileNotFoundError):
        zone = HubSpec.read(folder.spec).timezone
        if snapshot_due(done["snapshot"], moment, folder.name, zone, kept_of(folder)):
            yield "snapshot", folder
    usage = stored_usage(folder.path)
    if usage_due(done["usage"], usage.at if usage else None, moment, every):
        yield "usage", folder

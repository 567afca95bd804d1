"""The keeper minds the console too: one that ended and was not told to is started again.

The console is no child of the keeper's kind: it is a program of its own that records itself,
whoever started it. So the keeper looks for it from time to time instead of owning it, and imports
nothing of it. What `up` wants to run stands in a file, which `down` removes.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import time
from datetime import timedelta

from hubfleet.kit.clock import now, timestamp
from hubfleet.platforms.local.children import Pace
from hubfleet.platforms.local.console_process import (
    Minding,
    begin,
    read_minding,
    running_console,
    wanted_command,
    write_minding,
)
from hubfleet.platforms.local.folders import StateFolder

log = logging.getLogger("hubfleet.keeper")


def _how(process: subprocess.Popen[bytes] | None) -> str:
    """How it ended; of one that somebody else started nobody is told."""
    code = None if process is None else process.poll()
    if code is None:
        return ""
    return f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"


class ConsoleMinder:
    """Starts the console again, later each time. Nothing here waits; `due` says when to `tick`."""

    def __init__(self, state: StateFolder, pace: Pace) -> None:
        self._state = state
        self._pace = pace
        self._process: subprocess.Popen[bytes] | None = None
        self._began = 0.0
        self._seen = 0
        """The pid that ran at the last look, or 0."""
        self._failures = 0
        self._next_try: float | None = None
        self._next_look = time.monotonic()

    def due(self) -> float:
        """The `time.monotonic()` of the next look or try."""
        return min(self._next_look, self._next_try or float("inf"))

    def tick(self) -> None:
        """Look whether it runs as wanted; start it where it is time."""
        moment = time.monotonic()
        if moment < self.due():
            return
        self._next_look = moment + self._pace.console_check
        command = wanted_command(self._state)
        if command is None:
            self._forget()
            return
        found = running_console(self._state)
        if found is not None:
            self._runs(found.pid)
        elif self._process is not None and self._process.poll() is None:
            # It is on its way: it records itself as soon as it listens.
            return
        elif self._next_try is None:
            self._try_again_later()
        elif moment >= self._next_try:
            self._start(command)

    def _runs(self, pid: int) -> None:
        if self._process is not None:
            # Ours or not, nothing of us waits for it any more than to take its exit code.
            self._process.poll()
        if pid != self._seen:
            self._seen, self._began = pid, time.monotonic()
            self._next_try = None
        elif self._failures and time.monotonic() - self._began >= self._pace.healthy_after:
            self._failures = 0
            write_minding(self._state, Minding(read_minding(self._state).restarts))

    def _try_again_later(self) -> None:
        self._failures += 1
        self._seen = 0
        wait = self._pace.wait(self._failures)
        self._next_try = time.monotonic() + wait
        ended = _how(self._process)
        self._process = None
        restarts = read_minding(self._state).restarts
        later = timestamp(now() + timedelta(seconds=wait))
        write_minding(self._state, Minding(restarts, self._failures, later, ended))
        log.info("console: it does not run (%s); next try in %g s", ended or "it ended", wait)

    def _start(self, command: list[str]) -> None:
        self._next_try = None
        try:
            self._process = begin(self._state, command)
        except OSError as error:
            log.error("console: cannot be started: %s", error)
            self._try_again_later()
            return
        before = read_minding(self._state)
        write_minding(self._state, Minding(before.restarts + 1, self._failures))
        log.info("console: started again, process %d", self._process.pid)

    def _forget(self) -> None:
        """Nobody wants it to run (any more)."""
        self._failures, self._seen, self._next_try = 0, 0, None
        if self._process is not None and self._process.poll() is not None:
            self._process = None

    def let_go(self) -> None:
        """The keeper ends and the console lives on: Popen would warn of a child left behind."""
        if self._process is not None and self._process.returncode is None:
            self._process.returncode = os.EX_OK

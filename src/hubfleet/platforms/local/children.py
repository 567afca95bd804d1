"""One process that the keeper minds: up or down, wanted or not, and when it is tried again.

A child may be forked by this keeper or adopted from an earlier one by its record; from then on both
are the same. `children_fork` says why nothing is ever started twice.
"""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from hubfleet.kit.clock import now, timestamp
from hubfleet.kit.digest import digest
from hubfleet.kit.files import write_atomically
from hubfleet.platforms.local.children_fork import RUNS_ALREADY, Program, fork
from hubfleet.platforms.local.control_status import ChildStatus, LastExit
from hubfleet.platforms.local.keeper_loop import READ, Loop
from hubfleet.platforms.local.processes import is_alive
from hubfleet.platforms.local.spec import RunRecord

log = logging.getLogger("hubfleet.keeper")


@dataclass(frozen=True, slots=True)
class Pace:
    """How patient the keeper is; all in seconds, sizes in bytes."""

    first_wait: float = 1.0
    longest_wait: float = 60.0
    healthy_after: float = 60.0
    kill_after: float = 10.0
    log_check: float = 30.0
    log_size: int = 10 * 1024 * 1024
    chore_check: float = 60.0
    measure_every: float = 3600.0
    console_check: float = 2.0

    def wait(self, failures: int) -> float:
        """How long to wait after the given number of failures in a row."""
        return float(min(self.longest_wait, self.first_wait * 2 ** min(failures - 1, 30)))


class Child:
    """Minds one program. Nothing here waits; `due` says when `tick` is to be called."""

    def __init__(
        self, program: Program, pace: Pace, loop: Loop, on_exit: Callable[[Child], None]
    ) -> None:
        self.program = program
        self.restarts = 0
        self._pace = pace
        self._loop = loop
        self._on_exit = on_exit
        self._pid = 0
        self._pidfd = -1
        self._since = ""
        self._began = 0.0
        self._spec: dict[str, Any] | None = None
        self._last_exit: LastExit | None = None
        self._failures = 0
        self._wanted = False
        self._replacing = False
        self._next_try: float | None = None
        self._kill_at: float | None = None

    @property
    def up(self) -> bool:
        return self._pidfd >= 0

    def take_over(self) -> None:
        """Adopt the living one, or start it when it should run."""
        self._wanted = not self.program.stopped_mark.exists()
        if not self.adopt() and self._wanted:
            self._start()

    def start(self) -> str:
        """Have it run exactly what its spec says; `unchanged`, `started` or `replacing`.

        Raises OSError or ValueError when its spec cannot be read; then nothing changes.
        """
        spec = self.program.spec()
        self.program.stopped_mark.unlink(missing_ok=True)
        self._wanted = True
        self._failures = 0
        was_up = self.up
        if not was_up:
            self._start()
        if self._next_try is not None:
            return "started"
        if self._kill_at is None and self._spec == spec:
            return "unchanged" if was_up else "started"
        self._replacing = True
        self._terminate()
        return "replacing"

    def stop(self) -> str:
        """Have it not run, now and after the next start of the keeper; `stopping` or `stopped`."""
        if not self.program.stopped_mark.exists() and self.program.folder.exists():
            write_atomically(self.program.stopped_mark, timestamp() + "\n")
        return self.end()

    def end(self) -> str:
        """Have it not run until the next keeper starts it."""
        self._wanted = self._replacing = False
        self._next_try = None
        if self.up:
            self._terminate()
        return "stopping" if self.up else "stopped"

    def abandon(self) -> None:
        """Mind it no more; it lives on."""
        if self.up:
            self._loop.unwatch(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = -1

    def send(self, number: signal.Signals) -> None:
        """Signal exactly this process, if it still lives."""
        if self.up:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, number)

    def due(self) -> float:
        """The `time.monotonic()` at which `tick` has something to do."""
        return min(self._next_try or float("inf"), self._kill_at or float("inf"))

    def tick(self) -> None:
        """Try again, or kill what did not end by itself, where it is time."""
        moment = time.monotonic()
        if self._next_try is not None and moment >= self._next_try:
            self._start()
        if self._kill_at is not None and moment >= self._kill_at:
            log.warning("%s: did not end when asked; killed", self.program.name)
            self._kill_at = moment + self._pace.kill_after
            self.send(signal.SIGKILL)

    def status(self) -> ChildStatus:
        """What is known now; processes only, not whether they answer."""
        return ChildStatus(
            name=self.program.name,
            state=self._state(),
            pid=self._pid if self.up else None,
            since=self._since if self.up else None,
            restarts=self.restarts,
            failures=self._failures,
            last_exit=self._last_exit,
            next_try=self._next_try_text(),
            digest=digest(self._spec) if self.up and self._spec is not None else None,
        )

    def adopt(self) -> bool:
        """Mind the process of the record, if it is alive; it is not touched."""
        if self.up:
            return True
        try:
            record = RunRecord.read(self.program.record)
            pidfd = os.pidfd_open(record.pid)
        except (OSError, ValueError, TypeError):
            return False
        # Asked after the pidfd was opened: from here on it cannot become another process.
        if not is_alive(record.pid, record.start_time, record.boot):
            os.close(pidfd)
            return False
        self._mind(record.pid, pidfd, record.since, record.spec)
        log.info("%s: adopted, process %d since %s", self.program.name, record.pid, record.since)
        return True

    def _start(self) -> None:
        self._next_try = None
        # Whoever holds the folder now is the one to mind, whoever started it.
        if self.adopt():
            return
        try:
            spec = self.program.spec()
            pid = fork(self.program, spec, self._loop.let_go)
            # Where this fails (no descriptor is free), the child lives: the next try adopts it.
            pidfd = os.pidfd_open(pid)
        except (OSError, ValueError, TypeError) as error:
            log.error("%s: cannot be started: %s", self.program.name, error)
            self._try_again_later()
            return
        self._mind(pid, pidfd, timestamp(), spec)
        log.info("%s: started, process %d", self.program.name, pid)

    def _mind(self, pid: int, pidfd: int, since: str, spec: dict[str, Any] | None) -> None:
        self._pid, self._pidfd, self._since, self._spec = pid, pidfd, since, spec
        self._began = time.monotonic()
        self._next_try = None
        self._loop.watch(pidfd, READ, self._ended)

    def _terminate(self) -> None:
        if self._kill_at is None:
            self._kill_at = time.monotonic() + self._pace.kill_after
            self.send(signal.SIGTERM)

    def _ended(self) -> None:
        self._last_exit = self._collect()
        self._loop.unwatch(self._pidfd)
        os.close(self._pidfd)
        self._pidfd = -1
        self._kill_at = None
        log.info("%s: process %d ended (%s)", self.program.name, self._pid, self._last_exit)
        if self._last_exit.code == RUNS_ALREADY and self.adopt():
            # What the other one runs may be older than what was asked for.
            if self._replacing:
                self._terminate()
            return
        if self._replacing:
            self._replacing = False
            self._start()
        elif self._wanted:
            if time.monotonic() - self._began >= self._pace.healthy_after:
                self._failures = 0
            self._try_again_later()
        self._on_exit(self)

    def _collect(self) -> LastExit:
        try:
            result = os.waitid(os.P_PIDFD, self._pidfd, os.WEXITED)
        except ChildProcessError:
            # An adopted process is another's child: how it ended is not told to us.
            return LastExit(None, None, timestamp())
        assert result is not None
        if result.si_code == os.CLD_EXITED:
            return LastExit(result.si_status, None, timestamp())
        return LastExit(None, signal.Signals(result.si_status).name, timestamp())

    def _try_again_later(self) -> None:
        self._failures += 1
        self.restarts += 1
        wait = self._pace.wait(self._failures)
        self._next_try = time.monotonic() + wait
        log.info("%s: next try in %g s", self.program.name, wait)

    def _state(self) -> str:
        if self.up:
            return "up" if self._kill_at is None else "stopping"
        return "crashed" if self._wanted else "stopped"

    def _next_try_text(self) -> str | None:
        if self._next_try is None:
            return None
        return timestamp(now() + timedelta(seconds=self._next_try - time.monotonic()))

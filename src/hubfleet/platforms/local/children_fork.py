"""Forking a process that nobody can start twice.

The child takes the lock of its folder and writes its own record before it goes on.
So there is no moment at which a process works without a record, whenever the keeper is killed:
either the child had not begun yet, or whoever comes later finds its lock taken and its record
written. The keeper needs no note of what it was about to do.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hubfleet.kit.clock import timestamp
from hubfleet.kit.files import PRIVATE_FILE
from hubfleet.platforms.local.keeper_loop import HANDLED_SIGNALS
from hubfleet.platforms.local.processes import boot_id, start_time
from hubfleet.platforms.local.spec import RunRecord

RUNS_ALREADY = 75
"""Exit code of a child that found another one at work."""

BROKE_DOWN = 70
"""Exit code of a child that ended by an exception; its log has the traceback."""

# A user server that the last copy was just forking holds the lock until it execs.
_PATIENCE_WITH_LOCK = 1.0


@dataclass(frozen=True, slots=True)
class Program:
    """Something that must run at most once in its folder.

    `spec` says what it should run now; it may raise OSError or ValueError. `run` is called in the
    forked child. `execs` is for programs that become another one: they take their lock along.
    """

    name: str
    folder: Path
    log: Path
    lock: Path
    spec: Callable[[], dict[str, Any]]
    run: Callable[[dict[str, Any]], object]
    execs: bool = False

    @property
    def record(self) -> Path:
        return self.folder / "run.json"

    @property
    def stopped_mark(self) -> Path:
        """Exists while somebody wants it not to run."""
        return self.folder / "stopped"


def fork(program: Program, spec: dict[str, Any], let_go: Callable[[], None]) -> int:
    """Start it in a session of its own and return its pid at once.

    `let_go` closes what belongs to the caller alone. The child never returns from this call.
    """
    # A signal that is meant for the keeper must not reach its handlers inside the child.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED_SIGNALS)
    try:
        pid = os.fork()
    except OSError:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        raise
    if pid:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return pid
    status = BROKE_DOWN
    try:
        let_go()
        _settle(program, spec)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        program.run(spec)
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def _settle(program: Program, spec: dict[str, Any]) -> None:
    os.setsid()
    # Until it has a handler, a request to reopen its log must not end the hub.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    os.chdir(program.folder)
    _write_into(program.log)
    if not _take_lock(program):
        raise SystemExit(RUNS_ALREADY)
    pid = os.getpid()
    started = start_time(pid)
    assert started is not None
    RunRecord(pid, started, boot_id(), timestamp(), spec).write(program.record)


def _write_into(log: Path) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    written = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, PRIVATE_FILE)
    os.dup2(nothing, 0)
    os.dup2(written, 1)
    os.dup2(written, 2)
    os.close(nothing)
    os.close(written)


def _take_lock(program: Program) -> bool:
    descriptor = os.open(program.lock, os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
    deadline = time.monotonic() + _PATIENCE_WITH_LOCK
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        else:
            os.set_inheritable(descriptor, program.execs)
            return True

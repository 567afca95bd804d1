"""One rollout at a time: a file lock for this machine, a record with an epoch for all machines.

`hold` is the quick guard: it dies with its holder. `RecordedLease` is for a fleet that several
machines may change: whoever takes it gets a higher epoch, and the one before is refused at its
next act (fencing). It can be taken when its holder let it go, or when it has run out.
"""

from __future__ import annotations

import fcntl
import getpass
import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

from hubfleet.kit.clock import now, timestamp
from hubfleet.kit.errors import HubfleetError, Problem, failure
from hubfleet.kit.files import PRIVATE_FILE, write_atomically
from hubfleet.rollout.ports import LeaseLostError

LEASE_SECONDS = 60.0
"""After so long without a word its holder counts as gone."""


@contextmanager
def hold(path: Path, command: str) -> Iterator[None]:
    """Hold the lease while the block runs; raises `fleet-held` naming who holds it since when."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _held(path) from None
        holder = {"pid": os.getpid(), "user": _user(), "command": command, "since": timestamp()}
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(holder).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def who_holds(path: Path) -> str:
    """Who holds it since when, in words; empty when nobody does."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _holder(path)
    finally:
        os.close(descriptor)
    return ""


def _holder(path: Path) -> str:
    try:
        holder = json.loads(path.read_text())
        who = f"{holder['user']} (`{holder['command']}`, process {holder['pid']})"
        return f"{who} since {holder['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process since a moment ago"


def _held(path: Path) -> HubfleetError:
    return failure(
        "fleet-held",
        f"the fleet is being changed by {_holder(path)}",
        place=str(path),
        why="two rollouts at once could undo each other's work",
        hint="wait until it has ended, then run the command again",
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def owner_here() -> str:
    """Who changes the fleet: a person on a machine.

    No process: on one machine `hold` keeps two of them apart, and after a crash the next one must
    not wait for the lease of the dead one to run out.
    """
    return f"{_user()}@{socket.gethostname()}"


class NoLease:
    """For rollouts that nobody else can see, such as a dry run."""

    owner = ""
    epoch = 0
    renew_every = 3600.0

    def check(self) -> None:
        """Nobody can take it."""

    def renew(self) -> None:
        """It does not run out."""


class RecordedLease:
    """A lease in a file that all machines see; taken by making one.

    Expiry is told by the wall clock, because machines share no other; a holder that could not
    renew in time by its own monotonic clock gives up by itself, whatever the wall clock says.
    """

    def __init__(
        self,
        path: Path,
        owner: str,
        *,
        seconds: float = LEASE_SECONDS,
        clock: Callable[[], float] = monotonic,
        wall: Callable[[], float] = lambda: now().timestamp(),
    ) -> None:
        """Raises `fleet-held` while somebody else holds it."""
        self._path = path
        self._seconds = seconds
        self._clock = clock
        self._wall = wall
        self.owner = owner
        self.renew_every = seconds / 3
        with self._record() as record:
            if record.get("owner") not in (None, owner) and record["expires"] > wall():
                raise _held_elsewhere(path, record)
            self.epoch = int(record.get("epoch", 0)) + 1
            record.update(owner=owner, epoch=self.epoch, expires=wall() + seconds)
        self._renewed = clock()
        self._seen: tuple[int, int, int] | None = None
        """The file that was read last, and held our epoch: every writer makes another file."""

    def check(self) -> None:
        if self._clock() - self._renewed > self._seconds:
            raise _lost(self._path, "it was not renewed in time")
        try:
            found = self._path.stat()
            if (found.st_ino, found.st_mtime_ns, found.st_size) == self._seen:
                return
            record = json.loads(self._path.read_text())
        except (OSError, ValueError) as error:
            raise _lost(self._path, f"its record cannot be read: {error}") from None
        if record.get("epoch") != self.epoch:
            raise _lost(self._path, f"{record.get('owner') or 'somebody'} took it over")
        self._seen = (found.st_ino, found.st_mtime_ns, found.st_size)

    def renew(self) -> None:
        with self._record() as record:
            self.check()
            record["expires"] = self._wall() + self._seconds
            self._renewed = self._clock()

    def let_go(self) -> None:
        """Free it for the next one; a lease that is lost stays with whoever has it."""
        with self._record() as record:
            if record.get("epoch") == self.epoch:
                record.update(owner=None, expires=0)

    @contextmanager
    def _record(self) -> Iterator[dict[str, Any]]:
        """The record, alone; what the block changed is written."""
        lock = os.open(self._path.with_name(f"{self._path.name}.lock"), _LOCK, PRIVATE_FILE)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                record = json.loads(self._path.read_text())
            except (FileNotFoundError, ValueError):
                record = {}
            yield record
            write_atomically(self._path, json.dumps(record))
        finally:
            os.close(lock)


_LOCK = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC


def _held_elsewhere(path: Path, record: dict[str, Any]) -> HubfleetError:
    return failure(
        "fleet-held",
        f"the fleet is being changed by {record['owner']}",
        place=str(path),
        why="two rollouts at once could undo each other's work",
        hint="wait until it has ended; when that machine is gone, its lease runs out by itself "
        "within a minute",
    )


def _lost(path: Path, why: str) -> LeaseLostError:
    return LeaseLostError(
        Problem(
            "lease-lost",
            "this rollout lost the right to change the fleet",
            str(path),
            why,
            "see who is at work; `hubfleet apply` goes on when the fleet is free again",
        )
    )

"""One thread with one connection, at which all threads of a process queue to write and to read.

Writes that wait together are committed together. When one of them fails, each is tried alone, so
that only the guilty one is told. A file's commits do not wait for the disk: whoever wrote what must
be there waits for it in their own thread, together with all who wait, while the desk goes on.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, Literal, TypeVar

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from hubfleet.kit.syncing import SharedSync
from hubfleet.office.ledger.place import LedgerPlace
from hubfleet.office.ledger.troubles import in_plain_words

T = TypeVar("T")
Kind = Literal["read", "write", "durable"]
MOST_AT_ONCE = 200
MOST_IN_A_FILE = 8
"""Nobody waits for the disk there, only for each other: of 40 who come together, the first go on
while the others are written."""


@dataclass(frozen=True, slots=True)
class _Job:
    kind: Kind
    act: Callable[[], Any]
    answer: Future[Any]


class Desk:
    """`do` blocks until the act is done, and raises what it raised, in plain words.

    A `write` survives a kill -9 once `do` has returned; a `durable` one a crash of the machine.
    A `write` is one transaction; acts must bear to be begun a second time after a roll-back.
    """

    def __init__(self, place: LedgerPlace) -> None:
        self._place = place
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._synced = True
        self._disk = SharedSync(self._sync_file)
        self._most = MOST_IN_A_FILE if place.file else MOST_AT_ONCE
        self._file_waits = place.file is not None
        """Whether commits leave the wait for the disk to those who asked for it."""
        self.alias = place.alias
        self.transactions = 0
        """How many were begun: within one of them, what was read under its lock stays true."""
        self._thread = threading.Thread(target=self._work, name="ledger", daemon=True)
        connections.settings.setdefault(self.alias, _complete(place.settings))
        self._thread.start()

    @property
    def connection(self) -> BaseDatabaseWrapper:
        """The connection of the calling thread; only acts may ask for it."""
        return connections[self.alias]

    def do(self, kind: Kind, act: Callable[[], T]) -> T:
        if not self._thread.is_alive():
            raise RuntimeError("the ledger is closed")
        answer: Future[T] = Future()
        self._jobs.put(_Job(kind, act, answer))
        result = answer.result()
        if kind == "durable" and self._file_waits:
            with in_plain_words(self._place):
                self._disk.wait()
        return result

    def close(self) -> None:
        """End the thread and its connection; nothing may be asked of the desk afterwards."""
        self._jobs.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            jobs, last = [job], False
            while len(jobs) < self._most:
                try:
                    following = self._jobs.get_nowait()
                except Empty:
                    break
                if following is None:
                    last = True
                    break
                jobs.append(following)
            self._serve(jobs)
            if last:
                break
        self.connection.close()

    def _serve(self, jobs: Sequence[_Job]) -> None:
        writes = [job for job in jobs if job.kind != "read"]
        if len(writes) < 2 or not self._together(writes):
            for job in writes:
                self._alone(job)
        for job in jobs:
            if job.kind == "read":
                self._alone(job)

    def _together(self, jobs: Sequence[_Job]) -> bool:
        """Whether all went well in one transaction; otherwise nothing was done."""
        try:
            self._sync(any(job.kind == "durable" for job in jobs))
            with self._transaction():
                results = [job.act() for job in jobs]
        except Exception:
            return False
        for job, result in zip(jobs, results, strict=True):
            job.answer.set_result(result)
        return True

    def _alone(self, job: _Job) -> None:
        try:
            with in_plain_words(self._place):
                if job.kind == "read":
                    result = job.act()
                else:
                    self._sync(job.kind == "durable")
                    with self._transaction():
                        result = job.act()
        except BaseException as error:
            # A server that went away may be back at the next call.
            self.connection.close_if_unusable_or_obsolete()
            job.answer.set_exception(error)
        else:
            job.answer.set_result(result)

    def _transaction(self) -> AbstractContextManager[None]:
        self.transactions += 1
        return transaction.atomic(using=self.alias)

    def _sync_file(self) -> None:
        """Bring the write-ahead file to the disk, as a commit with `synchronous=FULL` does.

        Opened anew each time: it is another file after the last connection was closed. Then, or
        when it was written back in between, SQLite itself has brought its content to the disk.
        Nobody locks bytes of this file, so closing it takes no lock from SQLite.
        """
        assert self._place.file is not None
        wal = self._place.file.with_name(f"{self._place.file.name}-wal")
        try:
            descriptor = os.open(wal, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        try:
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)

    def _sync(self, durable: bool) -> None:
        """Whether the next commit waits for the disk."""
        durable = durable and not self._file_waits
        if durable == self._synced:
            return
        with self.connection.cursor() as cursor:
            if self._place.file is not None:
                cursor.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
            else:
                cursor.execute(f"SET synchronous_commit = {'on' if durable else 'off'}")
        self._synced = durable


def _complete(settings: dict[str, Any]) -> dict[str, Any]:
    """With Django's defaults, which it adds only to databases that it knew at its start."""
    complete: dict[str, Any] = {"USER": "", "PASSWORD": "", "HOST": "", "PORT": ""}
    complete |= {"ATOMIC_REQUESTS": False, "AUTOCOMMIT": True, "CONN_MAX_AGE": 0}
    complete |= {"CONN_HEALTH_CHECKS": False, "TIME_ZONE": None}
    test = {"CHARSET": None, "COLLATION": None, "MIGRATE": True, "MIRROR": None, "NAME": None}
    return {**complete, "OPTIONS": {}, "TEST": test, **settings}

"""Threads that wait until what they wrote is on the disk, and share the waits."""

from __future__ import annotations

from collections.abc import Callable
from threading import Condition


class SharedSync:
    """`sync` brings to the disk all that was written before it was called."""

    def __init__(self, sync: Callable[[], None]) -> None:
        self._sync = sync
        self._turn = Condition()
        self._asked = 0
        self._reached = 0
        self._syncing = False
        self._failed: tuple[int, OSError] | None = None

    def wait(self) -> None:
        """Return when all that the caller wrote before is on the disk.

        One thread syncs for all that asked before it began; the `OSError` of a sync that failed is
        raised for all of them. None of them tries again: the system says it once for each write.
        """
        with self._turn:
            self._asked += 1
            mine = self._asked
            while self._syncing and self._reached < mine:
                self._turn.wait()
            if self._reached >= mine:
                if self._failed and mine <= self._failed[0]:
                    raise self._failed[1]
                return
            self._syncing = True
            reached = self._asked
        failed = None
        try:
            self._sync()
        except OSError as error:
            failed = (reached, error)
            raise
        finally:
            with self._turn:
                self._failed = failed or self._failed
                self._reached = reached
                self._syncing = False
                self._turn.notify_all()

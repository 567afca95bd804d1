"""Who does the work and whose time it takes: threads and real time, or virtual time.

The engine starts a piece of work for each hub and waits for whichever ends first. `VirtualCrew`
runs exactly one piece at a time and jumps to the moment at which the next one goes on, so that a
simulated rollout takes no time and always goes the same way.
"""

from __future__ import annotations

import heapq
import itertools
import sys
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Semaphore, Thread
from typing import Any, Protocol

Work = Callable[[], Any]
"""Must not raise; its value is what `Crew.wait` returns."""


class Crew(Protocol):
    """`monotonic` and `sleep` may be called by the pieces of work, the others by one thread."""

    def monotonic(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...

    def start(self, work: Work) -> None: ...

    def wait(self, seconds: float | None) -> list[Any]:
        """What has ended, after at most so many seconds; None waits until something ends."""
        ...

    def wake(self) -> None:
        """Let `wait` return early, with nothing; may be called from a signal handler."""
        ...


_WAKE = object()


class ThreadCrew:
    """A thread for each piece of work; they do not keep the program alive when it must end.

    A thread that has ended its work takes the next one: with work that never ends, there is always
    another thread.
    """

    def __init__(self) -> None:
        self._ended: SimpleQueue[Any] = SimpleQueue()
        self._waiting: SimpleQueue[Work] = SimpleQueue()
        self._idle = Semaphore(0)
        # Threads here mostly wait for each other's few words: with Python's usual 5 ms until one
        # is asked to let another go on, 40 of them lose a tenth of their time.
        sys.setswitchinterval(0.0005)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def start(self, work: Work) -> None:
        self._waiting.put(work)
        if not self._idle.acquire(blocking=False):
            Thread(target=self._work, daemon=True).start()

    def _work(self) -> None:
        while True:
            value = self._waiting.get()()
            # Idle before its end is told: whoever hears of it finds this thread free.
            self._idle.release()
            self._ended.put(value)

    def wait(self, seconds: float | None) -> list[Any]:
        found = []
        try:
            found.append(self._ended.get(timeout=seconds))
            while True:
                found.append(self._ended.get_nowait())
        except Empty:
            return [value for value in found if value is not _WAKE]

    def wake(self) -> None:
        self._ended.put(_WAKE)


class VirtualCrew:
    """Virtual time: starts at 0 and moves only while `wait` is called."""

    def __init__(self) -> None:
        self._now = 0.0
        self._agenda: list[tuple[float, int, Semaphore]] = []
        self._order = itertools.count()
        self._ended: list[Any] = []
        self._done_for_now = Semaphore(0)

    def monotonic(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        turn = self._enter(max(seconds, 0.0))
        self._done_for_now.release()
        turn.acquire()

    def start(self, work: Work) -> None:
        turn = self._enter(0.0)

        def run() -> None:
            turn.acquire()
            value = work()
            self._ended.append(value)  # only now: `wait` takes the list away
            self._done_for_now.release()

        Thread(target=run, daemon=True).start()

    def wait(self, seconds: float | None) -> list[Any]:
        until = None if seconds is None else self._now + seconds
        while not self._ended and self._agenda:
            if until is not None and self._agenda[0][0] > until:
                break
            at, _, turn = heapq.heappop(self._agenda)
            self._now = max(self._now, at)
            turn.release()
            self._done_for_now.acquire()
        if not self._ended and until is not None:
            self._now = max(self._now, until)
        found, self._ended = self._ended, []
        return found

    def wake(self) -> None:
        """Nothing waits in real time."""

    def _enter(self, seconds: float) -> Semaphore:
        turn = Semaphore(0)
        heapq.heappush(self._agenda, (self._now + seconds, next(self._order), turn))
        return turn

"""What the console does by itself, again and again: one thread for each, all stopped at the end.

A loop's function takes nothing, does what is due, and returns; it must bear to be ended by a crash
at any place and to be called again. When it fails the console says so in its log and in `/metrics`,
waits longer each time (a minute at most), and goes on: a database that is away comes back.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module

from django.db import close_old_connections, connections

from hubfleet.kit.errors import HubfleetError
from hubfleet.office.site import metrics

log = logging.getLogger("hubfleet.console")

LONGEST_WAIT = 60.0
PATIENCE = 6
"""A loop is late when it has not ended well for so many of its turns (and half a minute more)."""

LOOPS: tuple[tuple[str, float, str], ...] = (
    ("watching", 10, "hubfleet.office.watching.observing:look"),
    ("post", 2, "hubfleet.office.post.sending:deliver_due"),
    ("people", 60, "hubfleet.office.accounts.chores:work"),
    ("ending-access", 2, "hubfleet.office.identity.ending:work"),
    ("changes", 2, "hubfleet.office.changes.running:watch"),
    ("leaving", 60, "hubfleet.office.leaving.turning:work"),
    ("bundles", 3, "hubfleet.office.leaving.takes:work"),
)
"""Name, seconds between two turns, and the function."""


@dataclass
class Loop:
    """One of them; `succeeded` is on the monotonic clock."""

    name: str
    every: float
    act: Callable[[], object]
    succeeded: float = field(default_factory=time.monotonic)
    failures: int = 0

    def turn(self) -> float:
        """Do what is due; the seconds until the next turn."""
        try:
            close_old_connections()
            self.act()
        except HubfleetError as error:
            self._failed(error.problems[0].what)
        except Exception as error:
            self._failed(f"{type(error).__name__}: {error}")
            if self.failures == 1:
                log.debug("%s", self.name, exc_info=True)
        else:
            if self.failures:
                log.warning("%s works again", self.name)
            self.failures, self.succeeded = 0, time.monotonic()
            metrics.looped(self.name, ok=True)
        if not self.failures:
            return self.every
        return min(self.every * 2.0**self.failures, LONGEST_WAIT)

    def _failed(self, why: str) -> None:
        self.failures = min(self.failures + 1, 20)
        metrics.looped(self.name, ok=False)
        if self.failures == 1:
            log.warning("%s failed, and is tried again: %s", self.name, why.splitlines()[0])

    def late(self) -> float:
        """Seconds since it last ended well, when that is too long ago; else 0."""
        since = time.monotonic() - self.succeeded
        return since if since > PATIENCE * self.every + 30 else 0.0


_running: list[Loop] = []


def late() -> list[tuple[str, float]]:
    """The loops that have not succeeded for too long."""
    return [(loop.name, seconds) for loop in _running if (seconds := loop.late())]


def known() -> list[Loop]:
    """All loops, with their functions imported."""
    found = []
    for name, every, where in LOOPS:
        module, _, function = where.partition(":")
        found.append(Loop(name, every, getattr(import_module(module), function)))
    return found


@contextmanager
def running(loops: Sequence[Loop]) -> Iterator[None]:
    """Turn them while the block runs."""
    stop = threading.Event()
    threads = [
        threading.Thread(target=_work, args=(loop, stop), name=loop.name, daemon=True)
        for loop in loops
    ]
    _running[:] = loops
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(timeout=10)
        _running.clear()


def _work(loop: Loop, stop: threading.Event) -> None:
    wait = 0.0
    while not stop.wait(wait):
        wait = loop.turn()
    connections.close_all()

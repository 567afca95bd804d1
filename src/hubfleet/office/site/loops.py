"""What the console does by itself, again and again: one thread for each, all stopped at the end.

A loop's function takes nothing, does what is due, and returns; it must bear to be ended by a crash
at any place and to be called again. When it fails the console says so in its log and in `/metrics`,
waits longer each time (a minute at most), and goes on: a database that is away comes back.

Most of it is due once for all consoles of a database: those loops ask `office.schedules`, which has
one runner at a time and remembers every run. A few (`HERE`) belong to each process.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module

from django.db import close_old_connections, connections

from hubfleet.kit.errors import HubfleetError
from hubfleet.office.schedules import lease as leases
from hubfleet.office.schedules.lease import Lease, LostError
from hubfleet.office.schedules.running import Claim, Done, Duty, claim, do, end
from hubfleet.office.site import metrics

log = logging.getLogger("hubfleet.console")

LONGEST_WAIT = 60.0
STAND_BY = 1.0
"""Seconds after which a loop looks again whether this process may run what is due."""
PATIENCE = 6
"""A loop is late when it has not ended well for so many of its turns (and half a minute more)."""
LONGEST_TURN = 600.0
"""A turn may take so many seconds before it counts as late: a person's path takes minutes."""
ENDING = 8.0
"""Seconds that turns under way have to end when the console ends."""

LOOPS: tuple[tuple[str, float, str], ...] = (
    ("watching", 10, "hubfleet.office.watching.observing:look"),
    ("post", 2, "hubfleet.office.post.sending:deliver_due"),
    ("people", 60, "hubfleet.office.accounts.chores:work"),
    ("ending-access", 2, "hubfleet.office.identity.ending:work"),
    ("usage", 60, "hubfleet.office.usage.sampling:work"),
    ("changes", 2, "hubfleet.office.changes.running:watch"),
    ("light-checks", 2, "hubfleet.office.watching.checking:light"),
    ("paths", 2, "hubfleet.office.watching.checking:paths"),
    ("old-checks", 3600, "hubfleet.office.watching.keeping:forget"),
    ("old-runs", 3600, "hubfleet.office.schedules.keeping:forget"),
    ("on-call", 2, "hubfleet.office.oncall.escalating:work"),
    ("pages", 2, "hubfleet.office.oncall.delivering:deliver_due"),
    ("time-off", 900, "hubfleet.office.oncall.chores:work"),
    ("reactions", 2, "hubfleet.office.reactions.turns:react"),
    ("incidents", 5, "hubfleet.office.incidents.following:follow"),
    ("incident-reminders", 600, "hubfleet.office.incidents.reminding:remind"),
    ("leaving", 60, "hubfleet.office.leaving.turning:work"),
    ("bundles", 3, "hubfleet.office.leaving.takes:work"),
)
"""Name, seconds between two turns, and the function."""

HERE = frozenset({"watching", "changes"})
"""Done in every process: `watching` fills what its own pages show, `changes` minds processes that
it started itself. All others are done once, by whoever holds the lease of the schedules."""


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
        except Exception as error:
            self._failed(error)
        else:
            self._worked()
        if not self.failures:
            return self.every
        return min(self.every * 2.0**self.failures, LONGEST_WAIT)

    def _worked(self) -> None:
        if self.failures:
            log.warning("%s works again", self.name)
        self.failures, self.succeeded = 0, time.monotonic()
        metrics.looped(self.name, ok=True)

    def _failed(self, error: Exception) -> None:
        why = f"{type(error).__name__}: {error}"
        if isinstance(error, HubfleetError):
            why = error.problems[0].what
        self.failures = min(self.failures + 1, 20)
        metrics.looped(self.name, ok=False)
        if self.failures == 1:
            log.warning("%s failed, and is tried again: %s", self.name, why.splitlines()[0])
            log.debug("%s", self.name, exc_info=error)

    def late(self) -> float:
        """Seconds since it last ended well, when that is too long ago; else 0."""
        since = time.monotonic() - self.succeeded
        return since if since > PATIENCE * self.every + 30 else 0.0


@dataclass
class DueLoop(Loop):
    """One that is done once for all consoles, while this process holds the lease."""

    lease: Lease = field(default_factory=Lease)
    began: float | None = None
    """Of the turn that is under way."""

    def late(self) -> float:
        if self.began is None:
            return super().late()
        since = time.monotonic() - self.began
        return since if since > LONGEST_TURN else 0.0

    def turn(self) -> float:
        if self.lease.epoch is None:
            return self._stand_by()
        try:
            close_old_connections()
            return self._run()
        except LostError:
            return self._stand_by()
        except Exception as error:
            # The database is away: nothing was claimed, or how it ended could not be written.
            self._failed(error)
            return min(self.every * 2.0**self.failures, LONGEST_WAIT)

    def _run(self) -> float:
        claimed = claim(Duty(self.name, self.every, self.act), self.lease)
        if not isinstance(claimed, Claim):
            if not self.failures:
                self.succeeded = time.monotonic()
            return min(claimed, LONGEST_WAIT)
        self.began = time.monotonic()
        done: Done = do(claimed)
        self.began = None
        if done.error is None:
            self._worked()
        else:
            self._failed(done.error)
        return end(claimed, done, self.lease)

    def _stand_by(self) -> float:
        self.failures, self.succeeded = 0, time.monotonic()
        return min(self.every, STAND_BY)


_running: list[Loop] = []


def late() -> list[tuple[str, float]]:
    """The loops that have not succeeded for too long."""
    return [(loop.name, seconds) for loop in _running if (seconds := loop.late())]


def known(lease: Lease | None) -> list[Loop]:
    """All loops, with their functions imported; without a lease only those of this process."""
    found: list[Loop] = []
    for name, every, where in LOOPS:
        if name in HERE:
            found.append(Loop(name, every, _function(where)))
        elif lease is not None:
            found.append(DueLoop(name, every, _function(where), lease=lease))
    return found


def duties(names: Sequence[str] = ()) -> list[Duty]:
    """What is due once for all consoles; of these names, or all."""
    return [
        Duty(name, every, _function(where))
        for name, every, where in LOOPS
        if name not in HERE and (not names or name in names)
    ]


def scheduled() -> list[tuple[str, float]]:
    """The names and periods of what is due once for all consoles."""
    return [(name, every) for name, every, _ in LOOPS if name not in HERE]


def _function(where: str) -> Callable[[], object]:
    module, _, function = where.partition(":")
    found: Callable[[], object] = getattr(import_module(module), function)
    return found


@contextmanager
def running(loops: Sequence[Loop], lease: Lease | None = None) -> Iterator[None]:
    """Turn them while the block runs; with a lease, take it whenever it is free."""
    stop = threading.Event()
    work: list[tuple[str, Callable[[], float]]] = [(loop.name, loop.turn) for loop in loops]
    if lease is not None:
        work.insert(0, ("lease", _Holding(lease).turn))
    threads = [
        threading.Thread(target=_work, args=(turn, stop), name=name, daemon=True)
        for name, turn in work
    ]
    _running[:] = loops
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        until = time.monotonic() + ENDING
        for thread in threads:
            thread.join(timeout=max(0.1, until - time.monotonic()))
        _running.clear()
        if lease is not None:
            with suppress(Exception):
                lease.let_go()
            connections.close_all()


@dataclass
class _Holding:
    """Takes the lease and keeps it, as long as the database answers."""

    lease: Lease
    said: str = ""

    def turn(self) -> float:
        had = self.lease.epoch
        try:
            close_old_connections()
            self.lease.hold()
        except Exception as error:
            self._say(f"the lease of the schedules was not renewed: {type(error).__name__}")
            return 1.0
        self._say("")
        if self.lease.epoch != had and had is not None:
            log.warning("somebody else runs what is due")
        return leases.RENEW_EVERY if self.lease.epoch is not None else 1.0

    def _say(self, what: str) -> None:
        if what and what != self.said:
            log.warning("%s", what)
        self.said = what


def _work(turn: Callable[[], float], stop: threading.Event) -> None:
    wait = 0.0
    while not stop.wait(wait):
        wait = turn()
    connections.close_all()

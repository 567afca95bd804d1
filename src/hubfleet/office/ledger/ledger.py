"""The ledger, opened: the journal that a rollout writes to, and the way to the lease and history.

In this order: the desk (one thread, one connection), the tables brought up to date, then what an
earlier hubfleet wrote into files is read in. Close it, or use it as a context manager.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Self

from hubfleet.office.ledger import entries, history, lease
from hubfleet.office.ledger.cut_off import cut_off
from hubfleet.office.ledger.desk import Desk
from hubfleet.office.ledger.earlier import read_in
from hubfleet.office.ledger.owner import Owner, this_process
from hubfleet.office.ledger.place import LedgerPlace
from hubfleet.office.ledger.revisions import RevisionRecord
from hubfleet.office.ledger.schema import bring_up_to_date
from hubfleet.rollout.ports import DURABLE, ActIntended, CutOff, Entry, RolloutBegun


class Ledger:
    """Implements `hubfleet.rollout.ports.Journal`. May be used from any number of threads.

    Opening raises what the port promises, and `ledger-newer`.
    """

    def __init__(self, place: LedgerPlace, version: str) -> None:
        self.place = place
        self._desk = Desk(place)
        self._epoch = 0
        self._asked = (0, 0)
        """The transaction and the epoch for which the lease was last looked at."""
        try:
            self._desk.do("read", lambda: bring_up_to_date(self._desk.connection, place, version))
            read_in(place.state, self)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._desk.close()

    @property
    def fenced(self) -> bool:
        """From the moment on at which this process has the lease."""
        return bool(self._epoch)

    def write(self, entry: Entry) -> None:
        """Store the entry. One of a holder whose lease was taken over is `lease-lost`."""
        self.write_all([entry])

    def write_all(self, together: list[Entry]) -> None:
        """All of them or none."""
        epochs = [self._epoch]
        epochs += [e.epoch for e in together if isinstance(e, RolloutBegun | ActIntended)]
        # The oldest right under which any of them is written.
        epoch = min(filter(None, epochs), default=0)

        def act() -> None:
            if epoch:
                self._fence(epoch)
            for entry in together:
                entries.store(self._desk.alias, entry)

        durable = any(isinstance(entry, DURABLE) for entry in together)
        self._desk.do("durable" if durable else "write", act)

    def _fence(self, epoch: int) -> None:
        """Once for each transaction: nobody can take the lease over before it ends."""
        asked = (self._desk.transactions, epoch)
        if self._asked != asked:
            lease.fence(self._desk.alias, epoch)
            self._asked = asked

    def cut_off(self) -> CutOff | None:
        """The last rollout that has not ended."""
        return self._desk.do("read", lambda: cut_off(self._desk.alias))

    def knows(self, rollout: str) -> bool:
        """Whether the rollout of this id was ever begun."""
        return self._desk.do("read", lambda: entries.knows(self._desk.alias, rollout))

    def acquire(
        self,
        command: str,
        *,
        owner: Owner | None = None,
        clock: lease.Clock | None = None,
        valid: timedelta = lease.VALID,
    ) -> lease.LedgerLease:
        """The lease, for this process and the command that a person would recognise."""
        asks = owner or this_process(command)
        held = lease.acquire(self._desk, asks, clock=clock, valid=valid)
        self._epoch = held.epoch
        return held

    @contextmanager
    def lease(self, command: str) -> Iterator[lease.LedgerLease]:
        """Hold the lease while the block runs; raises `fleet-held`."""
        held = self.acquire(command)
        try:
            yield held
        finally:
            held.let_go()

    def revisions(
        self, hub: str | None = None, *, limit: int, before: int | None = None
    ) -> list[RevisionRecord]:
        """The newest first; `before` is the `id` where the last page ended."""
        return self._desk.do("read", lambda: history.page(self._desk.alias, hub, limit, before))

    def revision(self, named: str) -> RevisionRecord:
        """By `community/hub@number` or `id`; raises `unknown-revision`."""
        return self._desk.do("read", lambda: history.find(self._desk.alias, named))

    def previous(self, record: RevisionRecord) -> RevisionRecord | None:
        """The hub's revision before this one; None for its first."""
        return self._desk.do("read", lambda: history.previous(self._desk.alias, record))

"""The right to run what is due: owner, epoch and expiry in one row of the database.

One process has it and renews it; others stand by, and take it over once it has run out. What
counts is the epoch, never the clock: whoever lost it is refused in the transaction in which it
would write, however late it comes.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta

from django.db import DatabaseError, connection, connections, transaction

from hubfleet.kit.clock import now, timestamp
from hubfleet.kit.errors import HubfleetError, failure
from hubfleet.office.schedules.models import Holder

VALID = timedelta(seconds=20)
RENEW_EVERY = 5.0


class LostError(Exception):
    """Somebody else runs what is due; nothing was written."""


def owner_here() -> str:
    """This process in words."""
    return f"{socket.gethostname()}, process {os.getpid()}"


class Lease:
    """One process' side of it. `epoch` is None while somebody else has it."""

    def __init__(
        self, owner: str = "", *, clock: Callable[[], datetime] | None = None,
        valid: timedelta = VALID,
    ) -> None:  # fmt: skip
        self.owner = owner or owner_here()
        self.epoch: int | None = None
        self._clock = clock or database_time
        self._valid = valid

    def hold(self) -> bool:
        """Take it or keep it; whether it is ours now."""
        with transaction.atomic():
            moment = self._clock()
            Holder.objects.get_or_create(id=1, defaults={"since": moment, "expiry": moment})
            row = Holder.objects.select_for_update().get(id=1)
            if row.epoch != self.epoch:
                if row.expiry > moment:
                    self.epoch = None
                    return False
                row.epoch, row.owner, row.since = row.epoch + 1, self.owner, moment
            # One that has run out, but that nobody took, is still ours.
            row.expiry = moment + self._valid
            row.save()
        self.epoch = row.epoch
        return True

    def let_go(self) -> None:
        """Free it for the next one, if it is ours."""
        if self.epoch is not None:
            moment = self._clock()
            Holder.objects.filter(id=1, epoch=self.epoch).update(expiry=moment)
            self.epoch = None

    def fence(self) -> int:
        """Our epoch; raises `LostError`. Nobody takes it over before the transaction ends."""
        row = Holder.objects.select_for_update().filter(id=1).first()
        if self.epoch is None or row is None or row.epoch != self.epoch:
            self.epoch = None
            raise LostError
        return row.epoch


@contextmanager
def renewed(lease: Lease) -> Iterator[None]:
    """Keep it for as long as the block runs, in a thread."""
    ended = threading.Event()

    def keep() -> None:
        while not ended.wait(RENEW_EVERY):
            # The database may be away for a while; whoever lost the lease finds out by the fence.
            with suppress(DatabaseError):
                lease.hold()
        connections.close_all()

    thread = threading.Thread(target=keep, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def holder() -> Holder | None:
    """Who runs what is due now; None when nobody does."""
    row = Holder.objects.filter(id=1).first()
    return row if row is not None and row.expiry > database_time() else None


def held(row: Holder | None) -> HubfleetError:
    """`schedules-held`."""
    who = f"{row.owner} since {timestamp(row.since)}" if row else "another process"
    return failure(
        "schedules-held",
        f"what is due is done by {who}",
        why="done twice at once, mails and pages would go out twice",
        hint="leave it to that process, or start the console with --no-schedules",
    )


def database_time() -> datetime:
    """The database server's, so that machines need not agree about it."""
    if connection.vendor != "postgresql":
        return now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
        return moment

"""The right to change the fleet, as a row: owner, epoch, expiry.

Whoever takes it over makes the epoch one higher. What counts is the epoch, never the clock: a
clock that jumps can make a take-over early or late, but the older owner is refused in either case,
when it checks, when it renews, and when it writes an intention.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import connections

from hubfleet.kit.clock import now, timestamp
from hubfleet.kit.errors import HubfleetError, Problem, failure
from hubfleet.office.ledger.desk import Desk
from hubfleet.office.ledger.models import LeaseRow
from hubfleet.office.ledger.owner import Owner, is_gone
from hubfleet.rollout.lease import LEASE_SECONDS
from hubfleet.rollout.ports import LeaseLostError

VALID = timedelta(seconds=LEASE_SECONDS)
_NEWEST = "SELECT epoch FROM ledger_leaserow WHERE fleet = %s"
FLEET = "fleet"
"""The key of the only row: a ledger remembers one fleet."""

Clock = Callable[[], datetime]


class LedgerLease:
    """A lease that this process holds; made by `acquire`."""

    def __init__(self, desk: Desk, owner: str, epoch: int, clock: Clock, valid: timedelta) -> None:
        self._desk = desk
        self._owner = owner
        self._epoch = epoch
        self._clock = clock
        self._valid = valid

    @property
    def owner(self) -> str:
        return self._owner

    @property
    def epoch(self) -> int:
        return self._epoch

    @property
    def renew_every(self) -> float:
        return self._valid.total_seconds() / 3

    def check(self) -> None:
        """Raises `lease-lost`. One that has run out, but that nobody took, is still ours."""
        if self._desk.do("read", self._newest_epoch) != self._epoch:
            raise lost(self._desk.do("read", self._row))

    def renew(self) -> None:
        if not self._change(expiry=self._clock() + self._valid):
            raise lost(self._desk.do("read", self._row))

    def let_go(self) -> None:
        """Free it for the next one; a lease that is lost stays with whoever has it."""
        self._change(expiry=self._clock(), process="")

    def _newest_epoch(self) -> int:
        # Asked before every entry of the journal, so without the cost of building a query.
        with self._desk.connection.cursor() as cursor:
            cursor.execute(_NEWEST, [FLEET])
            epoch: int = cursor.fetchone()[0]
            return epoch

    def _row(self) -> LeaseRow:
        return LeaseRow.objects.using(self._desk.alias).get(fleet=FLEET)

    def _change(self, **values: object) -> bool:
        def change() -> int:
            rows = LeaseRow.objects.using(self._desk.alias)
            return rows.filter(fleet=FLEET, epoch=self._epoch).update(**values)

        return bool(self._desk.do("write", change))


def acquire(
    desk: Desk, owner: Owner, *, clock: Clock | None = None, valid: timedelta = VALID
) -> LedgerLease:
    """Take the lease; raises `fleet-held` while somebody else has it.

    Without a `clock`, time is the database server's, so that machines need not agree on it.
    """
    tell = clock or (lambda: desk.do("read", lambda: _database_time(desk)))
    moment = tell()

    def take() -> int:
        rows = LeaseRow.objects.using(desk.alias)
        never = {"owner": "", "process": "", "epoch": 0, "since": moment, "expiry": moment}
        rows.get_or_create(fleet=FLEET, defaults=never)
        row = rows.select_for_update().get(fleet=FLEET)
        if row.expiry > moment and not is_gone(row.process):
            raise _held(row)
        taken = {"owner": owner.shown, "process": owner.process, "since": moment}
        rows.filter(fleet=FLEET).update(epoch=row.epoch + 1, expiry=moment + valid, **taken)
        return row.epoch + 1

    return LedgerLease(desk, owner.shown, desk.do("durable", take), tell, valid)


def fence(alias: str, epoch: int) -> None:
    """Raises `lease-lost` when somebody has taken the lease over from the holder of `epoch`.

    Called in the transaction that writes; then nothing written can follow a take-over.
    """
    connection = connections[alias]
    # SQLite's transactions begin with the lock of a writer; a server has to be asked to keep the
    # row as it is until the commit.
    lock = " FOR SHARE" if connection.features.has_select_for_update else ""
    with connection.cursor() as cursor:
        cursor.execute(f"{_NEWEST}{lock}", [FLEET])
        row = cursor.fetchone()
    if row is not None and row[0] > epoch:
        raise lost(LeaseRow.objects.using(alias).get(fleet=FLEET))


def lost(row: LeaseRow) -> LeaseLostError:
    """`lease-lost`, with who took it."""
    return LeaseLostError(
        Problem(
            "lease-lost",
            "this rollout lost the right to change the fleet",
            why=f"{row.owner} took it over at {timestamp(row.since)}, because it had run out",
            hint="when that rollout has ended, `hubfleet apply` goes on from there",
        )
    )


def _held(row: LeaseRow) -> HubfleetError:
    return failure(
        "fleet-held",
        f"the fleet is being changed by {row.owner} since {timestamp(row.since)}",
        why="two rollouts at once could undo each other's work",
        hint="wait until it has ended, then run the command again; if it was cut off, "
        f"its right ends at {timestamp(row.expiry)}",
    )


def _database_time(desk: Desk) -> datetime:
    if desk.connection.vendor != "postgresql":
        return now()
    with desk.connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
        return moment

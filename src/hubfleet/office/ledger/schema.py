"""Brings the tables up to date when the ledger is opened.

Usually there is nothing to do, and two small queries tell so. A ledger that a newer hubfleet has
written is refused: this one would not understand it.
"""

from __future__ import annotations

import fcntl
import os
import pkgutil
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management import call_command
from django.db.backends.base.base import BaseDatabaseWrapper

from hubfleet.kit.errors import HubfleetError, failure
from hubfleet.kit.files import PRIVATE_FILE
from hubfleet.office.ledger import migrations
from hubfleet.office.ledger.models import Edition
from hubfleet.office.ledger.place import LedgerPlace

_SERVER_LOCK = 4_837_201
"""The number of our advisory lock on PostgreSQL; any that nobody else uses in this database."""


def bring_up_to_date(connection: BaseDatabaseWrapper, place: LedgerPlace, version: str) -> None:
    """Make or migrate the tables where that is needed; raises `ledger-newer`."""
    with _alone(connection, place):
        known = {module.name for module in pkgutil.iter_modules(migrations.__path__)}
        applied = _applied(connection)
        if newer := sorted(applied - known):
            raise _newer(connection, place, newer[-1], version)
        if missing := sorted(known - applied):
            call_command(
                "migrate", "ledger", database=connection.alias, verbosity=0, interactive=False
            )
            editions = [Edition(migration=name, hubfleet=version) for name in missing]
            Edition.objects.using(connection.alias).bulk_create(editions)


def _applied(connection: BaseDatabaseWrapper) -> set[str]:
    if "django_migrations" not in connection.introspection.table_names():
        return set()
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM django_migrations WHERE app = 'ledger'")
        return {name for (name,) in cursor.fetchall()}


def _newer(
    connection: BaseDatabaseWrapper, place: LedgerPlace, migration: str, version: str
) -> HubfleetError:
    with connection.cursor() as cursor:
        cursor.execute("SELECT hubfleet FROM ledger_edition WHERE migration = %s", [migration])
        row = cursor.fetchone()
    by = f"hubfleet {row[0]}" if row else "a newer hubfleet"
    return failure(
        "ledger-newer",
        f"the ledger was written by {by}, and this is hubfleet {version}",
        place=place.shown,
        why=f"it has a table layout that this version does not know ({migration})",
        hint="use that version or a later one; nothing was changed",
    )


@contextmanager
def _alone(connection: BaseDatabaseWrapper, place: LedgerPlace) -> Iterator[None]:
    """Two processes that open a new ledger at once must not both make its tables."""
    if place.file is None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [_SERVER_LOCK])
            try:
                yield
            finally:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_SERVER_LOCK])
        return
    # Not a lock on the file: closing it here would end the locks that SQLite holds on it.
    folder = os.open(place.file.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        if not place.file.exists():
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
            os.close(os.open(place.file, flags, PRIVATE_FILE))
        yield
    finally:
        os.close(folder)

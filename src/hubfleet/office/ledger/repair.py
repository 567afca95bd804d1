"""When the ledger's file is damaged: put it aside, so that a new one can begin.

Nothing is mended by guessing. Hubs and people's files do not depend on the ledger: the world is
observed anew, and only history is lost from `hubfleet history`; it stays in the file put aside.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from hubfleet.kit.clock import now
from hubfleet.kit.errors import failure
from hubfleet.office.ledger.place import FILE

_BESIDE = ("", "-wal", "-shm")


def damage(state: Path) -> str | None:
    """What is wrong with the file, in SQLite's words; None when it is sound or not there.

    Reads all of it: seconds for a large one.
    """
    file = state / FILE
    if not file.exists():
        return None
    try:
        with closing(sqlite3.connect(file, timeout=5)) as connection:
            (first,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.OperationalError as error:
        raise failure(
            "ledger-not-readable",
            "the ledger cannot be looked at",
            place=str(file),
            why=str(error),
            hint="see that no other program has it open and that this account may write there",
        ) from None
    except sqlite3.DatabaseError as error:
        return str(error)
    return None if first == "ok" else str(first)


def put_aside(state: Path) -> Path:
    """Rename the file and what SQLite keeps beside it; where it is now."""
    aside = state / f"{FILE}.damaged-{now():%Y%m%dT%H%M%SZ}"
    for end in _BESIDE:
        part = state / f"{FILE}{end}"
        if part.exists():
            part.rename(f"{aside}{end}")
    return aside

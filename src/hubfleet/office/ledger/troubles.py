"""What a database says when it cannot, in words that help."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import DatabaseError, InterfaceError

from hubfleet.kit.errors import HubfleetError, failure
from hubfleet.office.ledger.place import WAIT, LedgerPlace

_WRITE_LOCK = 120
"""The byte of the `-shm` file that a writer locks (https://sqlite.org/walformat.html)."""


@contextmanager
def in_plain_words(place: LedgerPlace) -> Iterator[None]:
    """Turn what a database raises into a known failure; what breaks its rules is a bug and stays.

    `journal-locked`, `journal-damaged` and `journal-not-written` are the codes that the port
    promises.
    """
    try:
        yield
    except (DatabaseError, InterfaceError) as error:
        known = _on_file(error, place) if place.file else _on_server(error, place)
        if known is None:
            raise
        raise known from None
    except OSError as error:
        raise _not_written(place, error.strerror or str(error)) from None


def _on_file(error: Exception, place: LedgerPlace) -> HubfleetError | None:
    cause = error.__cause__
    if not isinstance(cause, sqlite3.Error):
        return None
    code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return _locked(place, _holders(place.file))
    if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
        return failure(
            "journal-damaged",
            "the ledger is damaged",
            place=place.shown,
            why=str(cause),
            hint="`hubfleet history repair` keeps the damaged file aside and begins a new one: "
            "hubs are observed anew, only their history is lost; or put back a backup",
        )
    if code in {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_PERM,
    }:
        return _not_written(place, str(cause))
    return None


def _on_server(error: Exception, place: LedgerPlace) -> HubfleetError | None:
    state = getattr(error.__cause__, "sqlstate", None)
    if state in {"55P03", "57014"}:  # lock_not_available, query_canceled
        return _locked(place, [])
    if state is not None and not state.startswith(("08", "28", "3D", "42501", "53", "57", "25006")):
        return None
    said = str(error).strip().splitlines()
    return _not_written(place, said[0] if said else "the server does not answer")


def _locked(place: LedgerPlace, holders: list[str]) -> HubfleetError:
    by = ", ".join(holders) or "another program"
    return failure(
        "journal-locked",
        f"the ledger is locked by {by}",
        place=place.shown,
        why=f"it was not free again within {WAIT} seconds; nothing was written",
        hint="wait until that program has ended (a backup, a database browser), then try again",
    )


def _not_written(place: LedgerPlace, why: str) -> HubfleetError:
    return failure(
        "journal-not-written",
        "the ledger cannot be opened or written",
        place=place.shown,
        why=why,
        hint="see that the disk has room, that this account may write there, and, for a database "
        "server, that it runs; without the ledger nothing is changed",
    )


def _holders(file: Path | None) -> list[str]:
    """Who holds the write lock now, as far as this machine tells; `process 4242 (python3)`."""
    if file is None:
        return []
    try:
        inode = file.with_name(f"{file.name}-shm").stat().st_ino
        locks = Path("/proc/locks").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    pids = {
        pid for pid, at, first, last in map(_lock, locks) if at == inode and _covers(first, last)
    }
    return [f"process {pid} ({_program(pid)})" for pid in sorted(pids)]


def _lock(line: str) -> tuple[int, int, int, float]:
    """`1: POSIX ADVISORY WRITE 4242 fe:00:1311 120 120` as pid, inode, first and last byte."""
    words = line.replace("->", "").split()
    first, last = words[6], words[7]
    return (
        int(words[4]),
        int(words[5].rpartition(":")[2]),
        int(first),
        float("inf") if last == "EOF" else int(last),
    )


def _covers(first: int, last: float) -> bool:
    return first <= _WRITE_LOCK <= last


def _program(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip()
    except OSError:
        return "ended"

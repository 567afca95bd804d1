"""The hub database as a file: a consistent, checked copy while the hub works; schema; people.

JupyterHub's schema is named by a revision of alembic, its migration tool, in `alembic_version`.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_BUSY_SECONDS = 10.0
_DISK = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
}

_REVISION = re.compile(r"^(down_)?revision\s*=\s*(?:['\"](\w+)['\"]|None)", re.MULTILINE)


class DamagedDatabaseError(Exception):
    """A file that is no sound SQLite database; the text says what was found."""


@contextmanager
def opened(path: Path, *, writing: bool = False) -> Iterator[sqlite3.Connection]:
    """A connection to an existing database; raises FileNotFoundError, or sqlite3.Error.

    Also a reading one must be able to take back what a killed hub left half written.
    """
    if not path.is_file():
        raise FileNotFoundError(path)
    with closing(sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)) as database:
        if not writing:
            database.execute("PRAGMA query_only = on")
        yield database


def schema_of(path: Path) -> str:
    """The schema of a hub database, empty when there is none yet; raises DamagedDatabaseError."""
    try:
        with opened(path) as database:
            if not table_exists(database, "alembic_version"):
                return ""
            row = database.execute("SELECT version_num FROM alembic_version").fetchone()
            return str(row[0]) if row else ""
    except FileNotFoundError:
        return ""
    except sqlite3.DatabaseError as error:
        raise DamagedDatabaseError(str(error)) from error


@cache
def installed_schemas() -> tuple[str, ...]:
    """The installed JupyterHub's schemas from the newest back to the first; empty without one.

    Read from its migration scripts as text: importing them takes a second.
    """
    found = find_spec("jupyterhub")
    if found is None or found.origin is None:
        return ()
    before: dict[str, str] = {}
    for script in (Path(found.origin).parent / "alembic" / "versions").glob("*.py"):
        said = dict(_REVISION.findall(script.read_text(encoding="utf-8")))
        before[said[""]] = said.get("down_", "")
    (newest,) = set(before) - set(before.values())
    chain = [newest]
    while older := before.get(chain[-1]):
        chain.append(older)
    return tuple(chain)


def is_older_than_installed(schema: str) -> bool:
    """Whether the installed JupyterHub would have to migrate a database of this schema."""
    return schema in installed_schemas()[1:]


def migration_due(path: Path) -> tuple[str, str] | None:
    """The schemas now and after a start; None where a start migrates nothing.

    A damaged database is told where it does harm.
    """
    try:
        schema = schema_of(path)
    except (DamagedDatabaseError, OSError):
        return None
    return (schema, installed_schemas()[0]) if is_older_than_installed(schema) else None


def copy_database(source: Path, target: Path) -> None:
    """A consistent copy, also while a hub writes; synced to disk and checked.

    Raises DamagedDatabaseError, or OSError when it cannot be written. `target` must not exist.
    """
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    os.close(descriptor)
    try:
        with opened(source) as live, closing(sqlite3.connect(target)) as copy:
            # In one go: in parts it would begin anew whenever the hub writes. 100 MB take 0.3 s.
            live.backup(copy, sleep=0.02)
            # A copy of one file alone, whatever way of writing the hub has chosen.
            copy.execute("PRAGMA journal_mode = delete")
    except sqlite3.DatabaseError as error:
        if is_about_disk(error):
            raise OSError(f"the copy cannot be written: {error}") from error
        raise DamagedDatabaseError(str(error)) from error
    check(target)
    sync(target)


def check(path: Path) -> None:
    """Raise DamagedDatabaseError unless SQLite finds every page and index in order."""
    try:
        with opened(path) as database:
            found = [row[0] for row in database.execute("PRAGMA integrity_check(3)")]
    except (sqlite3.DatabaseError, FileNotFoundError) as error:
        raise DamagedDatabaseError(str(error)) from error
    if found != ["ok"]:
        raise DamagedDatabaseError("; ".join(found))


def sync(path: Path) -> None:
    """Have a file, or the names in a folder, on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def side_files(path: Path) -> tuple[Path, ...]:
    """What SQLite keeps beside a database; belongs to exactly that database and no other."""
    return tuple(path.with_name(path.name + ending) for ending in ("-wal", "-shm", "-journal"))


def people_of(path: Path) -> dict[str, Any]:
    """`{"users", "admins", "groups": {name: [user]}}`; empty lists where there is no database."""
    try:
        with opened(path) as database:
            if not table_exists(database, "users"):
                return {"users": [], "admins": [], "groups": {}}
            users = database.execute("SELECT name, admin FROM users ORDER BY name").fetchall()
            groups: dict[str, list[str]] = {
                name: [] for (name,) in database.execute("SELECT name FROM groups ORDER BY name")
            }
            for group, user in database.execute(
                "SELECT groups.name, users.name FROM user_group_map"
                " JOIN groups ON groups.id = group_id JOIN users ON users.id = user_id"
                " ORDER BY groups.name, users.name"
            ):
                groups[group].append(user)
    except FileNotFoundError:
        return {"users": [], "admins": [], "groups": {}}
    return {
        "users": [name for name, _ in users],
        "admins": [name for name, admin in users if admin],
        "groups": groups,
    }


def table_exists(database: sqlite3.Connection, name: str) -> bool:
    """Whether the database has such a table."""
    found = database.execute("SELECT 1 FROM sqlite_master WHERE type='table' AND name=?", (name,))
    return found.fetchone() is not None


def is_about_disk(error: sqlite3.DatabaseError) -> bool:
    """Whether the disk, or somebody who holds the file, is at fault and not the database."""
    # The low byte is the kind of the error, the rest its details.
    return (getattr(error, "sqlite_errorcode", 0) & 0xFF) in _DISK


def settle(path: Path) -> None:
    """Have a database that nobody uses be one file alone; raises DamagedDatabaseError."""
    try:
        with opened(path, writing=True) as database:
            database.execute("PRAGMA journal_mode = delete").fetchall()
    except sqlite3.DatabaseError as error:
        raise DamagedDatabaseError(str(error)) from error

"""What happened between snapshot and rollback, carried over into the snapshot's database.

Rows are the same when their names are, not when their numbers are: SQLite gives the number of a
deleted row to the next one. So each table is walked after those that it points at, and numbers are
translated on the way. Of rows that both know the snapshot's stay, but for those of people whose
server runs: how to reach it is true as it is now. What has no place in the older schema is left.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from hubfleet.platforms.local.snapshots.database import is_about_disk, opened, table_exists

Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class _Table:
    """`names` tell one row from another; `points_at` are columns that hold numbers of a table."""

    name: str
    names: tuple[str, ...]
    points_at: dict[str, str] = field(default_factory=dict)
    required: tuple[str, ...] = ()


_TABLES = (
    _Table("users", ("name",)),
    _Table("groups", ("name",)),
    _Table("oauth_clients", ("identifier",)),
    _Table("servers", ("base_url", "ip", "port")),
    _Table("spawners", ("user_id", "name"), {"user_id": "users", "server_id": "servers"}),
    _Table("api_tokens", ("hashed",), {"user_id": "users"}, required=("user_id",)),
    _Table("user_group_map", ("user_id", "group_id"), {"user_id": "users", "group_id": "groups"}),
)
"""What people have. Roles and services come from the configuration at each start; one-time codes
live for a minute."""


@dataclass(frozen=True, slots=True)
class Merged:
    """What became of the rows that differ; names of people, sorted.

    `unread` says why nothing could be taken from the present database; empty when it could.
    """

    added: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    deleted_since: tuple[str, ...] = ()
    tokens_added: int = 0
    tokens_revoked: int = 0
    unread: str = ""


def merge(target: Path, present: Path, running: Collection[str]) -> Merged:
    """Carry people, group memberships, tokens and running servers of `present` over to `target`.

    `running` are the people whose server runs. All or nothing: `target` is as it was when `present`
    cannot be read, and the result says so. Raises sqlite3.Error when the disk is full, or when
    somebody else holds one of them.
    """
    with opened(target, writing=True) as database:
        # A row that would point at nothing is refused by itself, not the whole.
        database.execute("PRAGMA foreign_keys = on")
        try:
            with opened(present) as newer:
                return _in_one_go(database, newer, running)
        except FileNotFoundError:
            return Merged(unread="there is no database")
        except sqlite3.DatabaseError as error:
            if is_about_disk(error):
                raise
            return Merged(unread=str(error))


def _in_one_go(
    database: sqlite3.Connection, newer: sqlite3.Connection, running: Collection[str]
) -> Merged:
    newer.execute("BEGIN")
    database.execute("BEGIN IMMEDIATE")
    try:
        merged = _Merge(database, newer, running).run()
    except BaseException:
        database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")
    return merged


class _Merge:
    def __init__(
        self, older: sqlite3.Connection, newer: sqlite3.Connection, running: Collection[str]
    ) -> None:
        self.older = older
        self.newer = newer
        self.running = set(running)
        self.numbers: dict[str, dict[object, object]] = {}

    def run(self) -> Merged:
        before, now = _names(self.older), _names(self.newer)
        revoked = self._revoke()
        tokens = 0
        for table in _TABLES:
            added = self._carry(table)
            tokens += added if table.name == "api_tokens" else 0
        after = _names(self.older)
        return Merged(
            added=tuple(sorted(after - before)),
            left_out=tuple(sorted(now - after)),
            deleted_since=tuple(sorted(before - now)),
            tokens_added=tokens,
            tokens_revoked=revoked,
        )

    def _revoke(self) -> int:
        """Take out tokens that are gone since: what was revoked must not come back to life.

        When none at all is left, the migration dropped them (those to JupyterHub 2 did), which
        nobody decided.
        """
        if not table_exists(self.newer, "api_tokens"):
            return 0
        there = {hashed for (hashed,) in self.newer.execute("SELECT hashed FROM api_tokens")}
        known = [hashed for (hashed,) in self.older.execute("SELECT hashed FROM api_tokens")]
        gone = [hashed for hashed in known if hashed not in there]
        if len(gone) == len(known):
            return 0
        self.older.executemany("DELETE FROM api_tokens WHERE hashed = ?", [(one,) for one in gone])
        return len(gone)

    def _carry(self, table: _Table) -> int:
        """Add what is new in one table, and bring up to date what belongs to a running server."""
        if not (table_exists(self.newer, table.name) and table_exists(self.older, table.name)):
            return 0
        columns = _columns(self.older, table.name)
        numbered = "id" in columns
        numbers = self.numbers.setdefault(table.name, {})
        known = {_key(table, row): row for row in _rows(self.older, table.name)}
        taken = {row["id"] for row in known.values()} if numbered else set()
        added = 0
        for row in _rows(self.newer, table.name):
            number, translated = row.get("id"), self._translate(table, row)
            if translated is None:
                continue
            values = {name: value for name, value in translated.items() if name in columns}
            same = known.get(_key(table, values))
            if same is not None:
                numbers[number] = same.get("id")
                if self._is_of_a_running_server(table, row):
                    self._update(table, {**values, "id": same["id"]})
                continue
            if numbered and values["id"] in taken:
                values.pop("id")
            inserted = self._insert(table, values)
            if inserted is None:
                continue
            added += 1
            taken.add(inserted)
            numbers[number] = inserted
        return added

    def _translate(self, table: _Table, row: Row) -> Row | None:
        """The row in the older database's numbers; None when what it points at is missing."""
        if any(row.get(column) is None for column in table.required):
            return None
        translated = dict(row)
        for column, other in table.points_at.items():
            value = row.get(column)
            if value is not None:
                translated[column] = self.numbers.get(other, {}).get(value)
                if translated[column] is None:
                    return None
        return translated

    def _is_of_a_running_server(self, table: _Table, row: Row) -> bool:
        if table.name == "spawners":
            return self._owner(row["user_id"]) in self.running
        if table.name == "oauth_clients":
            found = self.newer.execute(
                "SELECT user_id FROM spawners WHERE oauth_client_id = ?", (row["identifier"],)
            ).fetchone()
            return found is not None and self._owner(found[0]) in self.running
        return False

    def _owner(self, number: object) -> str:
        found = self.newer.execute("SELECT name FROM users WHERE id = ?", (number,)).fetchone()
        return str(found[0]) if found else ""

    def _insert(self, table: _Table, values: Row) -> object:
        """The new row's number; None when the older schema has no place for it."""
        names = ", ".join(f'"{name}"' for name in values)
        marks = ", ".join("?" for _ in values)
        try:
            done = self.older.execute(
                f'INSERT INTO "{table.name}" ({names}) VALUES ({marks})',  # noqa: S608, ours
                list(values.values()),
            )
        except sqlite3.IntegrityError:
            return None
        return done.lastrowid

    def _update(self, table: _Table, values: Row) -> None:
        names = ", ".join(f'"{name}" = :{name}' for name in values)
        self.older.execute(f'UPDATE "{table.name}" SET {names} WHERE id = :id', values)  # noqa: S608, ours


def _key(table: _Table, row: Row) -> tuple[object, ...]:
    return tuple(row[name] for name in table.names)


def _rows(database: sqlite3.Connection, table: str) -> Iterator[Row]:
    found = database.execute(f'SELECT * FROM "{table}"')  # noqa: S608, ours
    names = [column[0] for column in found.description]
    # All at once: a table of a hub is small, and the other database is asked in between.
    yield from (dict(zip(names, row, strict=True)) for row in found.fetchall())


def _columns(database: sqlite3.Connection, table: str) -> set[str]:
    return {row[1] for row in _info(database, table)}


def _info(database: sqlite3.Connection, table: str) -> Iterable[tuple[int, str]]:
    return database.execute(f'PRAGMA table_info("{table}")')


def _names(database: sqlite3.Connection) -> set[str]:
    return {str(name) for (name,) in database.execute("SELECT name FROM users")}

"""A hub's database without what only its own hub may know, and its people put into another one.

Tokens, cookies, the state of sign-ins and of running servers are secrets or mean nothing elsewhere.
The copy is written anew (`VACUUM INTO`): nothing that was deleted is left in its free pages, and
equal people give equal bytes.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable, Collection
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from hubfleet.fleet.fields import PROBE_USER
from hubfleet.platforms.local.snapshots.database import (
    DamagedDatabaseError,
    check,
    copy_database,
    installed_schemas,
    opened,
    people_of,
    schema_of,
    table_exists,
)

OURS = ("probe", "probed", "office", "metrics", "culler")
"""Roles that hubfleet gives its own services at every start."""

_EMPTIED = ("api_tokens", "oauth_codes", "share_codes", "services", "service_role_map")
_OF_ROLES = ("user_role_map", "group_role_map", "service_role_map")
_OF_USERS = ("user_role_map", "user_group_map", "spawners")
_TEXTS = {
    "groups": ("properties",),
    "roles": ("description",),
    "spawners": ("user_options", "display_name"),
}

Strange = Callable[..., bool]
"""Whether a text names somebody who stays behind; with `name=True` for names of people, which may
be anybody's name, too.
"""


def stripped_copy(
    source: Path, target: Path, *, without: Collection[str] = (), strange: Strange
) -> dict[str, Any]:
    """Write `target`, and say who is in it: `{"users", "admins", "groups", "roles"}`.

    `without` are accounts that stay behind; `strange` tells texts that must not leave. A hub may
    go on writing meanwhile. Raises DamagedDatabaseError or OSError; then there is no target.
    """
    aside = target.with_name(f".{target.name}.copy")
    made = target.with_name(f".{target.name}.new")
    for path in (aside, made):
        path.unlink(missing_ok=True)
    try:
        copy_database(source, aside)
        with closing(sqlite3.connect(aside, isolation_level=None)) as database:
            database.execute("PRAGMA secure_delete = on")
            database.execute("BEGIN")
            _strip(database, {PROBE_USER, *without}, strange)
            database.execute("COMMIT")
            database.execute("VACUUM INTO ?", (str(made),))
        check(made)
        made.chmod(0o600)
        made.rename(target)
        return everybody(target)
    except sqlite3.DatabaseError as error:
        raise DamagedDatabaseError(str(error)) from None
    finally:
        for path in (aside, made):
            path.unlink(missing_ok=True)


def everybody(path: Path) -> dict[str, Any]:
    """Users, admins, groups, and who has which role beside the one for everybody."""
    people = people_of(path)
    roles: dict[str, list[str]] = {}
    with suppress(FileNotFoundError), opened(path) as database:
        if table_exists(database, "user_role_map"):
            for role, user in database.execute(
                "SELECT roles.name, users.name FROM user_role_map"
                " JOIN roles ON roles.id = role_id JOIN users ON users.id = user_id"
                " WHERE roles.name NOT IN ('user', 'admin') ORDER BY roles.name, users.name"
            ):
                roles.setdefault(role, []).append(user)
    return {**people, "roles": roles}


def _strip(database: sqlite3.Connection, without: Collection[str], strange: Strange) -> None:
    tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
    for table in _EMPTIED:
        if table in tables:
            database.execute(f'DELETE FROM "{table}"')  # noqa: S608, ours
    _without_people(database, without, strange)
    _without_names(database, "groups", ("user_group_map", "group_role_map"), "group_id", strange)
    roles = [
        number
        for number, name in database.execute("SELECT id, name FROM roles")
        if name in OURS or strange(str(name))
    ]
    _delete(database, "roles", roles, ((table, "role_id") for table in _OF_ROLES))
    database.execute("UPDATE spawners SET server_id = NULL, state = NULL, oauth_client_id = NULL")
    database.execute("UPDATE spawners SET started = NULL")
    database.execute("DELETE FROM servers")
    database.execute("DELETE FROM oauth_clients")
    # The id is part of every session's cookie: a new one is made where the copy is put.
    database.execute("UPDATE users SET encrypted_auth_state = NULL, state = NULL")
    database.execute("UPDATE users SET cookie_id = 'supply-' || id")
    if "user_info" in _columns(database, "users"):
        database.execute("UPDATE users SET user_info = NULL")
    _blank_texts(database, strange)
    if "shares" in tables:
        database.execute(
            "DELETE FROM shares WHERE owner_id NOT IN (SELECT id FROM users)"
            " OR spawner_id NOT IN (SELECT id FROM spawners)"
            " OR user_id NOT IN (SELECT id FROM users)"
            " OR group_id NOT IN (SELECT id FROM groups)"
        )


def _without_people(
    database: sqlite3.Connection, without: Collection[str], strange: Strange
) -> None:
    numbers = [
        number
        for number, name in database.execute("SELECT id, name FROM users")
        if name in without or strange(str(name), name=True)
    ]
    _delete(database, "users", numbers, ((table, "user_id") for table in _OF_USERS))


def _without_names(
    database: sqlite3.Connection,
    table: str,
    maps: tuple[str, ...],
    column: str,
    strange: Strange,
) -> None:
    numbers = [
        number
        for number, name in database.execute(f'SELECT id, name FROM "{table}"')  # noqa: S608, ours
        if strange(str(name))
    ]
    _delete(database, table, numbers, ((one, column) for one in maps))


def _delete(database: sqlite3.Connection, table: str, numbers: list[int], maps: Any) -> None:
    told = list(maps)
    for number in numbers:
        for other, column in told:
            if table_exists(database, other):
                database.execute(f'DELETE FROM "{other}" WHERE {column} = ?', (number,))  # noqa: S608, ours
        database.execute(f'DELETE FROM "{table}" WHERE id = ?', (number,))  # noqa: S608, ours


def _blank_texts(database: sqlite3.Connection, strange: Strange) -> None:
    for table, columns in _TEXTS.items():
        known = _columns(database, table)
        for column in columns:
            if column not in known:
                continue
            select = f'SELECT id, {column} FROM "{table}"'  # noqa: S608, ours
            clear = f'UPDATE "{table}" SET {column} = NULL WHERE id = ?'  # noqa: S608, ours
            for number, text in database.execute(select).fetchall():
                if text and strange(str(text)):
                    database.execute(clear, (number,))


def _columns(database: sqlite3.Connection, table: str) -> set[str]:
    return {row[1] for row in database.execute(f'PRAGMA table_info("{table}")')}


def put(source: Path, target: Path, renamed: Callable[[str], str]) -> dict[str, int]:
    """Have the people of `source` in the database `target`: all of it where there is none yet,
    else those that it lacks, with their groups.

    `renamed` says what people are called here. Says how many were added and were there already.
    The hub must be down. The second call adds nobody. Raises DamagedDatabaseError.
    """
    check(source)
    schema = schema_of(source)
    if installed_schemas() and schema not in installed_schemas():
        raise DamagedDatabaseError(f"its schema {schema[:40]!r} is not one of JupyterHub")
    if not target.exists():
        aside = target.with_name(f".{target.name}.new")
        aside.unlink(missing_ok=True)
        copy_database(source, aside)
        with closing(sqlite3.connect(aside)) as database:
            added = _freshen(database, renamed)
            database.commit()
        aside.rename(target)
        return {"added": added, "there": 0}
    with opened(source) as theirs, opened(target, writing=True) as ours:
        ours.execute("BEGIN IMMEDIATE")
        try:
            merged = _merge(theirs, ours, renamed)
        except BaseException:
            ours.execute("ROLLBACK")
            raise
        ours.execute("COMMIT")
    return merged


def _freshen(database: sqlite3.Connection, renamed: Callable[[str], str]) -> int:
    found = database.execute("SELECT id, name FROM users").fetchall()
    for number, name in found:
        database.execute(
            "UPDATE users SET cookie_id = ?, name = ? WHERE id = ?",
            (secrets.token_hex(16), renamed(str(name)), number),
        )
    return len(found)


def _merge(
    theirs: sqlite3.Connection, ours: sqlite3.Connection, renamed: Callable[[str], str]
) -> dict[str, int]:
    """People and groups by name; who is here already keeps what they have."""
    known = {name for (name,) in ours.execute("SELECT name FROM users")}
    counted = {"added": 0, "there": 0}
    for name, admin, created in theirs.execute("SELECT name, admin, created FROM users"):
        here = renamed(str(name))
        if here in known:
            counted["there"] += 1
            continue
        counted["added"] += 1
        ours.execute(
            "INSERT INTO users (name, admin, created, cookie_id) VALUES (?, ?, ?, ?)",
            (here, admin, created, secrets.token_hex(16)),
        )
    pairs = theirs.execute(
        "SELECT groups.name, users.name FROM user_group_map JOIN groups ON groups.id = group_id"
        " JOIN users ON users.id = user_id"
    ).fetchall()
    for (group,) in theirs.execute("SELECT name FROM groups"):
        ours.execute("INSERT OR IGNORE INTO groups (name, properties) VALUES (?, '{}')", (group,))
    for group, name in pairs:
        ours.execute(
            "INSERT OR IGNORE INTO user_group_map (user_id, group_id) SELECT users.id, groups.id"
            " FROM users, groups WHERE users.name = ? AND groups.name = ?",
            (renamed(str(name)), group),
        )
    return counted

"""Rows written without Django's machinery around a save, which costs several times as much.

A rollout writes some rows for each hub, and 40 hubs at once wait for one thread. Only the values
that a database keeps in another shape are prepared; constraints and triggers are its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper

from hubfleet.office.ledger.models import Act, Kept


def insert(alias: str, model: type[Kept], facts: Mapping[str, Any]) -> None:
    """Add a row. `facts` are by column; those that may be NULL can be left out."""
    connection = connections[alias]
    with connection.cursor() as cursor:
        cursor.execute(_insert(model, tuple(facts)), _prepared(model, facts, connection))


def end_act(alias: str, rollout: str, hub: str, action: str, outcome: Mapping[str, Any]) -> bool:
    """Fill in the outcome of the newest act of that kind without one; False where none is open."""
    connection = connections[alias]
    values = _prepared(Act, outcome, connection)
    with connection.cursor() as cursor:
        cursor.execute(_end_act(tuple(outcome)), [*values, rollout, hub, action])
        return bool(cursor.rowcount)


def _prepared(
    model: type[Kept], facts: Mapping[str, Any], connection: BaseDatabaseWrapper
) -> list[Any]:
    moments, structures = _shapes(model)
    values = []
    for name, value in facts.items():
        if name in moments:
            values.append(connection.ops.adapt_datetimefield_value(value))
        elif name in structures:
            values.append(connection.ops.adapt_json_value(storable(value), None))
        else:
            values.append(storable(value))
    return values


def storable(value: Any) -> Any:
    """The value with no text that a database refuses: NUL, and halves of characters, which logs
    and programs that died may have left in a note.
    """
    if isinstance(value, str):
        if value.isascii() and "\0" not in value:
            return value
        return value.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {storable(key): storable(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [storable(inner) for inner in value]
    return value


@cache
def _shapes(model: type[Kept]) -> tuple[frozenset[str], frozenset[str]]:
    """Which columns hold moments, and which hold JSON."""
    fields = model._meta.concrete_fields
    return (
        frozenset(one.attname for one in fields if isinstance(one, models.DateTimeField)),
        frozenset(one.attname for one in fields if isinstance(one, models.JSONField)),
    )


@cache
def _insert(model: type[Kept], columns: tuple[str, ...]) -> str:
    names, marks = ", ".join(f'"{name}"' for name in columns), ", ".join("%s" for _ in columns)
    return f'INSERT INTO "{model._meta.db_table}" ({names}) VALUES ({marks})'  # noqa: S608


@cache
def _end_act(names: tuple[str, ...]) -> str:
    changes = ", ".join(f'"{name}" = %s' for name in names)
    return (
        f"UPDATE ledger_act SET {changes} WHERE id = ("  # noqa: S608
        "SELECT id FROM ledger_act WHERE rollout_id = %s AND hub = %s AND action = %s "
        "AND ended_at IS NULL ORDER BY id DESC LIMIT 1)"
    )

"""Rows written without Django's machinery around a save, which costs three times as much.

A rollout writes some rows for each hub, and 40 hubs at once wait for one thread. The fields still
prepare their values; constraints and triggers are the database's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from django.db import connections, models

from hubfleet.office.ledger.models import Act, Kept


def insert(row: Kept, alias: str) -> None:
    """Add a row whose primary key is the database's to give, or already set."""
    connection = connections[alias]
    own = row.pk is not None
    with connection.cursor() as cursor:
        cursor.execute(
            _insert(type(row), own),
            [
                field.get_db_prep_save(getattr(row, field.attname), connection)
                for field in _fields(type(row), own)
            ],
        )


def end_act(alias: str, rollout: str, hub: str, action: str, outcome: Mapping[str, Any]) -> bool:
    """Fill in the outcome of the newest act of that kind without one; False where none is open."""
    connection = connections[alias]
    fields = {field.attname: field for field in Act._meta.concrete_fields}
    values = [fields[name].get_db_prep_save(value, connection) for name, value in outcome.items()]
    with connection.cursor() as cursor:
        cursor.execute(_end_act(tuple(outcome)), [*values, rollout, hub, action])
        return bool(cursor.rowcount)


@cache
def _fields(model: type[Kept], own: bool) -> list[models.Field[Any, Any]]:
    return [field for field in model._meta.concrete_fields if own or not field.primary_key]


@cache
def _insert(model: type[Kept], own: bool) -> str:
    columns = [field.column for field in _fields(model, own)]
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

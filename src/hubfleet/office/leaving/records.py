"""What the office itself remembers of a hub, by kind: what goes with it, and what may stay.

Rooms are named by their tables and not imported, so that one that is not installed is passed by.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from django.apps import apps
from django.db.models import QuerySet

from hubfleet.office.identity.ending import forget_client

Fate = Literal["delete", "keep-for-a-while", "keep"]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of one table that name a hub in `column`."""

    kind: str
    model: str
    """`app_label.Model`."""
    column: str = "hub"
    day: str = ""
    """The column of the row's day, where a later hub of the same name may have rows of its own."""


ACCESS, CLIENT, SEEN = "access", "oauth-client", "observations"
AGGREGATES, OPERATORS = "aggregates", "operators-record"

FATES: dict[str, Fate] = {
    ACCESS: "delete",
    CLIENT: "delete",
    SEEN: "delete",
    AGGREGATES: "keep-for-a-while",
    OPERATORS: "keep",
}

TABLES: tuple[Table, ...] = (
    Table(ACCESS, "accounts.Membership"),
    Table(ACCESS, "accounts.Invitation"),
    Table(ACCESS, "identity.Visit"),
    Table(CLIENT, "oauth2_provider.Application", "client_id"),
    Table(SEEN, "watching.Sighting"),
    Table(SEEN, "watching.ProbeRecord"),
    Table(SEEN, "watching.Turn"),
    Table(AGGREGATES, "watching.HubDay", day="day"),
    Table(OPERATORS, "audit.Entry"),
    Table(OPERATORS, "ledger.Revision"),
    Table(OPERATORS, "ledger.Act"),
    Table(OPERATORS, "ledger.Settlement"),
    Table(OPERATORS, "ledger.Judgement"),
    Table(OPERATORS, "changes.Change"),
)
"""Whoever adds a table that names hubs adds its row here; a test asks for it."""


def rows(table: Table, hub: str) -> QuerySet[Any]:
    """All rows about the hub."""
    found: QuerySet[Any] = apps.get_model(table.model)._default_manager.filter(
        **{table.column: hub}
    )
    return found


def installed() -> list[Table]:
    """The tables of rooms that are there."""
    labels = {config.label for config in apps.get_app_configs()}
    return [table for table in TABLES if table.model.partition(".")[0] in labels]


def counted(hub: str) -> dict[str, dict[str, int]]:
    """Rows by kind and table."""
    found: dict[str, dict[str, int]] = {kind: {} for kind in FATES}
    for table in installed():
        found[table.kind][table.model] = rows(table, hub).count()
    return found


def delete(hub: str, fate: Fate, until: date) -> int:
    """Delete the rows of all kinds with this fate; how many. `until` is the day on which the hub
    was gone: what is of a later day is another hub's.
    """
    deleted = 0
    if fate == "delete":
        forget_client(hub)
    for table in installed():
        if FATES[table.kind] == fate:
            found = rows(table, hub)
            if table.day:
                found = found.filter(**{f"{table.day}__lte": until})
            deleted += found.delete()[0]
    return deleted

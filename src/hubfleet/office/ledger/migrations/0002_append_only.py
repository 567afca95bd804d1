"""The database itself refuses to change or delete what has ended, whoever asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import migrations

WRITTEN_ONCE = ("beginning", "judgement", "settlement", "revision")
UNTIL_ENDED = ("rollout", "act")

_FUNCTION = """
CREATE FUNCTION ledger_keeps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger keeps what has ended'
        USING ERRCODE = 'integrity_constraint_violation';
END $$
"""


def sqlite() -> Iterator[str]:
    for name in (*WRITTEN_ONCE, *UNTIL_ENDED):
        when = "WHEN OLD.ended_at IS NOT NULL" if name in UNTIL_ENDED else ""
        for event, condition in (("UPDATE", when), ("DELETE", "")):
            yield (
                f"CREATE TRIGGER ledger_{name}_{event.lower()} BEFORE {event} ON ledger_{name} "
                f"{condition} BEGIN SELECT RAISE(ABORT, 'the ledger keeps what has ended'); END"
            )


def postgresql() -> Iterator[str]:
    yield _FUNCTION
    for name in (*WRITTEN_ONCE, *UNTIL_ENDED):
        when = "WHEN (OLD.ended_at IS NOT NULL)" if name in UNTIL_ENDED else ""
        for event, each in (
            ("UPDATE", f"FOR EACH ROW {when}"),
            ("DELETE", "FOR EACH ROW"),
            ("TRUNCATE", "FOR EACH STATEMENT"),
        ):
            yield (
                f"CREATE TRIGGER ledger_{name}_{event.lower()} BEFORE {event} ON ledger_{name} "
                f"{each} EXECUTE FUNCTION ledger_keeps()"
            )


def forbid_changes(_apps: Any, editor: Any) -> None:
    statements = postgresql() if editor.connection.vendor == "postgresql" else sqlite()
    for statement in statements:
        editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_initial")]
    operations = [migrations.RunPython(forbid_changes)]

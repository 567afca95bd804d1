"""The database itself refuses to change or delete an entry, whoever asks for it."""

from __future__ import annotations

from typing import Any

from django.db import migrations

_WORDS = "the record of acts only grows"

_FUNCTION = f"""
CREATE FUNCTION audit_keeps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '{_WORDS}' USING ERRCODE = 'integrity_constraint_violation';
END $$
"""


def forbid_changes(_apps: Any, editor: Any) -> None:
    if editor.connection.vendor == "postgresql":
        editor.execute(_FUNCTION)
        for event, each in (("UPDATE", "ROW"), ("DELETE", "ROW"), ("TRUNCATE", "STATEMENT")):
            editor.execute(
                f"CREATE TRIGGER audit_entry_{event.lower()} BEFORE {event} ON audit_entry "
                f"FOR EACH {each} EXECUTE FUNCTION audit_keeps()"
            )
        return
    for event in ("UPDATE", "DELETE"):
        editor.execute(
            f"CREATE TRIGGER audit_entry_{event.lower()} BEFORE {event} ON audit_entry "
            f"BEGIN SELECT RAISE(ABORT, '{_WORDS}'); END"
        )


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]
    operations = [migrations.RunPython(forbid_changes)]

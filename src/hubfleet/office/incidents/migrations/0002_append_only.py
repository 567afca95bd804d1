"""The database itself refuses to change or delete a line of a timeline, whoever asks for it."""

from __future__ import annotations

from typing import Any

from django.db import migrations

_WORDS = "the timeline of an incident only grows"

_FUNCTION = f"""
CREATE FUNCTION incidents_keeps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '{_WORDS}' USING ERRCODE = 'integrity_constraint_violation';
END $$
"""


def forbid_changes(_apps: Any, editor: Any) -> None:
    if editor.connection.vendor == "postgresql":
        editor.execute(_FUNCTION)
        for event, each in (("UPDATE", "ROW"), ("DELETE", "ROW"), ("TRUNCATE", "STATEMENT")):
            editor.execute(
                f"CREATE TRIGGER incidents_entry_{event.lower()} BEFORE {event} "
                f"ON incidents_entry FOR EACH {each} EXECUTE FUNCTION incidents_keeps()"
            )
        return
    for event in ("UPDATE", "DELETE"):
        editor.execute(
            f"CREATE TRIGGER incidents_entry_{event.lower()} BEFORE {event} ON incidents_entry "
            f"BEGIN SELECT RAISE(ABORT, '{_WORDS}'); END"
        )


class Migration(migrations.Migration):
    dependencies = [("incidents", "0001_initial")]
    operations = [migrations.RunPython(forbid_changes)]

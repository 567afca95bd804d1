"""The database itself refuses to rename or delete an account, whoever asks for it.

Homes on the hubs are named after logins: a renamed or re-used one would open somebody's files.
"""

from __future__ import annotations

from typing import Any

from django.db import migrations

_WORDS = "an account keeps its login for ever"

_FUNCTION = f"""
CREATE FUNCTION accounts_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '{_WORDS}' USING ERRCODE = 'integrity_constraint_violation';
END $$
"""


def forbid_changes(_apps: Any, editor: Any) -> None:
    renamed = "NEW.login <> OLD.login OR NEW.id <> OLD.id"
    if editor.connection.vendor == "postgresql":
        editor.execute(_FUNCTION)
        for event, when in (("UPDATE", f"WHEN ({renamed})"), ("DELETE", "")):
            editor.execute(
                f"CREATE TRIGGER accounts_person_{event.lower()} BEFORE {event} "
                f"ON accounts_person FOR EACH ROW {when} EXECUTE FUNCTION accounts_keep()"
            )
        return
    for event, when in (("UPDATE", f"WHEN {renamed}"), ("DELETE", "")):
        editor.execute(
            f"CREATE TRIGGER accounts_person_{event.lower()} BEFORE {event} "
            f"ON accounts_person {when} BEGIN SELECT RAISE(ABORT, '{_WORDS}'); END"
        )


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]
    operations = [migrations.RunPython(forbid_changes)]

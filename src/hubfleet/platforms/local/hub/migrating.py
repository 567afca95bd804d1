"""Bringing the database of an older JupyterHub to the installed one's schema, all or nothing.

A copy is migrated aside and takes the database's place when it is whole: a migration that fails or
is killed half way leaves the database as it was. There must be a snapshot to go back to.
"""

from __future__ import annotations

import logging
import re
import subprocess
import sys

from hubfleet.platforms.local.folders import HubFolder
from hubfleet.platforms.local.snapshots import database, shelf

_ERROR = re.compile(r"[\w.]+(?:Error|Exception)\b")


def migrate_if_needed(folder: HubFolder, log: logging.Logger) -> None:
    """Raises SystemExit, after an error in the log, when the hub must not start."""
    try:
        schema = database.schema_of(folder.database)
        if database.is_older_than_installed(schema):
            _migrate(folder, schema, log)
    except (database.DamagedDatabaseError, OSError) as error:
        log.error("The database of %s cannot be used: %s", folder.name, error)
        raise SystemExit(1) from None


def _migrate(folder: HubFolder, schema: str, log: logging.Logger) -> None:
    newest = database.installed_schemas()[0]
    if not any(kept.what.database_schema == schema for kept in shelf.all_of(folder)):
        log.error(
            "The database must be migrated from schema %s to %s, and there is no snapshot to go "
            "back to. Run `hubfleet apply`, which makes one.",
            schema,
            newest,
        )
        raise SystemExit(1)
    copy = folder.path / ".hub.sqlite.migrating"
    for path in (copy, *database.side_files(copy)):
        path.unlink(missing_ok=True)
    database.copy_database(folder.database, copy)
    log.info("Migrating the database from schema %s to %s", schema, newest)
    failed = _upgrade(copy)
    if failed or database.schema_of(copy) != newest:
        copy.unlink()
        log.error(
            "The migration of the database from schema %s to %s failed, it is as it was: %s",
            schema,
            newest,
            failed or "the new schema was not reached",
        )
        raise SystemExit(1)
    database.check(copy)
    database.sync(copy)
    database.settle(folder.database)
    copy.replace(folder.database)
    database.sync(folder.path)


def _upgrade(copy: object) -> str:
    """Run JupyterHub's migrations on a database; what went wrong in a line, or nothing.

    In a process of its own, because old migrations change JupyterHub's classes.
    """
    from jupyterhub.dbutil import _temp_alembic_ini

    with _temp_alembic_ini(f"sqlite:///{copy}") as settings:
        command = [sys.executable, "-P", "-m", "alembic", "-c", settings, "upgrade", "head"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if not done.returncode:
        return ""
    said = done.stderr.strip().splitlines()
    errors = [line for line in said if _ERROR.match(line)]
    return (errors or said or [f"exit code {done.returncode}"])[-1]

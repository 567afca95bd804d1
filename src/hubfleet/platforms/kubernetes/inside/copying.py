"""Write a consistent copy of ./jupyterhub.sqlite to the output, or only name its schema.

Ends with 3 where there is no database, with 4 where it is damaged; the schema goes to the errors'
channel as `schema=...`.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
from pathlib import Path

DATABASE = Path("jupyterhub.sqlite")


def schema(database: sqlite3.Connection) -> str:
    found = database.execute(
        "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'alembic_version'"
    ).fetchone()
    row = found and database.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else ""


def copied(folder: Path) -> tuple[bytes, str]:
    source = sqlite3.connect(f"file:{DATABASE}?mode=rw", uri=True, timeout=30)
    copy = sqlite3.connect(folder / "copy")
    try:
        source.backup(copy)
        (sound,) = copy.execute("PRAGMA integrity_check(1)").fetchone()
        if sound != "ok":
            raise sqlite3.DatabaseError(sound)
        said = schema(copy)
    finally:
        copy.close()
        source.close()
    return (folder / "copy").read_bytes(), said


def main(only_schema: bool) -> int:
    if not DATABASE.exists() or not DATABASE.stat().st_size:
        return 3
    try:
        with tempfile.TemporaryDirectory() as folder:
            data, said = copied(Path(folder))
    except sqlite3.DatabaseError as error:
        sys.stderr.write(str(error))
        return 4
    if not only_schema:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    sys.stderr.write(f"schema={said}")
    return 0


sys.exit(main(sys.argv[1:] == ["schema"]))

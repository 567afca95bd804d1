"""Put the database that comes in by the input in the place of ./jupyterhub.sqlite.

The hub must be down. The old one stays as jupyterhub.sqlite.before-rollback, one of them.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from pathlib import Path

DATABASE = Path("jupyterhub.sqlite")
NEW = Path("jupyterhub.sqlite.new")
BEFORE = Path("jupyterhub.sqlite.before-rollback")
ENDS = ("-journal", "-wal", "-shm")


def check() -> None:
    database = sqlite3.connect(NEW)
    try:
        (sound,) = database.execute("PRAGMA integrity_check(1)").fetchone()
    finally:
        database.close()
    if sound != "ok":
        raise sqlite3.DatabaseError(sound)


def main() -> int:
    with NEW.open("wb") as file:
        file.write(sys.stdin.buffer.read())
        file.flush()
        os.fsync(file.fileno())
    try:
        check()
    except sqlite3.DatabaseError as error:
        NEW.unlink()
        sys.stderr.write(str(error))
        return 4
    for end in ENDS:
        Path(f"{BEFORE}{end}").unlink(missing_ok=True)
    # What a killed hub left half written belongs to the old file.
    for end in ("", *ENDS):
        if Path(f"{DATABASE}{end}").exists():
            Path(f"{DATABASE}{end}").replace(f"{BEFORE}{end}")
    NEW.replace(DATABASE)
    return 0


sys.exit(main())

"""A look into the console's database file without Django, which costs a second."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path


def accounts_in(file: Path) -> int | None:
    """1 when there are accounts, 0 when there is none; None when the console made no tables yet."""
    return _rows_in(file, "SELECT 1 FROM accounts_person LIMIT 1")


def has_use(file: Path) -> bool:
    """Whether a console ever measured use here."""
    return bool(_rows_in(file, "SELECT 1 FROM usage_useday LIMIT 1"))


def _rows_in(file: Path, query: str) -> int | None:
    if not file.is_file():
        return None
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
        try:
            return len(database.execute(query).fetchall())
        except sqlite3.Error:
            return None

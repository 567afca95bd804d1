"""Rows of use as files: CSV by the standard library, Parquet by DuckDB."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubfleet.kit.errors import failure
from hubfleet.office.usage.shapes import Numbers

if TYPE_CHECKING:
    from collections.abc import Iterator

_COUNTED = ("users", "billed_users", "most_users_of_a_day", "most_users_of_a_week", "sessions")
_WHOLE = (*_COUNTED, "peak", "starts", "failed", "rejected")


def as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """With a line of names; what is hidden or not known is empty."""
    text = StringIO()
    writer = csv.DictWriter(text, _names(rows), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Replaces the file at once, or leaves it as it was."""
    with _replacing(path) as made:
        made.write_text(as_csv(rows), encoding="utf-8")


def write_parquet(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """The same rows, typed: days as dates, counts as integers. Raises `parquet-not-installed`."""
    try:
        duckdb: Any = import_module("duckdb")
    except ImportError:
        raise failure(
            "parquet-not-installed",
            "Parquet cannot be written here",
            place=str(path),
            why="the package `duckdb` is not installed",
            hint="install hubfleet with its extra: pip install 'hubfleet[parquet]'",
        ) from None
    columns = {name: _type(name) for name in _names(rows)}
    described = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
    with _replacing(path) as made, duckdb.connect() as database:
        database.execute(f"CREATE TABLE use ({described})")
        if rows:
            marks = ", ".join("?" for _ in columns)
            values = [[row[name] for name in columns] for row in rows]
            database.executemany(f"INSERT INTO use VALUES ({marks})", values)  # noqa: S608, no text
        database.table("use").write_parquet(str(made), compression="zstd")


def _names(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(rows[0]) if rows else ["scope", "from", "to", *Numbers.__dataclass_fields__]


def _type(name: str) -> str:
    if name in ("from", "to", "day"):
        return "DATE"
    if name in ("scope", "hub", "community"):
        return "VARCHAR"
    if name == "hidden":
        return "BOOLEAN"
    return "BIGINT" if name in _WHOLE else "DOUBLE"


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A new file beside the wanted one that takes its place; raises `file-not-written`."""
    made = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield made
        made.replace(path)
    except OSError as error:
        raise failure(
            "file-not-written",
            f"{path.name} cannot be written",
            place=str(path),
            why=error.strerror or str(error),
            hint="name a file in a folder that exists and that you may write to",
        ) from None
    finally:
        made.unlink(missing_ok=True)

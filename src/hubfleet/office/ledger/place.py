"""Where the ledger is kept: a file in the state folder, or a PostgreSQL server by one setting.

Knows nothing of Django but the names of its settings.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from hubfleet.kit.digest import digest
from hubfleet.kit.errors import HubfleetError, failure

FILE = "office.sqlite"
WAIT = 5
"""Seconds that a writer waits for another one before it gives up."""


@dataclass(frozen=True, slots=True)
class LedgerPlace:
    """`shown` is what errors may say: the file, or the server without its password."""

    state: Path
    shown: str
    settings: dict[str, Any] = field(repr=False)
    file: Path | None = None

    @property
    def alias(self) -> str:
        """Django's name for this database; equal places share one."""
        return f"ledger-{digest(self.settings)[:12]}"


def ledger_place(state: Path, url: str | None) -> LedgerPlace:
    """The place that `url` (`$HUBFLEET_DATABASE`) names, else the file in the state folder.

    Raises `database-not-understood`.
    """
    return _server(state, url) if url else _file(state)


def _file(state: Path) -> LedgerPlace:
    path = state / FILE
    options = {
        # A writer that begins as a reader fails at once when another one was quicker.
        "transaction_mode": "IMMEDIATE",
        "timeout": WAIT,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL",
    }
    settings = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(path), "OPTIONS": options}
    return LedgerPlace(state, str(path), settings, path)


def _server(state: Path, url: str) -> LedgerPlace:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _not_understood() from None
    name = unquote(parts.path.removeprefix("/"))
    if parts.scheme not in {"postgresql", "postgres"} or not name:
        raise _not_understood()
    options: dict[str, Any] = {"connect_timeout": WAIT, **dict(parse_qsl(parts.query))}
    host = str(options.pop("host", "")) or unquote(parts.hostname or "")
    settings = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(port or ""),
        "OPTIONS": {**options, "options": f"-c lock_timeout={WAIT}s"},
    }
    shown = f"postgresql://{host or 'localhost'}{f':{port}' if port else ''}/{name}"
    return LedgerPlace(state, shown, settings)


def _not_understood() -> HubfleetError:
    return failure(
        "database-not-understood",
        "the address of the database is not understood",
        place="$HUBFLEET_DATABASE",
        why="it is shown nowhere, because it may hold a password",
        hint="write postgresql://USER:PASSWORD@HOST:PORT/NAME, or unset it to use a file",
    )

"""A real PostgreSQL server of a test run's own, on a unix socket; skipped visibly without one."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.places import until

_numbers = count(1)


@dataclass(frozen=True)
class Server:
    """Where the server's socket is."""

    socket: Path

    def url(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={quote(str(self.socket), safe='')}"

    def new_database(self) -> str:
        """The address of an empty database."""
        name = f"ledger_{next(_numbers)}"
        self.execute("postgres", f"CREATE DATABASE {name}")
        return self.url(name)

    def execute(self, database: str, statement: str) -> None:
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute(statement)


@contextmanager
def running_server() -> Iterator[Server]:
    """Start one and stop it again; skips where Debian's package is not installed."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not programs:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    account = _account()
    folder = Path(tempfile.mkdtemp(prefix="hubfleet-pg-"))
    data, log = folder / "data", folder / "log"
    try:
        if account:
            shutil.chown(folder, account["user"], account["group"])
        initdb = [str(programs[-1] / "initdb"), "-D", str(data)]
        initdb += ["-U", "postgres", "-A", "trust", "-N"]
        subprocess.run(initdb, check=True, capture_output=True, cwd=folder, env=_LOCALE, **account)
        command = [str(programs[-1] / "postgres"), "-D", str(data), "-k", str(folder)]
        command += ["-c", "listen_addresses=", "-c", "fsync=off"]
        with log.open("w") as out:
            process = subprocess.Popen(
                command, stdout=out, stderr=out, cwd=folder, env=_LOCALE, **account
            )
        try:
            server = Server(folder)
            until(lambda: _answers(server), f"PostgreSQL: {log.read_text()}")
            yield server
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


_LOCALE = {"LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"]}


def _account() -> dict[str, Any]:
    """PostgreSQL refuses to run as root; then it runs as Debian's own account for it."""
    if os.geteuid() != 0:
        return {}
    try:
        found = pwd.getpwnam("postgres")
    except KeyError:
        pytest.skip("PostgreSQL does not run as root, and there is no account `postgres`")
    return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}


def _answers(server: Server) -> bool:
    import psycopg

    try:
        with psycopg.connect(server.url("postgres")):
            return True
    except psycopg.OperationalError:
        return False

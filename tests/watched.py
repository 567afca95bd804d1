"""A real local fleet under a real console that checks it: what it turns to, and how to break it."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import yaml
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from hubfleet.platforms.local.control import read_status
from hubfleet.platforms.local.processes import is_alive
from hubfleet.platforms.local.spec import RunRecord
from tests.fleets import write_fleet
from tests.places import LocalPlace, free_port, until

FAST = {"light": "2s", "retry": "1s", "path": "1h"}


@dataclass(frozen=True)
class Watched:
    """The place, the fleet's folder, and the console's process."""

    place: LocalPlace
    fleet: Path
    console: subprocess.Popen[bytes]
    subjects: list[str]
    """Of the mail that reached somebody, oldest first."""

    def rows(self, question: str, *values: Any) -> list[tuple[Any, ...]]:
        """Asked of the console's database, which the console goes on using."""
        file = self.place.state.path / "office.sqlite"
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=20)) as database:
            try:
                return list(database.execute(question, values))
            except sqlite3.OperationalError as error:
                if "no such table" in str(error):  # It has just begun.
                    return []
                raise

    def turns(self) -> list[tuple[str, str, str]]:
        return self.rows("SELECT hub, state, cause FROM watching_turn ORDER BY id")

    def pages(self) -> list[str]:
        """The subjects of mail that woke somebody."""
        return [subject for subject in self.subjects if "P1" in subject]

    def condition(self, hub: str) -> str:
        found = self.rows("SELECT state FROM watching_condition WHERE hub = ?", hub)
        return str(found[0][0]) if found else ""

    def wait_until_up(self, hub: str, seconds: float = 60) -> None:
        until(lambda: self.condition(hub) == "up", f"{hub} to be known as up", seconds)

    def kill_for_good(self, hub: str) -> None:
        """Kill the keeper first: it would start the hub again within a second."""
        status = read_status(self.place.state)
        assert status.keeper is not None
        _kill(status.keeper.pid)
        record = RunRecord.read(self.place.state.hub(hub).run)
        _kill(record.pid)
        until(lambda: not is_alive(record.pid, record.start_time, record.boot), "the hub to end")


def _kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


class _Mailbox:
    """Takes all mail, and keeps the subjects."""

    def __init__(self) -> None:
        self.subjects: list[str] = []

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=policy.default)
        self.subjects.append(str(message["Subject"]))
        return "250 taken"


@contextmanager
def _mail() -> Iterator[tuple[str, list[str]]]:
    """A mail server's address, and the subjects of what it took."""
    mailbox = _Mailbox()
    server = Controller(mailbox, hostname="127.0.0.1", port=free_port())
    server.start()
    try:
        yield f"smtp://127.0.0.1:{server.port}", mailbox.subjects
    finally:
        server.stop()


@contextmanager
def watched(place: LocalPlace, fleet: Path, checks: dict[str, Any]) -> Iterator[Watched]:
    """Two hubs that run, and a console that checks them at this pace; nobody is on call."""
    with _mail() as (server, subjects):
        _declare(fleet, checks, server)
        done = place.run("apply", "--yes", "--without-probes", "--without-isolation", fleet=fleet)
        assert done.returncode == 0, done.stderr
        with _console(place, fleet, subjects) as made:
            yield made


def _declare(fleet: Path, checks: dict[str, Any], mail_server: str) -> None:
    write_fleet(fleet, {"ant/prod": {}, "ant/staging": {"stage": "staging"}})
    file = fleet / "fleet.yaml"
    said = yaml.safe_load(file.read_text(encoding="utf-8"))
    said["service"] |= {"checks": checks, "mail": {"server": mail_server}}
    file.write_text(yaml.safe_dump(said), encoding="utf-8")


@contextmanager
def _console(place: LocalPlace, fleet: Path, subjects: list[str]) -> Iterator[Watched]:
    where = ["--fleet", str(fleet), "--state", str(place.state.path)]
    command = [sys.executable, "-m", "hubfleet", "serve", "--bind", f"127.0.0.1:{free_port()}"]
    with subprocess.Popen([*command, *where, "--quiet"]) as console:
        made = Watched(place, fleet, console, subjects)
        try:
            until(lambda: made.rows("SELECT 1 FROM schedules_job"), "the console to work", 90)
            yield made
        finally:
            console.send_signal(signal.SIGTERM)
            assert console.wait(30) == 0

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
from pathlib import Path
from typing import Any

import yaml

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


@contextmanager
def watched(place: LocalPlace, fleet: Path, checks: dict[str, Any]) -> Iterator[Watched]:
    """Two hubs that run, and a console that checks them at this pace."""
    write_fleet(fleet, {"ant/prod": {}, "ant/staging": {"stage": "staging"}})
    file = fleet / "fleet.yaml"
    said = yaml.safe_load(file.read_text(encoding="utf-8"))
    said["service"] |= {"checks": checks}
    file.write_text(yaml.safe_dump(said), encoding="utf-8")
    done = place.run("apply", "--yes", "--without-probes", "--without-isolation", fleet=fleet)
    assert done.returncode == 0, done.stderr
    where = ["--fleet", str(fleet), "--state", str(place.state.path)]
    command = [sys.executable, "-m", "hubfleet", "serve", "--bind", f"127.0.0.1:{free_port()}"]
    with subprocess.Popen([*command, *where, "--quiet"]) as console:
        made = Watched(place, fleet, console)
        try:
            until(lambda: made.rows("SELECT 1 FROM schedules_job"), "the console to work", 90)
            yield made
        finally:
            console.send_signal(signal.SIGTERM)
            assert console.wait(30) == 0

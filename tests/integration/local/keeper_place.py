"""A state folder of a test's own with stand-in hubs, whose every process is ended at last."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from hubfleet.platforms.local.control import KeeperClient
from hubfleet.platforms.local.control_start import ensure_keeper
from hubfleet.platforms.local.folders import HubFolder, StateFolder
from hubfleet.platforms.local.ports import allocate_port
from hubfleet.platforms.local.processes import is_alive
from hubfleet.platforms.local.proxy import proxy_api
from hubfleet.platforms.local.spec import HubSpec, RunRecord
from tests.places import remove_far_socket

STAND_IN = "tests.integration.local.keeper_standin"
QUICK: dict[str, float] = {"first_wait": 0.1, "longest_wait": 0.4, "kill_after": 0.5}

Answer = TypeVar("Answer")


def eventually(question: Callable[[], Answer], seconds: float = 20.0) -> Answer:
    """The first true answer; AssertionError when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (answer := question()):
        assert time.monotonic() < deadline, f"still {answer!r} after {seconds} s"
        with suppress(TimeoutError):
            signal.sigtimedwait([], 0.02)
    return answer


class Place:
    def __init__(self, state: StateFolder) -> None:
        self.state = state
        self.port = allocate_port(state, "public")
        self.client = KeeperClient(state)
        self.pace: dict[str, float] = dict(QUICK)
        self.hub_module = STAND_IN

    @property
    def arguments(self) -> list[str]:
        return ["--hub-module", self.hub_module, "--pace", json.dumps(self.pace)]

    def keep(self) -> KeeperClient:
        return ensure_keeper(self.state, self.port, arguments=self.arguments)

    def declare(self, name: str, *, revision: int = 1, title: str = "A hub") -> HubFolder:
        folder = self.state.hub(name)
        folder.path.mkdir(parents=True, exist_ok=True)
        community, hub = name.split("/")
        domain = f"{hub}-{community}.localhost"
        HubSpec(
            name=name,
            cluster="reef",
            revision=revision,
            domain=domain,
            title=title,
            url=f"http://{domain}:{self.port}/",
            port=allocate_port(self.state, name),
            proxy_api=proxy_api(self.state),
            proxy_port=self.port,
            flat={},
            values={},
        ).write(folder.spec)
        return folder

    def pid(self, name: str) -> int | None:
        """Of a hub or of `proxy`, from its record, if that process lives."""
        folder = self.state.proxy if name == "proxy" else self.state.hub(name).path
        return living_pid(folder)

    def begun(self, name: str) -> list[int]:
        """The pid of every copy that ever came so far as to work."""
        file = self.state.hub(name).path / "begun"
        return (
            [int(line.split()[0]) for line in file.read_text().splitlines()]
            if file.exists()
            else []
        )

    def kill_keeper(self) -> None:
        facts = self.client.facts()
        os.kill(facts.pid, signal.SIGKILL)
        eventually(lambda: not is_alive(facts.pid, facts.start_time, facts.boot))

    def kill(self, name: str) -> int:
        pid = self.pid(name)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        return pid

    def end_everything(self) -> None:
        """The keeper first, so that nothing is started again; then all that has a record."""
        with suppress(OSError, ValueError, KeyError):
            keeper = json.loads(self.state.keeper_record.read_text())
            if is_alive(keeper["pid"], keeper["start_time"], keeper["boot"]):
                os.kill(keeper["pid"], signal.SIGKILL)
                eventually(
                    lambda: not is_alive(keeper["pid"], keeper["start_time"], keeper["boot"])
                )
        # A child that was just forked has no record yet, but it works in this folder already.
        eventually(lambda: not kill_all_in(self.state.path))
        remove_far_socket(self.state)


def kill_all_in(folder: Path) -> int:
    """Kill whatever has its working directory in the folder; how many there were."""
    found = 0
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (process / "cwd").readlink().is_relative_to(folder):
                found += 1
                os.kill(int(process.name), signal.SIGKILL)
    return found


def living_pid(folder: Path) -> int | None:
    try:
        record = RunRecord.read(folder / "run.json")
    except (OSError, ValueError):
        return None
    return record.pid if is_alive(record.pid, record.start_time, record.boot) else None


@contextmanager
def place_in(path: Path) -> Iterator[Place]:
    place = Place(StateFolder(path))
    # The keeper imports the stand-in from the tests, and takes nothing from its own folder.
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[3])
    try:
        yield place
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
        place.end_everything()


def http(port: int, host: str, path: str = "/") -> tuple[int, dict[str, Any], str]:
    """Status, headers and text of a page behind the proxy."""
    from http.client import HTTPConnection

    line = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        line.request("GET", path, headers={"Host": host})
        answer = line.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode()
    finally:
        line.close()

"""A state folder of a test's own, from which everything is taken away again."""

from __future__ import annotations

import itertools
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hubfleet.platforms.local.folders import StateFolder
from hubfleet.platforms.local.platform import LocalPlatform
from hubfleet.platforms.local.ports import is_free
from hubfleet.platforms.local.proxy import proxy_socket
from hubfleet.platforms.local.stopping import anything_runs, stop_all


@dataclass(frozen=True)
class LocalPlace:
    """One state folder with a port for its proxy, and the command line pointed at it."""

    state: StateFolder
    port: int

    def platform(self) -> LocalPlatform:
        return LocalPlatform(self.state, port=self.port)

    def run(self, *arguments: str, fleet: Path | None = None) -> subprocess.CompletedProcess[str]:
        """`hubfleet ARGUMENTS` as a person at a terminal without a keyboard would run it."""
        environment = {
            **os.environ,
            "HUBFLEET_STATE": str(self.state.path),
            "HUBFLEET_PORT": str(self.port),
        }
        if fleet is not None:
            environment["HUBFLEET_FLEET"] = str(fleet)
        return subprocess.run(
            [sys.executable, "-m", "hubfleet", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=180,
            check=False,
        )

    def json(self, *arguments: str, fleet: Path | None = None) -> Any:
        """The value that the command prints with `--json`; the command must end well."""
        done = self.run(*arguments, "--json", fleet=fleet)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@contextmanager
def local_place(folder: Path) -> Iterator[LocalPlace]:
    """Stops whatever runs there in the end, and fails the test when something cannot be stopped."""
    place = LocalPlace(StateFolder(folder), free_port())
    try:
        yield place
    finally:
        stop_all(place.state, keep_hubs=False)
        assert not anything_runs(place.state)
        remove_far_socket(place.state)
        shutil.rmtree(folder, ignore_errors=True)


def remove_far_socket(state: StateFolder) -> None:
    """The folder of the proxy's socket, where the state folder's own path is too long for one."""
    folder = proxy_socket(state).parent
    if folder != state.proxy:
        shutil.rmtree(folder)


def free_port() -> int:
    """A port that nobody listens on, from below those that the system and hubfleet hand out.

    No other worker of this run is given it, and this one not again until a thousand others were:
    whoever asked for it may need a while until it listens.
    """
    return next(port for port in _ports if is_free(port))


def _own_ports() -> Iterator[int]:
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 8
    slice_of_worker = range(10000 + 1250 * worker, 10000 + 1250 * (worker + 1))
    start = random.randrange(len(slice_of_worker))
    return itertools.cycle([*slice_of_worker[start:], *slice_of_worker[:start]])


_ports = _own_ports()


def until(happened: Callable[[], Any], what: str, seconds: float = 30.0) -> Any:
    """Wait for a condition and return its value; fails with `what` was waited for."""
    deadline = time.monotonic() + seconds
    while not (value := happened()):
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s for {what}"
        time.sleep(0.05)
    return value

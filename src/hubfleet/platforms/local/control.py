"""Asking the keeper over its socket; `control_start` starts one where none runs.

One request is one line of JSON, one answer is one line of JSON, and each has a connection of its
own. Every answer is immediate: a started hub is forked, not ready; waiting is the client's affair.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from hubfleet.kit.errors import failure
from hubfleet.platforms.local.control_status import (
    ChildStatus,
    KeeperFacts,
    LastExit,
    LocalStatus,
    read_status_without_keeper,
)
from hubfleet.platforms.local.folders import StateFolder

__all__ = [
    "ChildStatus",
    "KeeperClient",
    "KeeperFacts",
    "LastExit",
    "LocalStatus",
    "NoKeeperError",
    "keeper_runs",
    "keeper_socket_path",
    "read_status",
    "read_status_without_keeper",
]

ANSWER_SECONDS = 10.0


class NoKeeperError(ConnectionError):
    """Nobody answers on the state folder's socket."""


class KeeperClient:
    """Asks the keeper of one state folder. Every call raises `NoKeeperError` when there is none."""

    def __init__(self, state: StateFolder) -> None:
        self.state = state

    def facts(self) -> KeeperFacts:
        """Who keeps the folder; the quickest question."""
        return KeeperFacts(**self.ask("facts"))

    def status(self) -> LocalStatus:
        return LocalStatus.from_json(self.ask("status"))

    def start(self, hub: str) -> str:
        """Run what `spec.json` says: `unchanged`, `started`, or `replacing` (an older one ends).

        Also ends a back-off, and a stop.
        """
        return str(self.ask("start", hub=hub)["outcome"])

    def stop(self, hub: str) -> str:
        """End it and keep it ended, whoever starts the keeper again: `stopping` or `stopped`."""
        return str(self.ask("stop", hub=hub)["outcome"])

    def forget(self, hub: str) -> str:
        """Mind a stopped hub no more, because its folder goes away; refused while it is up."""
        return str(self.ask("forget", hub=hub)["outcome"])

    def shutdown(self, *, hubs: bool) -> None:
        """End the keeper; with `hubs`, all hubs and then the proxy before it.

        Without, they live on and the next keeper adopts them.
        """
        self.ask("shutdown", hubs=hubs)

    def ask(self, operation: str, **arguments: Any) -> Any:
        """Send one request; raises `HubfleetError` when the keeper refuses it."""
        request = json.dumps({"operation": operation, **arguments}) + "\n"
        try:
            with keeper_socket_path(self.state) as path, socket.socket(socket.AF_UNIX) as line:
                line.settimeout(ANSWER_SECONDS)
                line.connect(path)
                line.sendall(request.encode())
                answer = _read_line(line)
        except OSError as error:
            raise NoKeeperError(f"no keeper answers in {self.state.path}: {error}") from error
        if "problem" in answer:
            raise failure(place=str(self.state.path), **answer["problem"])
        return answer["result"]


@contextmanager
def keeper_socket_path(state: StateFolder) -> Iterator[str]:
    """A path to the keeper's socket that is short enough, however long the state folder's is.

    The kernel takes 108 bytes; a way through an open descriptor of the folder is never longer.
    """
    folder = os.open(state.path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{state.keeper_socket.name}"
    finally:
        os.close(folder)


def read_status(state: StateFolder) -> LocalStatus:
    """From the keeper when one answers, else from the records."""
    try:
        return KeeperClient(state).status()
    except NoKeeperError:
        return read_status_without_keeper(state)


def _read_line(line: socket.socket) -> dict[str, Any]:
    parts = []
    while part := line.recv(65536):
        parts.append(part)
    text = b"".join(parts)
    if not text.endswith(b"\n"):
        raise ConnectionError("the answer broke off")
    answer: dict[str, Any] = json.loads(text)
    return answer


def keeper_runs(state: StateFolder) -> bool:
    """Whether a keeper answers."""
    with suppress(NoKeeperError):
        KeeperClient(state).facts()
        return True
    return False

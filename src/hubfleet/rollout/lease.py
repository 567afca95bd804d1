"""One rollout at a time for each state folder, held by a file lock that dies with its holder."""

from __future__ import annotations

import fcntl
import getpass
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hubfleet.kit.clock import timestamp
from hubfleet.kit.errors import HubfleetError, failure
from hubfleet.kit.files import PRIVATE_FILE


@contextmanager
def hold(path: Path, command: str) -> Iterator[None]:
    """Hold the lease while the block runs; raises `fleet-held` naming who holds it since when."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _held(path) from None
        holder = {"pid": os.getpid(), "user": _user(), "command": command, "since": timestamp()}
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(holder).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _held(path: Path) -> HubfleetError:
    try:
        holder = json.loads(path.read_text())
        who = f"{holder['user']} (`{holder['command']}`, process {holder['pid']})"
        since = f"since {holder['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        who, since = "another process", "since a moment ago"
    return failure(
        "fleet-held",
        f"the fleet is being changed by {who} {since}",
        place=str(path),
        why="two rollouts at once could undo each other's work",
        hint="wait until it has ended, then run the command again",
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"

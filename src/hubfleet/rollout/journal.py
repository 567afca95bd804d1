"""The memory of intentions: what was about to be done, and what came of it.

The engine writes the intention before an act and the outcome after it; an intention without an
outcome marks where a rollout was cut off.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

from hubfleet.kit.clock import timestamp
from hubfleet.kit.files import PRIVATE_FILE


class Journal(Protocol):
    """Appends entries; an entry that `write` returned from survives a crash of the machine."""

    def write(self, kind: str, rollout: str, **facts: Any) -> None: ...


class FileJournal:
    """One JSON object a line, each synced to disk; safe for several threads of one process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()

    def write(self, kind: str, rollout: str, **facts: Any) -> None:
        line = json.dumps({"at": timestamp(), "kind": kind, "rollout": rollout, **facts})
        with self._lock:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
            descriptor = os.open(self._path, flags, PRIVATE_FILE)
            try:
                os.write(descriptor, line.encode() + b"\n")
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

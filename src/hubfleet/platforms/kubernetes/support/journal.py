"""What was done beside the hubs: intentions before acts, outcomes after them, never changed."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hubfleet.kit.clock import timestamp
from hubfleet.kit.files import PRIVATE_FILE, make_private_folder


@dataclass(frozen=True, slots=True)
class SupportJournal:
    """One file of JSON lines for each cluster."""

    path: Path

    def write(self, event: str, **words: Any) -> None:
        """On the disk when this returns."""
        make_private_folder(self.path.parent)
        line = json.dumps({"at": timestamp(), "event": event, **words}, ensure_ascii=False) + "\n"
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, PRIVATE_FILE)
        try:
            os.write(descriptor, line.encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

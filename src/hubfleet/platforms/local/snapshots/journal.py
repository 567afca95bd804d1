"""How far a rollback has come, so that one that was cut off is finished and not begun anew."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from hubfleet.kit.files import write_atomically
from hubfleet.platforms.local.folders import HubFolder

Phase = Literal["begun", "database-back"]


@dataclass(frozen=True, slots=True)
class Intention:
    """A rollback to `snapshot` that makes `revision`; `database` tells whether it is put back."""

    snapshot: str
    revision: int
    database: bool
    phase: Phase = "begun"

    def write(self, folder: HubFolder) -> None:
        write_atomically(_path(folder), json.dumps(asdict(self)) + "\n")


def cut_off(folder: HubFolder) -> Intention | None:
    """The rollback that has begun and not ended."""
    try:
        return Intention(**json.loads(_path(folder).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def finish(folder: HubFolder) -> None:
    """The rollback has come to its end."""
    _path(folder).unlink(missing_ok=True)


def _path(folder: HubFolder) -> Path:
    return folder.revisions / "rollback.json"

"""What the hub's pages tell a person about their servers and their home.

A server that ended for want of memory leaves `servers/<key>.stopped` behind, until it is started
again; how full a home is comes from the last measurement.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hubfleet.kit.clock import timestamp
from hubfleet.kit.errors import HubfleetError
from hubfleet.kit.files import write_atomically
from hubfleet.platforms.local.closing import notice
from hubfleet.platforms.local.homes.people import numbers_of
from hubfleet.platforms.local.homes.quota import judge_quota, readable
from hubfleet.platforms.local.homes.usage import stored_usage
from hubfleet.platforms.local.hub.setting import Setting


@dataclass(frozen=True, slots=True)
class Notices:
    """JupyterHub calls it for every page, with its user or None."""

    setting: Setting

    def __call__(self, user: Any) -> list[str]:
        closing = notice(self.setting.folder, self.setting.spec.timezone)
        told = [] if user is None else self.told(user.name)
        return [closing, *told] if closing else told

    def told(self, name: str) -> list[str]:
        """Sentences for a person, most urgent first; empty when there is nothing to tell."""
        folder = self.setting.folder
        try:
            number = numbers_of(folder)[name]
        except (KeyError, HubfleetError):
            # Without a home there is nothing; a damaged map is told where it does harm.
            return []
        told = [_stop_text(path) for path in _stops(folder, number)]
        if self.setting.quota is not None and (usage := stored_usage(folder)):
            home = usage.homes.get(name)
            if home is not None:
                told.append(judge_quota(home.bytes, self.setting.quota).text)
        return [text for text in told if text]


def note_stop(folder: Path, key: str, limit: int | None) -> None:
    """Remember that a server ended because it used more than `limit` bytes of memory."""
    write_atomically(_stop_path(folder, key), json.dumps({"limit": limit, "at": timestamp()}))


def forget_stop(folder: Path, key: str) -> None:
    """The server starts again; the second call finds nothing."""
    _stop_path(folder, key).unlink(missing_ok=True)


def _stop_path(folder: Path, key: str) -> Path:
    return folder / "servers" / f"{key}.stopped"


def _stops(folder: Path, number: int) -> list[Path]:
    own = _stop_path(folder, str(number))
    named = sorted((folder / "servers").glob(f"{number}-*.stopped"))
    return [path for path in (own, *named) if path.exists()]


def _stop_text(path: Path) -> str:
    try:
        limit = json.loads(path.read_text())["limit"]
    except (OSError, ValueError, TypeError, KeyError):
        return ""
    name = path.stem.partition("-")[2]
    server = f"Your server {name}" if name else "Your server"
    amount = "the machine has" if limit is None else spoken(limit)
    return (
        f"{server} was stopped because it used more than {amount} of memory. "
        "Your files are safe; what was only in memory is lost. Load less at a time, or choose "
        "more memory when you start it, if this hub offers that."
    )


def spoken(amount: int) -> str:
    """Bytes as people say them: `1 GB`, `512 MB`."""
    short = readable(amount)
    return f"{short[:-1]} {short[-1]}B"

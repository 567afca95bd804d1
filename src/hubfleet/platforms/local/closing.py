"""A hub that is about to go away: people are told until when they may go on, and no server starts.

`closing.json` in the hub's folder is all there is. Whoever goes on with a removal that was cut off
finds the time that people were told, and whoever brings the hub back takes the file away.
"""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from hubfleet.kit.clock import now, timestamp
from hubfleet.kit.files import write_atomically

FILE = "closing.json"


def close(folder: Path, seconds: float) -> float:
    """Have the hub of this folder close in so many seconds; how many are left.

    The second call keeps the time that people were told, unless it makes it earlier. Never more
    than `seconds`, whatever a clock that was set says.
    """
    moment = now()
    wanted = moment + timedelta(seconds=seconds)
    known = _moment(closing_until(folder))
    if known is None or known > wanted:
        write_atomically(folder / FILE, json.dumps({"until": timestamp(wanted)}) + "\n")
        return seconds
    return max((known - moment).total_seconds(), 0.0)


def reopen(folder: Path) -> None:
    """The hub stays after all; the second call finds nothing."""
    (folder / FILE).unlink(missing_ok=True)


def closing_until(folder: Path) -> str:
    """The UTC time at which the hub closes; empty for one that stays."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        return str(json.loads((folder / FILE).read_text(encoding="utf-8"))["until"])
    return ""


def notice(folder: Path, timezone: str) -> str:
    """What people read, in the hub's time zone; empty for a hub that stays."""
    until = _moment(closing_until(folder))
    if until is None:
        return ""
    there = until.astimezone(ZoneInfo(timezone))
    return (
        f"This hub closes at {there:%H:%M} on {there.day} {there:%B} ({timezone}). "
        "Save your work: servers are stopped then, and no new one is started. "
        "Your files are kept; ask the people who run this hub for them."
    )


def _moment(until: str) -> datetime | None:
    with suppress(ValueError):
        return datetime.fromisoformat(until) if until else None
    return None

"""What is done for people's data by itself: a snapshot every night, measuring every hour.

Here are the decision, from plain values, and the record: `chores.json` in the hub's folder says
when each was begun, when it ended, and how. `doing` is the program that does one, and the keeper
starts it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from hubfleet.fleet.model import Snapshots
from hubfleet.kit.clock import timestamp
from hubfleet.kit.digest import digest
from hubfleet.kit.files import write_atomically

Kind = Literal["snapshot", "usage"]

TRY_AGAIN = timedelta(hours=1)
"""After this time what failed, or was cut off, is tried again."""

_FIRST_SEEN = "waiting"
_UNDERWAY = "underway"
DONE = "done"


@dataclass(frozen=True, slots=True)
class Chore:
    """The last time that one was done. `result` is `waiting` (never yet), `underway`, `done`, or
    why it failed, in a sentence.
    """

    begun: str
    ended: str | None = None
    result: str = _FIRST_SEEN

    @property
    def failed(self) -> bool:
        return self.result not in {_FIRST_SEEN, _UNDERWAY, DONE}

    def said(self) -> str:
        """For people: when and how."""
        match self.result:
            case "waiting":
                return "none yet"
            case "underway":
                return f"begun {self.begun}"
            case "done":
                return f"made {self.ended}"
        return f"failed {self.ended}: {self.result}"


def chores_of(folder: Path) -> dict[Kind, Chore]:
    """What was done for a hub (its folder) so far; nothing where that cannot be read."""
    try:
        value = json.loads(_record(folder).read_text(encoding="utf-8"))
        return {kind: Chore(**value[kind]) for kind in get_args(Kind) if kind in value}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def note(folder: Path, kind: Kind, chore: Chore) -> None:
    """Write down how one stands."""
    known = {**chores_of(folder), kind: chore}
    text = json.dumps({name: asdict(one) for name, one in known.items()}, indent=1)
    write_atomically(_record(folder), text + "\n")


def first_seen(moment: datetime) -> Chore:
    """What stands for one that was never done: the next regular time is its first."""
    return Chore(timestamp(moment))


def begun(moment: datetime) -> Chore:
    """One that is being done."""
    return Chore(timestamp(moment), None, _UNDERWAY)


def ended(chore: Chore, moment: datetime, problem: str = "") -> Chore:
    """The same when it is over."""
    return replace(chore, ended=timestamp(moment), result=problem or DONE)


def _record(folder: Path) -> Path:
    return folder / "chores.json"


def night_before(moment: datetime, hub: str, timezone: str, hour: int) -> datetime:
    """The last regular time of a hub's snapshot that is not after `moment`, in UTC.

    Hubs of one hour are spread over its minutes by their names. In the night in which clocks are
    set forward the hour may not exist; then it is the one after it.
    """
    zone = ZoneInfo(timezone)
    at = time(hour, int(digest(hub)[:8], 16) % 60)
    day = moment.astimezone(zone).date()
    for back in range(3):
        found = datetime.combine(day - timedelta(days=back), at, zone).astimezone(UTC)
        if found <= moment:
            return found
    raise AssertionError("no night within three days")


def snapshot_due(
    last: Chore, moment: datetime, hub: str, timezone: str, declared: Snapshots
) -> bool:
    """Whether last night's snapshot, or one more try of it, is to be made now."""
    if not declared.nightly:
        return False
    if last.failed or last.result == _UNDERWAY:
        return _age(last.ended or last.begun, moment) >= TRY_AGAIN
    before = datetime.fromisoformat(last.begun)
    # What was begun in the future was begun before the clock was set back.
    return before > moment or before < night_before(moment, hub, timezone, declared.hour)


def usage_due(last: Chore, measured: str | None, moment: datetime, every: timedelta) -> bool:
    """Whether homes are to be measured now; `measured` is when anybody did so last."""
    ages = [_age(text, moment) for text in (last.begun, measured) if text]
    return min(ages) >= every


def _age(text: str, moment: datetime) -> timedelta:
    try:
        age = moment - datetime.fromisoformat(text)
    except ValueError:
        return timedelta.max
    return age if age >= timedelta(0) else timedelta.max


def as_json(chores: Mapping[Kind, Chore]) -> dict[str, object]:
    """All of them by kind."""
    return {kind: asdict(chore) for kind, chore in chores.items()}

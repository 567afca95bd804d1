"""How much is in a home: disk blocks as `du` counts them, hard links once, links not followed."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import monotonic

from hubfleet.kit.clock import timestamp
from hubfleet.kit.files import write_atomically
from hubfleet.platforms.archives.reasons import is_gone, reason, shown
from hubfleet.platforms.local.homes.folders import opened_home, walk
from hubfleet.platforms.local.homes.people import numbers_of

_BLOCK = 512
"""The unit of `st_blocks`, whatever the file system's own is."""


@dataclass(frozen=True, slots=True)
class HomeUsage:
    """One home. `files` are all but folders; with a `problem` the figures are a lower bound."""

    bytes: int
    files: int
    problem: str = ""

    def as_json(self) -> dict[str, int | str]:
        """`problem` only where there is one."""
        return {key: value for key, value in asdict(self).items() if key != "problem" or value}


@dataclass(frozen=True, slots=True)
class HubUsage:
    """All homes of a hub at one time (ISO 8601), by person."""

    at: str
    homes: Mapping[str, HomeUsage]

    def as_json(self) -> dict[str, object]:
        """The shape of `usage.json`."""
        return {"at": self.at, "homes": {user: home.as_json() for user, home in self.homes.items()}}


@dataclass(slots=True)
class _Tally:
    bytes: int = 0
    files: int = 0
    linked: set[int] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)

    def note(self, path: str, why: str) -> None:
        self.problems.append(f"{shown(path)} {why}")

    def add(self, path: str, entry: os.DirEntry[str]) -> None:
        try:
            status = entry.stat(follow_symlinks=False)
        except OSError as error:
            if not is_gone(error):
                self.note(path + entry.name, reason(error))
            return
        self.files += 1
        if status.st_nlink == 1 or status.st_ino not in self.linked:
            self.bytes += status.st_blocks * _BLOCK
        if status.st_nlink > 1:
            self.linked.add(status.st_ino)

    def result(self) -> HomeUsage:
        more = f" (and {len(self.problems) - 1} more)" if len(self.problems) > 1 else ""
        return HomeUsage(self.bytes, self.files, self.problems[0] + more if self.problems else "")


class TooMuchWorkError(Exception):
    """A home takes longer to measure than whoever asked wants to spend."""


@dataclass(slots=True)
class Effort:
    """So many entries and seconds and no more: then `spend` raises `TooMuchWorkError`."""

    entries: int
    seconds: float
    _until: float = field(init=False)

    def __post_init__(self) -> None:
        self._until = monotonic() + self.seconds

    def spend(self) -> None:
        """Called for each entry, when its name is read and again when it is measured."""
        self.entries -= 1
        if self.entries < 0 or monotonic() > self._until:
            raise TooMuchWorkError


def measure_home(folder: Path, number: int, effort: Effort | None = None) -> HomeUsage:
    """Measure one home of a hub (its folder); whatever is wrong with it is in `problem`."""
    tally = _Tally()
    spend = effort.spend if effort else lambda: None
    try:
        with opened_home(folder, number) as home:
            for below, path, entries in walk(home, tally.note, spend=spend):
                tally.bytes += os.fstat(below).st_blocks * _BLOCK
                for entry in entries:
                    spend()
                    tally.add(path, entry)
    except FileNotFoundError:
        # Nobody's server has run yet, so there is nothing.
        return HomeUsage(0, 0)
    except OSError as error:
        return HomeUsage(0, 0, f"the home {reason(error)}")
    return tally.result()


def measure_hub(folder: Path) -> HubUsage:
    """Measure all homes of a hub; takes CPU for seconds, so see `measuring` before calling it."""
    homes = {user: measure_home(folder, number) for user, number in numbers_of(folder).items()}
    return HubUsage(timestamp(), homes)


def usage_file(folder: Path) -> Path:
    """Where the last measurement of a hub is kept."""
    return folder / "usage.json"


def store_usage(folder: Path, usage: HubUsage) -> None:
    """Keep a measurement; readers see the old one or this one."""
    write_atomically(usage_file(folder), json.dumps(usage.as_json(), indent=1) + "\n")


def stored_usage(folder: Path) -> HubUsage | None:
    """The last measurement; None where there is none that can be read."""
    try:
        value = json.loads(usage_file(folder).read_text(encoding="utf-8"))
        homes = {user: HomeUsage(**home) for user, home in value["homes"].items()}
        return HubUsage(str(value["at"]), homes)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None

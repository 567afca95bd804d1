"""What each file of a home was when a snapshot was made: by it the next one knows what changed.

One line for each folder: its path, a tab, and its files' records as JSON. Lines are read one by
one as the walk comes to their folder, because a home may hold a million files.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from hubfleet.kit.clock import now

Record = list[int]
"""Size, time of change of contents, of anything (both ns), number on the file system."""

_SAME_TICK = 100_000_000
"""ns in which a file system's clock may stand still, ten times what Linux needs at most."""


def record_of(status: os.stat_result) -> Record:
    """What tells a file from its later self. Changing contents always changes the third number."""
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]


def unless_just_changed(status: os.stat_result) -> Record:
    """The record to keep after a copy.

    A file that changed a moment ago may change again without getting another time: its record is
    made to match nothing, so that the next snapshot copies it again.
    """
    size, changed, touched, inode = record_of(status)
    if touched > now().timestamp() * 1e9 - _SAME_TICK:
        return changing(status)
    return [size, changed, touched, inode]


def changing(status: os.stat_result) -> Record:
    """A record that no file ever has."""
    return [status.st_size, status.st_mtime_ns, -1, status.st_ino]


def line(path: str, records: Mapping[str, Record]) -> str:
    """One folder; odd names are written in ASCII and come back as they were."""
    return f"{json.dumps(path)}\t{json.dumps(records, separators=(',', ':'))}\n"


class KnownFiles:
    """The records of one home in one snapshot; nothing at all where they cannot be read."""

    def __init__(self, path: Path | None) -> None:
        self._lines: dict[str, str] = {}
        if path is None:
            return
        try:
            with open(path, encoding="utf-8") as file:
                for text in file:
                    folder, _, records = text.partition("\t")
                    self._lines[folder] = records
        except (OSError, ValueError):
            self._lines = {}

    def below(self, path: str) -> Mapping[str, Record]:
        """The files of one folder by name."""
        try:
            records = json.loads(self._lines.get(json.dumps(path), "{}"))
        except ValueError:
            return {}
        return records if isinstance(records, dict) else {}

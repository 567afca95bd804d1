"""The journal as a file: one JSON object a line, in the state folder.

For a place without the ledger, and for simulated rollouts. A line that a crash cut in two is the
last one and is left out when reading; anything else that cannot be read is an error with a cure.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, fields
from pathlib import Path
from threading import Lock
from typing import Any

from hubfleet.kit.errors import HubfleetError, failure
from hubfleet.kit.files import PRIVATE_FILE
from hubfleet.kit.syncing import SharedSync
from hubfleet.rollout.ports import (
    DURABLE,
    ActEnded,
    ActIntended,
    CutOff,
    Entry,
    GateJudged,
    HubSettled,
    PlannedStep,
    RevisionMade,
    RolloutBegun,
    RolloutEnded,
)

KINDS: dict[str, type[Entry]] = {
    "rollout": RolloutBegun,
    "intent": ActIntended,
    "outcome": ActEnded,
    "gate": GateJudged,
    "revision": RevisionMade,
    "settled": HubSettled,
    "end": RolloutEnded,
}
_WORDS = {made: word for word, made in KINDS.items()}
_NAMES = {made: tuple(field.name for field in fields(made)) for made in _WORDS}
_encode = json.JSONEncoder(default=dict).encode


class MemoryJournal:
    """A journal that ends with the process: for dry runs, and to look at in tests."""

    fenced = False

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def write(self, entry: Entry) -> None:
        self.entries.append(entry)

    def write_all(self, together: list[Entry]) -> None:
        for entry in together:
            self.write(entry)

    def cut_off(self) -> CutOff | None:
        return cut_off_of(self.entries)


class FileJournal:
    """Safe for several threads of one process; they share the waits for the disk."""

    fenced = False

    def __init__(self, path: Path) -> None:
        self._path = path
        self._turn = Lock()
        self._descriptor: int | None = None
        self._disk = SharedSync(lambda: os.fdatasync(self._open()))

    def write(self, entry: Entry) -> None:
        self.write_all([entry])

    def write_all(self, together: list[Entry]) -> None:
        lines = "".join(map(_line, together)).encode()
        try:
            with self._turn:
                os.write(self._open(), lines)
            if any(isinstance(entry, DURABLE) for entry in together):
                self._disk.wait()
        except OSError as error:
            raise _not_written(self._path, error) from None

    def cut_off(self) -> CutOff | None:
        return cut_off_of(self.read())

    def read(self) -> list[Entry]:
        """All entries, oldest first; raises `journal-damaged` with the line."""
        try:
            lines = self._path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return []
        entries = []
        for number, line in enumerate(lines[:-1], start=1):
            try:
                entries.append(entry_of(json.loads(line)))
            except (ValueError, KeyError, TypeError) as error:
                raise _damaged(self._path, number, error) from None
        return entries

    def _open(self) -> int:
        if self._descriptor is None:
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            self._descriptor = os.open(self._path, flags, PRIVATE_FILE)
            _end_the_last_line(self._descriptor)
        return self._descriptor


def cut_off_of(entries: list[Entry]) -> CutOff | None:
    """What the last rollout among the entries that has no end left open."""
    open_ones: dict[str, RolloutBegun] = {}
    for entry in entries:
        if isinstance(entry, RolloutBegun):
            open_ones.pop(entry.rollout, None)
            open_ones[entry.rollout] = entry
        elif isinstance(entry, RolloutEnded):
            open_ones.pop(entry.rollout, None)
    if not open_ones:
        return None
    begun = [*open_ones.values()][-1]
    revisions: dict[str, int] = {}
    cut = CutOff(begun, {}, {}, {}, revisions)
    kept: dict[type[Entry], Any] = {
        HubSettled: cut.settled,
        ActIntended: cut.intended,
        GateJudged: cut.judged,
    }
    for entry in entries:
        if entry.rollout == begun.rollout and type(entry) in kept:
            kept[type(entry)][entry.hub] = entry  # type: ignore[union-attr]
        if entry.rollout == begun.rollout and isinstance(entry, RevisionMade):
            revisions[entry.hub] = entry.revision
    return cut


def _line(entry: Entry) -> str:
    facts: dict[str, Any] = {name: getattr(entry, name) for name in _NAMES[type(entry)]}
    if isinstance(entry, RolloutBegun):
        facts["steps"] = [asdict(step) for step in entry.steps]
    return _encode({"kind": _WORDS[type(entry)], **facts}) + "\n"


def entry_of(facts: dict[str, Any]) -> Entry:
    """The entry that a line holds."""
    kind = KINDS[facts.pop("kind")]
    if kind is RolloutBegun:
        facts["steps"] = tuple(PlannedStep(**step) for step in facts["steps"])
    if kind is ActEnded:
        facts["problems"] = tuple(facts["problems"])
    return kind(**facts)


def _end_the_last_line(descriptor: int) -> None:
    """A line that a crash cut in two must not swallow the next one: it is taken off."""
    size = os.fstat(descriptor).st_size
    kept = size
    while kept:
        begin = max(kept - 4096, 0)
        at = os.pread(descriptor, kept - begin, begin).rfind(b"\n")
        if at >= 0:
            kept = begin + at + 1
            break
        kept = begin
    if kept != size:
        os.ftruncate(descriptor, kept)


def _not_written(path: Path, error: OSError) -> HubfleetError:
    return failure(
        "journal-not-written",
        "the journal cannot be written, so nothing is changed",
        place=str(path),
        why=error.strerror or str(error),
        hint="make room on the disk or mend the file's rights, then run the command again",
    )


def _damaged(path: Path, line: int, error: Exception) -> HubfleetError:
    return failure(
        "journal-damaged",
        "the journal holds a line that is no entry, so it is not known what was cut off",
        place=f"{path}:{line}",
        why=str(error),
        hint="look at the hubs with `hubfleet status`, move the file away and run "
        "`hubfleet apply` again: it looks at the world and goes on from there",
    )

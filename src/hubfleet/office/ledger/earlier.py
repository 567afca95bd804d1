"""Reading in `journal.jsonl`, the journal of a place that had no ledger.

Lines that the file journal writes now are taken over as they are. Lines of hubfleet 0.1 say what
was intended and what came of it, not who wanted it nor with which values: what is known is taken
over, and a rollout of theirs that was cut off counts as abandoned, because nothing can go on with
it. The file is kept under another name. When this is killed in between, the next call leaves out
the rollouts that are known already.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from hubfleet.kit.clock import now
from hubfleet.rollout.journal import entry_of
from hubfleet.rollout.ports import (
    ActEnded,
    ActIntended,
    Entry,
    HubSettled,
    PlannedStep,
    RevisionMade,
    RolloutBegun,
    RolloutEnded,
)

FILE = "journal.jsonl"
_MAKES_REVISION = {"create", "update"}

Line = dict[str, Any]


class _Memory(Protocol):
    def knows(self, rollout: str) -> bool: ...

    def write_all(self, together: list[Entry]) -> None: ...


def read_in(state: Path, memory: _Memory) -> None:
    """Take over what the file says, then put it aside; of two processes one does so."""
    path = state / FILE
    if not path.is_file():
        return
    with path.open(encoding="utf-8", errors="replace") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if not path.is_file():
            return
        rollouts: dict[str, list[Line]] = {}
        for line in _lines(file):
            rollouts.setdefault(line["rollout"], []).append(line)
        unknown = [lines for name, lines in rollouts.items() if not memory.knows(name)]
        memory.write_all([entry for lines in unknown for entry in _entries(lines)])
        path.rename(state / f"journal-read-in-{now():%Y%m%dT%H%M%SZ}.jsonl")


def _lines(texts: Iterable[str]) -> Iterator[Line]:
    """Every line that is one. What a crash cut off or somebody edited is left out: the ledger must
    open, whatever an old file holds.
    """
    for text in texts:
        try:
            line = json.loads(text)
            datetime.fromisoformat(line["at"])
            if {"kind", "rollout"} <= line.keys():
                yield line
        except (ValueError, TypeError, KeyError, AttributeError):
            continue


def _entries(lines: list[Line]) -> Iterator[Entry]:
    """One rollout's. It is of hubfleet 0.1 when its first line is no entry of today."""
    try:
        entry_of(dict(lines[0]))
    except (ValueError, TypeError, KeyError):
        yield from _earlier_entries(lines)
        return
    for line in lines:
        try:
            yield entry_of(dict(line))
        except (ValueError, TypeError, KeyError):
            continue


def _earlier_entries(lines: list[Line]) -> Iterator[Entry]:
    first, last = lines[0], lines[-1]
    rollout = first["rollout"]
    intended = {
        line["hub"]: line for line in lines if line["kind"] == "intent" and "action" in line
    }
    steps = tuple(PlannedStep(hub, "", line["action"], 1) for hub, line in intended.items())
    yield RolloutBegun(rollout, first["at"], first.get("fingerprint", ""), "", "", "", steps)
    for line in lines:
        hub, at = line.get("hub", ""), line["at"]
        match line["kind"]:
            case "intent" if hub in intended:
                yield ActIntended(rollout, at, hub, line["action"])
            case "outcome" if hub in intended and "fate" in line:
                yield from _outcome(line, intended[hub])
            case "held":
                yield HubSettled(rollout, at, hub, "held")
    ended = last["kind"] == "end"
    yield RolloutEnded(rollout, last["at"], bool(last.get("ok")), abandoned=not ended)


def _outcome(line: Line, intent: Line) -> Iterator[Entry]:
    rollout, at, hub, action = line["rollout"], line["at"], line["hub"], intent["action"]
    done, revision = line["fate"] == "done", line.get("revision") or 0
    problems = tuple(line.get("problems", ()))
    yield ActEnded(rollout, at, hub, action, done, done, revision, problems=problems)
    if done and revision and action in _MAKES_REVISION:
        yield RevisionMade(
            rollout, at, hub, revision, action, "", {}, "", {}, "", "", intent["at"], 0.0
        )
    fate, why = line["fate"], next((one["what"] for one in problems), "")
    yield HubSettled(rollout, at, hub, fate, why)

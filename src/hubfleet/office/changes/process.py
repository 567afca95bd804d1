"""A command of ours as a process of its own, in its own session: it goes on without the console.

A shell around it writes the exit code into a file, so that a console that was away knows how it
ended. Whoever starts one keeps what `start` gives, and asks `ended` from time to time.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from hubfleet.kit.clock import now
from hubfleet.kit.files import make_private_folder
from hubfleet.office.ports import desk
from hubfleet.platforms.local.processes import boot_id, is_alive, start_time

_KEEPING_THE_CODE = 'file=$1; shift; "$@"; echo $? >"$file.new"; mv "$file.new" "$file"'
_UNSTARTED = 60
"""Seconds after which a process of which nothing is known counts as never started."""

_children: list[subprocess.Popen[bytes]] = []


@dataclass(frozen=True, slots=True)
class Papers:
    """What one process leaves behind."""

    folder: Path
    name: str

    @property
    def answer(self) -> Path:
        """What the command printed: JSON."""
        return self.folder / f"{self.name}.json"

    @property
    def messages(self) -> Path:
        """What it told, for people."""
        return self.folder / f"{self.name}.log"

    @property
    def code(self) -> Path:
        return self.folder / f"{self.name}.code"

    def told(self) -> str:
        """The messages so far."""
        try:
            return self.messages.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""


@dataclass(frozen=True, slots=True)
class Started:
    """Which process it is: pids are used again, so when it began and since which boot."""

    pid: int | None
    began: int | None
    boot: str


@dataclass(frozen=True, slots=True)
class Ended:
    """`code` is None when the process is gone without a word."""

    code: int | None


def start(words: Sequence[str], papers: Papers) -> Started:
    """Start `hubfleet` with these words."""
    make_private_folder(papers.folder)
    command = ["/bin/sh", "-c", _KEEPING_THE_CODE, "hubfleet-run", str(papers.code)]
    with _private(papers.answer) as answer, _private(papers.messages) as messages:
        child = subprocess.Popen(
            [*command, *desk().program(), *words],
            stdin=subprocess.DEVNULL,
            stdout=answer,
            stderr=messages,
            cwd="/",
            start_new_session=True,
        )
    _children.append(child)
    return Started(child.pid, start_time(child.pid), boot_id())


def reap() -> None:
    """Let the system forget processes of ours that have ended."""
    for child in list(_children):
        if child.poll() is not None:
            _children.remove(child)


def ended(started: Started, papers: Papers, at: datetime) -> Ended | None:
    """How it ended; None while it runs. `at` is when it was to start."""
    reap()
    if papers.code.exists():
        return Ended(int(papers.code.read_text().strip() or "3"))
    if started.pid is None:
        return Ended(None) if (now() - at).total_seconds() > _UNSTARTED else None
    if is_alive(started.pid, started.began or 0, started.boot):
        return None
    # Between its last look and now it may still have written the code.
    return Ended(int(papers.code.read_text()) if papers.code.exists() else None)


@contextmanager
def _private(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)

"""Logs: keeping them small, reading and following their end, finding the line that matters.

People's code can reach its own server's log and make it as large as it likes, with nothing in it:
of a log that is far larger than logs are let become, only the end is ever looked at.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from hubfleet.kit.files import PRIVATE_FILE

KEPT = 5
LARGEST = 10 * 1024 * 1024

_MOST_READ = 2 * LARGEST
_BLOCK = 64 * 1024
_TRACEBACK = re.compile(r"^(\s*)Traceback \(most recent call last\):")
_ERROR = re.compile(r"^\[[EC] |\b(?:ERROR|CRITICAL)\b")


def rotate_by_rename(path: Path, largest: int = LARGEST) -> bool:
    """Set a log aside as `.1` when it is too large; its writer must then open a new one.

    Nothing is lost: until it does, it goes on writing into the file set aside.
    """
    if _size(path) < largest:
        return False
    _make_room(path)
    path.rename(_aside(path, 1))
    return True


def rotate_by_copy(path: Path, largest: int = LARGEST) -> bool:
    """Copy a log aside and empty it, for writers that cannot be told to open another one.

    They must append (O_APPEND). What they write in the instant between the last look and the
    emptying is lost, and of one that is far larger than logs become all but the end is.
    """
    if _size(path) < largest:
        return False
    _make_room(path)
    with path.open("r+b", buffering=0) as old:
        descriptor = os.open(_aside(path, 1), os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
        with os.fdopen(descriptor, "wb", buffering=0) as new:
            left = _skip_to_end(old, _MOST_READ)
            while left > 0 and (block := old.read(min(_BLOCK, left))):
                new.write(block)
                left -= len(block)
            old.truncate(0)
    return True


def tail(path: Path, lines: int) -> list[str]:
    """The last lines, oldest first, from the log and the ones set aside before it."""
    found: list[str] = []
    for file in [path, *(_aside(path, number) for number in range(1, KEPT + 1))]:
        if len(found) >= lines:
            break
        with suppress(FileNotFoundError):
            found = _last_lines(file, lines - len(found)) + found
    return found


def follow(
    path: Path, lines: int = 0, *, until: Callable[[], bool] = lambda: False, pause: float = 0.2
) -> Iterator[str]:
    """The last lines, then each new one as it comes, across rotation; ends when `until` says so.

    A file that is not there yet is waited for.
    """
    start = _size(path)
    yield from tail(path, lines)
    rest = b""
    file: BinaryIO | None = None
    try:
        while True:
            last_look = until()
            if file is None:
                file = _open_at(path, start)
            if file is not None:
                complete, rest = _complete_lines(rest + _unread(file))
                yield from complete
                if _was_emptied(file):
                    file.seek(0)
                elif _was_replaced(file, path):
                    # Once more: it may have grown between the reading and the renaming.
                    complete, rest = _complete_lines(rest + _unread(file))
                    yield from complete
                    file.close()
                    file, start = None, 0
                    continue
            if last_look:
                return
            time.sleep(pause)
    finally:
        if file is not None:
            file.close()


def explain_failure(log: Path, since_offset: int = 0) -> tuple[int, str] | None:
    """The line that shows why a program did not come up, with its number in the file.

    That is the last line of the last traceback after the offset (in bytes), else the first error.
    None when there is no such line. A log that became smaller than the offset is read whole; in
    one of which only the end is looked at, the number counts from where that begins.
    """
    try:
        with log.open("rb") as file:
            left = _skip_to_end(file, _MOST_READ)
            since_offset = max(0, since_offset - file.tell())
            content = file.read(left)
    except OSError:
        return None
    if since_offset > len(content):
        since_offset = 0
    skipped = content[:since_offset].count(b"\n")
    lines = content[since_offset:].decode(errors="replace").splitlines()
    index = _end_of_last_traceback(lines)
    if index is None:
        index = next((at for at, line in enumerate(lines) if _ERROR.search(line)), None)
    return None if index is None else (skipped + index + 1, lines[index].strip())


def _end_of_last_traceback(lines: list[str]) -> int | None:
    found = None
    indent: int | None = None
    for index, line in enumerate(lines):
        match = _TRACEBACK.match(line)
        if match:
            indent = len(match[1])
        elif indent is not None and line.strip() and _indent(line) <= indent:
            found, indent = index, None
    return found


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _aside(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")


def _make_room(path: Path) -> None:
    """Shift `.1` to `.2` and so on; the oldest goes."""
    for number in range(KEPT, 0, -1):
        with suppress(FileNotFoundError):
            if number == KEPT:
                _aside(path, number).unlink()
            else:
                _aside(path, number).rename(_aside(path, number + 1))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _last_lines(path: Path, count: int) -> list[str]:
    with path.open("rb") as file:
        position = file.seek(0, os.SEEK_END)
        first = max(0, position - _MOST_READ)
        blocks: list[bytes] = []
        found = 0
        while position > first and found <= count:
            step = min(_BLOCK, position - first)
            position -= step
            file.seek(position)
            blocks.append(file.read(step))
            found += blocks[-1].count(b"\n")
    content = b"".join(reversed(blocks))
    return content.decode(errors="replace").splitlines()[-count:] if count else []


def _open_at(path: Path, start: int) -> BinaryIO | None:
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return None
    file.seek(min(start, os.fstat(file.fileno()).st_size))
    return file


def _complete_lines(content: bytes) -> tuple[list[str], bytes]:
    *whole, rest = content.split(b"\n")
    return [line.decode(errors="replace") for line in whole], rest[-_MOST_READ:]


def _unread(file: BinaryIO) -> bytes:
    """What was written since the last look."""
    if os.fstat(file.fileno()).st_size - file.tell() > _MOST_READ:
        _skip_to_end(file, _MOST_READ)
    return file.read(_MOST_READ)


def _skip_to_end(file: BinaryIO, most: int) -> int:
    """Go to where at most so many bytes are left; how many there are."""
    size = os.fstat(file.fileno()).st_size
    return size - file.seek(max(0, size - most))


def _was_emptied(file: BinaryIO) -> bool:
    return os.fstat(file.fileno()).st_size < file.tell()


def _was_replaced(file: BinaryIO, path: Path) -> bool:
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    here = os.fstat(file.fileno())
    return (there.st_dev, there.st_ino) != (here.st_dev, here.st_ino)

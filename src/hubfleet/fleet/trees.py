"""A repository's files, looked at without following links: on disk, or as a mapping in tests."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal, Protocol

Kind = Literal["file", "folder", "link", "other"]

MOST_FILES = 5_000
MOST_BYTES = 200_000_000

_NOT_CONTENT = frozenset({".git", "__pycache__", ".ipynb_checkpoints", "environment.lock"})


class TreeError(Exception):
    """A repository that cannot be taken as it is: `path` is to blame, `why` says for what."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(why)
        self.path = path
        self.why = why


class Tree(Protocol):
    """The files of a repository by relative path."""

    def kind(self, path: str) -> Kind | None:
        """What is at `path`; `link` also for what lies behind one."""
        ...

    def read(self, path: str, most: int) -> bytes | None:
        """The content of a file; None for one of more than `most` bytes."""
        ...

    def digests(self) -> dict[str, str]:
        """Every file's digest with its mode; raises `TreeError`."""
        ...


@dataclass(frozen=True, slots=True)
class TextTree:
    """Files that are only text; `links` are paths of links."""

    texts: Mapping[str, str]
    links: frozenset[str] = frozenset()

    def kind(self, path: str) -> Kind | None:
        if path in self.links:
            return "link"
        if path in self.texts:
            return "file"
        inside = any(PurePosixPath(other).is_relative_to(path) for other in self.texts)
        return "folder" if inside else None

    def read(self, path: str, most: int) -> bytes | None:
        data = self.texts[path].encode()
        return data if len(data) <= most else None

    def digests(self) -> dict[str, str]:
        if self.links:
            raise TreeError(min(self.links), "it is a link")
        return {
            path: hashlib.sha256(text.encode()).hexdigest() for path, text in self.texts.items()
        }


@dataclass(frozen=True, slots=True)
class FolderTree:
    """A folder on disk."""

    root: Path

    def kind(self, path: str) -> Kind | None:
        current = self.root
        found: Kind | None = "folder"
        for part in PurePosixPath(path).parts:
            current /= part
            found = _kind(current)
            if found != "folder":
                break
        return found if current == self.root / path or found == "link" else None

    def read(self, path: str, most: int) -> bytes | None:
        # A file that became a pipe or a link since it was looked at must not be waited for.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        with os.fdopen(os.open(self.root / path, flags), "rb") as file:
            data = file.read(most + 1)
        return data if len(data) <= most else None

    def digests(self) -> dict[str, str]:
        found: dict[str, str] = {}
        room = MOST_BYTES
        for path, status in walk(self.root):
            name = path.relative_to(self.root).as_posix()
            if stat.S_ISLNK(status.st_mode):
                found[name] = f"-> {path.readlink()}"
                continue
            room -= status.st_size
            if room < 0:
                why = f"its files have more than {MOST_BYTES // 1_000_000} MB together"
                raise TreeError(name, why)
            with path.open("rb") as file:
                sum_ = hashlib.file_digest(file, "sha256").hexdigest()
            found[name] = f"{'x' if status.st_mode & 0o100 else '-'} {sum_}"
            if len(found) > MOST_FILES:
                raise TreeError(name, f"it has more than {MOST_FILES} files")
        return dict(sorted(found.items()))


def _kind(path: Path) -> Kind | None:
    try:
        mode = path.lstat().st_mode
    except OSError:
        return None
    if stat.S_ISLNK(mode):
        return "link"
    if stat.S_ISDIR(mode):
        return "folder"
    return "file" if stat.S_ISREG(mode) else "other"


def walk(root: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Files, and links that stay inside; raises `TreeError` for what may not be copied."""
    pending = [root]
    while pending:
        folder = pending.pop()
        for path in sorted(folder.iterdir()):
            if path.name in _NOT_CONTENT:
                continue
            name = path.relative_to(root).as_posix()
            if not name.isprintable():
                raise TreeError(ascii(name), "its name holds characters that cannot be shown")
            status = path.lstat()
            if stat.S_ISDIR(status.st_mode):
                pending.append(path)
            elif stat.S_ISLNK(status.st_mode):
                if not _stays_inside(root, path):
                    raise TreeError(name, "it is a link that leads out of the repository")
                yield path, status
            elif stat.S_ISREG(status.st_mode):
                yield path, status
            else:
                raise TreeError(name, "it is neither a file, a folder nor a link")


def _stays_inside(root: Path, link: Path) -> bool:
    """By its words, and by what it leads to: a link to a link may leave, too."""
    target = link.readlink()
    if target.is_absolute():
        return False
    words = Path(os.path.normpath(link.parent / target))
    return words.is_relative_to(root) and link.resolve().is_relative_to(root.resolve())

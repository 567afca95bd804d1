"""Writing one tree as an archive while its owner may change it.

Folders are opened one below the other and never by path (`homes.folders` says why). What is no
file, folder or link inside the tree is left out and told; so is a link that leads out of it,
because a copy of it would point at somebody else's files.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from hubfleet.platforms.archives.headers import (
    BLOCK,
    END,
    FOLDER,
    LINK,
    SYMLINK,
    header,
    padding,
)
from hubfleet.platforms.archives.reasons import (
    DEEPEST,
    TOO_DEEP,
    OtherFileSystemError,
    is_gone,
    reason,
    shown,
)

SMALL = 1 << 18
"""Files up to this size are read at once, and again when they changed meanwhile."""

_CHUNK = 1 << 20
_TRIES = 3
_MOST_NOTES = 200
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_KINDS = {
    stat.S_IFSOCK: "is a socket, which is not taken along",
    stat.S_IFIFO: "is a pipe, which is not taken along",
    stat.S_IFBLK: "is a device, which is not taken along",
    stat.S_IFCHR: "is a device, which is not taken along",
}


class Sink(Protocol):
    """Where the archive goes."""

    def write(self, data: bytes, /) -> object: ...


@dataclass(slots=True)
class TreeArchive:
    """One archive. `notes` are what was left out or changed meanwhile; `count` all of them.

    `told` hears how many files were read, now and then.
    """

    sink: Sink
    told: Callable[[int], None] = lambda _count: None
    passed_by: tuple[bytes, ...] = ()
    """Names at the top that are nobody's, such as what a file system keeps for itself."""
    entries: int = 0
    read: int = 0
    notes: list[str] = field(default_factory=list)
    count: int = 0
    _seen: dict[int, bytes] = field(default_factory=dict)

    def write(self, root: int) -> None:
        """All that is in an open folder, sorted, and the end of the archive."""
        status = os.fstat(root)
        self._put(header(b"./", mode=_mode(status), mtime=_time(status), kind=FOLDER))
        self._folder(root, b"", 0, status.st_dev)
        self.sink.write(END)

    def note(self, path: bytes, why: str) -> None:
        """Tell of one path; the first two hundred are kept."""
        self.count += 1
        if len(self.notes) < _MOST_NOTES:
            self.notes.append(f"{shown(os.fsdecode(path))} {why}")

    def told_notes(self) -> list[str]:
        """The notes that were kept, and how many were not."""
        more = self.count - len(self.notes)
        return [*self.notes, *([f"and {more} more"] if more else [])]

    def _put(self, data: bytes) -> None:
        self.entries += 1
        self.sink.write(data)
        if self.entries % 1000 == 0:
            self.told(self.entries)

    def _folder(self, folder: int, path: bytes, depth: int, device: int) -> None:
        """Files first, then folders: whoever unpacks has one open folder for each level."""
        files: list[bytes] = []
        others: list[bytes] = []
        folders: list[bytes] = []
        with os.scandir(folder) as found:
            for entry in found:
                if entry.is_symlink():
                    others.append(os.fsencode(entry.name))
                elif entry.is_dir(follow_symlinks=False):
                    folders.append(os.fsencode(entry.name))
                elif entry.is_file(follow_symlinks=False):
                    files.append(os.fsencode(entry.name))
                else:
                    others.append(os.fsencode(entry.name))
        for name in sorted(files):
            self._carefully(path + name, lambda name=name: self._file(name, folder, path))  # type: ignore[misc]
        for name in sorted(others):
            self._carefully(path + name, lambda name=name: self._other(name, folder, path))  # type: ignore[misc]
        for name in sorted(folders):
            if depth == 0 and name in self.passed_by:
                continue
            if depth == DEEPEST:
                self.note(path + name, TOO_DEEP)
                continue
            self._carefully(
                path + name,
                lambda name=name: self._below(name, folder, path, depth, device),  # type: ignore[misc]
            )

    def _carefully(self, path: bytes, act: Callable[[], None]) -> None:
        try:
            act()
        except _WritingError:
            raise
        except OSError as error:
            if not is_gone(error):
                self.note(path, reason(error))

    def _below(self, name: bytes, folder: int, path: bytes, depth: int, device: int) -> None:
        inner = os.open(name, _FOLDER, dir_fd=folder)
        try:
            status = os.fstat(inner)
            if status.st_dev != device:
                raise OtherFileSystemError(errno.EXDEV, "another file system")
            self._put(
                header(path + name + b"/", mode=_mode(status), mtime=_time(status), kind=FOLDER)
            )
            self._folder(inner, path + name + b"/", depth + 1, device)
        finally:
            os.close(inner)

    def _other(self, name: bytes, folder: int, path: bytes) -> None:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if not stat.S_ISLNK(status.st_mode):
            self.note(path + name, _KINDS.get(stat.S_IFMT(status.st_mode), "is not taken along"))
            return
        target = os.readlink(name, dir_fd=folder)
        if leads_out(path + name, target):
            self.note(path + name, "is a link that leads out, which is not taken along")
            return
        self._put(header(path + name, mode=0o777, mtime=_time(status), kind=SYMLINK, link=target))

    def _file(self, name: bytes, folder: int, path: bytes) -> None:
        descriptor = os.open(name, _READ, dir_fd=folder)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise OSError(errno.EINVAL, "is not an ordinary file")
            if status.st_nlink > 1:
                first = self._seen.setdefault(status.st_ino, path + name)
                if first != path + name:
                    self._put(
                        header(
                            path + name,
                            mode=_mode(status),
                            mtime=_time(status),
                            kind=LINK,
                            link=first,
                        )
                    )
                    return
            if status.st_size > SMALL:
                self._large(descriptor, status, path + name)
            else:
                self._small(descriptor, status, path + name)
        finally:
            os.close(descriptor)

    def _small(self, descriptor: int, status: os.stat_result, path: bytes) -> None:
        data = b""
        for _ in range(_TRIES):
            data = os.pread(descriptor, status.st_size + 1, 0)
            after = os.fstat(descriptor)
            if len(data) == status.st_size and after.st_mtime_ns == status.st_mtime_ns:
                break
            status = after
        else:
            self.note(path, "changed while it was read: the copy may be mixed")
        size = len(data)
        self.read += size
        self._put(header(path, mode=_mode(status), size=size, mtime=_time(status)) + data)
        if size % BLOCK:
            self.sink.write(padding(size))

    def _large(self, descriptor: int, status: os.stat_result, path: bytes) -> None:
        """As large as it was when it was opened, whatever happens to it meanwhile."""
        size = status.st_size
        self.read += size
        pieces = _pieces(descriptor, size) if status.st_blocks * BLOCK < size else [(0, size)]
        mode, mtime = _mode(status), _time(status)
        if pieces == [(0, size)]:
            self._put(header(path, mode=mode, size=size, mtime=mtime))
            stored = size
        else:
            told = b"%d\n" % len(pieces) + b"".join(b"%d\n%d\n" % piece for piece in pieces)
            told += padding(len(told))
            stored = len(told) + sum(length for _, length in pieces)
            self._put(
                header(
                    b"GNUSparseFile.0/entry",
                    mode=mode,
                    size=stored,
                    mtime=mtime,
                    extended=(
                        (b"GNU.sparse.major", b"1"),
                        (b"GNU.sparse.minor", b"0"),
                        (b"GNU.sparse.name", path),
                        (b"GNU.sparse.realsize", b"%d" % size),
                    ),
                )
                + told
            )
        # Every piece, also after one that was cut.
        whole = not [piece for piece in pieces if not self._piece(descriptor, *piece)]
        self.sink.write(padding(stored))
        after = os.fstat(descriptor)
        if not whole or (after.st_size, after.st_mtime_ns) != (size, status.st_mtime_ns):
            self.note(path, "changed while it was read: the copy may be mixed")

    def _piece(self, descriptor: int, start: int, length: int) -> bool:
        """False where the file was cut meanwhile; zeros stand for what is missing."""
        end, whole = start + length, True
        while start < end:
            data = os.pread(descriptor, min(_CHUNK, end - start), start)
            if not data:
                data, whole = bytes(min(_CHUNK, end - start)), False
            self.sink.write(data)
            start += len(data)
        return whole


class _WritingError(OSError):
    """The archive itself cannot be written, which is no file's fault."""


def writing_failed(error: OSError) -> OSError:
    """For sinks: an error that must not be taken for one of the tree's."""
    return _WritingError(error.errno, error.strerror)


def leads_out(path: bytes, target: bytes) -> bool:
    """Whether a link at `path` names something outside of the tree, by its words alone."""
    if target.startswith(b"/") or not target or b"\0" in target:
        return True
    depth = path.count(b"/")
    for part in target.split(b"/"):
        depth += {b"..": -1, b".": 0, b"": 0}.get(part, 1)
        if depth < 0:
            return True
    return False


def _pieces(descriptor: int, size: int) -> list[tuple[int, int]]:
    """Where data is; the last piece may be empty, so that readers know the end."""
    found: list[tuple[int, int]] = []
    position = 0
    while position < size:
        try:
            start = os.lseek(descriptor, position, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:
                break
            raise
        if start >= size:
            break
        position = min(os.lseek(descriptor, start, os.SEEK_HOLE), size)
        found.append((start, position - start))
    if not found or sum(found[-1]) < size:
        found.append((size, 0))
    return found


def _mode(status: os.stat_result) -> int:
    return status.st_mode & 0o777


def _time(status: os.stat_result) -> int:
    return status.st_mtime_ns // 1_000_000_000

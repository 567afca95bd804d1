"""Writing an archive into a folder of our own, whoever made the archive.

Only the dialect of `headers` is read. Folders are opened one below the other as the archive names
them, so that no name and no link can lead to another place; bounds are those of the manifest.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from hubfleet.platforms.archives.headers import (
    BLOCK,
    END,
    EXTENDED,
    FILE,
    FOLDER,
    LARGEST_EXTENDED,
    LINK,
    SYMLINK,
    Entry,
    HeaderError,
    read_plain,
    read_records,
)
from hubfleet.platforms.archives.reasons import DEEPEST
from hubfleet.platforms.archives.tree import leads_out
from hubfleet.replicate.bundle.manifest import Held, altered, unsafe

_CHUNK = 1 << 20
_MOST_PIECES = 100_000
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_KNOWN = {
    b"path",
    b"linkpath",
    b"size",
    b"mtime",
    b"hdrcharset",
    b"GNU.sparse.major",
    b"GNU.sparse.minor",
    b"GNU.sparse.name",
    b"GNU.sparse.realsize",
}


class Source(Protocol):
    """Where an archive comes from; `read` gives fewer bytes only at its end."""

    def read(self, size: int, /) -> bytes: ...


@dataclass(slots=True)
class _Open:
    """A folder that is being filled; rights and time are given to it when it is full."""

    path: bytes
    descriptor: int
    mode: int
    mtime: int
    names: set[bytes] = field(default_factory=set)


class Unpacking:
    """One archive into one open, empty folder; `place` is what errors call it.

    Without a root nothing is written: the archive is only looked through. Raises `bundle-altered`
    or `bundle-unsafe`, and OSError where the disk refuses.
    """

    def __init__(self, source: Source, root: int | None, held: Held, place: str) -> None:
        self._source = source
        self._root = root
        self._held = held
        self._place = place
        self._entries = 0
        self._bytes = 0
        self._stack: list[_Open] = []

    def run(self) -> None:
        try:
            while (entry := self._next()) is not None:
                self._entries += 1
                self._bytes += entry.real if entry.kind == FILE else 0
                if self._entries > self._held.entries or self._bytes > self._held.bytes:
                    raise altered(self._place, "There is more in it than its manifest says.")
                self._take(entry)
            if (self._entries, self._bytes) != (self._held.entries, self._held.bytes):
                raise altered(self._place, "There is less in it than its manifest says.")
        except HeaderError as error:
            raise altered(self._place, f"{str(error)[0].upper()}{str(error)[1:]}.") from None
        finally:
            while self._stack:
                self._leave()

    def _next(self) -> Entry | None:
        block = self._exactly(BLOCK)
        if block == END[:BLOCK]:
            if self._exactly(BLOCK) != END[:BLOCK] or self._source.read(1):
                raise HeaderError("it goes on after its end")
            return None
        records: dict[bytes, bytes] = {}
        name, mode, size, mtime, kind, link = read_plain(block)
        if kind == EXTENDED:
            if size > LARGEST_EXTENDED:
                raise HeaderError("an extended header is too large")
            records = read_records(self._exactly(size))
            self._exactly(-size % BLOCK)
            if not records.keys() <= _KNOWN:
                raise HeaderError("an extended header says what hubfleet does not write")
            name, mode, size, mtime, kind, link = read_plain(self._exactly(BLOCK))
        sparse = b"GNU.sparse.realsize" in records
        name = records.get(b"GNU.sparse.name" if sparse else b"path", name)
        link = records.get(b"linkpath", link)
        try:
            size = int(records.get(b"size", size))
            mtime = int(records.get(b"mtime", mtime))
            real = int(records.get(b"GNU.sparse.realsize", size))
        except ValueError:
            raise HeaderError("a number in it is none") from None
        if min(size, real) < 0 or abs(mtime) > 1 << 60:
            raise HeaderError("a number in it is none")
        return Entry(name, kind, mode, size, mtime, link, real, sparse)

    def _take(self, entry: Entry) -> None:
        if entry.kind not in (FILE, LINK, SYMLINK, FOLDER):
            raise unsafe(self._place, "It holds a device, a pipe, or what else is no file.")
        if entry.name == b"./":
            if self._entries != 1 or entry.kind != FOLDER:
                raise HeaderError("its root is not where it belongs")
            root = -1 if self._root is None else os.dup(self._root)
            self._stack.append(_Open(b"", root, entry.mode, entry.mtime))
            return
        path = entry.name.removesuffix(b"/") if entry.kind == FOLDER else entry.name
        parts = path.split(b"/")
        if any(part in (b"", b".", b"..") or b"\0" in part for part in parts):
            raise unsafe(self._place, f"{entry.name[:120]!r} is not a path inside it.")
        folder, name = self._inside(path), parts[-1]
        if name in folder.names:
            raise unsafe(self._place, f"{entry.name[:120]!r} is in it twice.")
        folder.names.add(name)
        if entry.kind == FOLDER and len(self._stack) > DEEPEST + 1:
            raise unsafe(self._place, "Its folders are nested too deeply.")
        if entry.kind == SYMLINK and leads_out(path, entry.link):
            raise unsafe(self._place, f"The link {path[:120]!r} leads out of it.")
        if entry.kind == LINK and {b"", b".", b".."} & {*entry.link.split(b"/")}:
            raise unsafe(self._place, f"{path[:120]!r} names a file outside of it.")
        if self._root is not None:
            self._make(entry, path, name, folder.descriptor)
        elif entry.kind == FOLDER:
            self._stack.append(_Open(path + b"/", -1, entry.mode, entry.mtime))
        elif entry.kind == FILE:
            self._look_through(entry)

    def _look_through(self, entry: Entry) -> None:
        left = self._pieces(entry)[1] if entry.sparse else entry.size
        padding = -left % BLOCK
        while left:
            left -= len(self._exactly(min(_CHUNK, left)))
        self._exactly(padding)

    def _make(self, entry: Entry, path: bytes, name: bytes, folder: int) -> None:
        if entry.kind == FOLDER:
            os.mkdir(name, 0o700, dir_fd=folder)
            inner = os.open(name, _FOLDER, dir_fd=folder)
            self._stack.append(_Open(path + b"/", inner, entry.mode, entry.mtime))
        elif entry.kind == SYMLINK:
            os.symlink(entry.link, name, dir_fd=folder)
            times = (entry.mtime * 10**9,) * 2
            os.utime(name, ns=times, dir_fd=folder, follow_symlinks=False)
        elif entry.kind == LINK:
            self._link(entry.link, path, name, folder)
        else:
            self._file(entry, name, folder)

    def _inside(self, path: bytes) -> _Open:
        """The open folder that a path is directly below; those before it in order are full."""
        while self._stack and not path.startswith(self._stack[-1].path):
            self._leave()
        if not self._stack or b"/" in path[len(self._stack[-1].path) :]:
            raise unsafe(self._place, f"{path[:120]!r} lies in no folder of it.")
        return self._stack[-1]

    def _leave(self) -> None:
        done = self._stack.pop()
        if done.descriptor < 0:
            return
        try:
            os.fchmod(done.descriptor, done.mode & 0o777)
            os.utime(done.descriptor, ns=(done.mtime * 10**9,) * 2)
        finally:
            os.close(done.descriptor)

    def _link(self, first: bytes, path: bytes, name: bytes, folder: int) -> None:
        """A second name of a file that is there already; reached folder by folder, too."""
        parts = first.split(b"/")
        assert self._root is not None  # only then is anything made
        descriptor = os.dup(self._root)
        try:
            for part in parts[:-1]:
                below = os.open(part, _FOLDER, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = below
            os.link(
                parts[-1], name, src_dir_fd=descriptor, dst_dir_fd=folder, follow_symlinks=False
            )
        except (FileNotFoundError, NotADirectoryError):
            raise unsafe(self._place, f"{path[:120]!r} names a file that is not in it.") from None
        finally:
            os.close(descriptor)

    def _file(self, entry: Entry, name: bytes, folder: int) -> None:
        pieces, left = [(0, entry.size)], entry.size
        if entry.sparse:
            pieces, left = self._pieces(entry)
        descriptor = os.open(name, _NEW, 0o600, dir_fd=folder)
        try:
            if entry.sparse:
                os.ftruncate(descriptor, entry.real)
            for start, length in pieces:
                self._piece(descriptor, start, length)
            self._exactly(-left % BLOCK)
            os.fchmod(descriptor, entry.mode & 0o777)
            os.utime(descriptor, ns=(entry.mtime * 10**9,) * 2)
        finally:
            os.close(descriptor)

    def _pieces(self, entry: Entry) -> tuple[list[tuple[int, int]], int]:
        """Where data belongs, and how many bytes of data follow; raises HeaderError."""
        numbers: list[int] = []
        wanted, text, read = 1, b"", 0
        while len(numbers) < wanted:
            block = self._exactly(BLOCK)
            read += BLOCK
            text += block
            *lines, text = text.rstrip(b"\0").split(b"\n") if b"\0" in block else text.split(b"\n")
            for line in lines:
                if not line.isdigit() or len(line) > 20:
                    raise HeaderError("a map of holes is broken")
                numbers.append(int(line))
            if numbers:
                wanted = 1 + 2 * numbers[0]
            if numbers and (numbers[0] > _MOST_PIECES or read > entry.size):
                raise HeaderError("a map of holes is broken")
        pieces = list(zip(numbers[1::2], numbers[2::2], strict=True))
        end = 0
        for start, length in pieces:
            if start < end or start + length > entry.real:
                raise HeaderError("a map of holes is broken")
            end = start + length
        data = sum(length for _, length in pieces)
        if read + data != entry.size:
            raise HeaderError("a map of holes is broken")
        return pieces, data

    def _piece(self, descriptor: int, position: int, length: int) -> None:
        while length:
            data = self._exactly(min(_CHUNK, length))
            written = 0
            while written < len(data):
                written += os.pwrite(descriptor, data[written:], position + written)
            position += len(data)
            length -= len(data)

    def _exactly(self, size: int) -> bytes:
        data = self._source.read(size) if size else b""
        if len(data) != size:
            raise HeaderError("it ends too early")
        return data


def unpack(source: Source, folder: bytes | str, held: Held, place: str) -> None:
    """Into a folder that is there and empty; what was half written stays for the caller."""
    root = os.open(folder, _FOLDER)
    try:
        Unpacking(source, root, held, place).run()
    finally:
        with suppress(OSError):
            os.close(root)


def look_through(source: Source, held: Held, place: str) -> None:
    """Find what is wrong with an archive before the first of its files is written."""
    Unpacking(source, None, held, place).run()

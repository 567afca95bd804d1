"""Bundles in a folder, in a .tar or in a .tar.zst: written, and read without trust.

Whoever reads gets the manifest first, and then each part in the order of names, at most as large as
the manifest says and with its digest checked at its end. Nothing else may be there: the headers
between parts are compared with what they must be, and not interpreted.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from hubfleet.platforms.archives.headers import BLOCK, END, header, padding
from hubfleet.replicate.bundle import frames
from hubfleet.replicate.bundle.manifest import (
    LARGEST,
    NAME,
    Manifest,
    Part,
    altered,
    not_a_bundle,
    unsafe,
)
from hubfleet.replicate.bundle.storing import Compressor, zstandard_or_refuse
from hubfleet.replicate.bundle.unpacking import Source, look_through

Shape = Literal["folder", "tar", "zst"]

_MODE = 0o644
_CHUNK = 1 << 20
_PIECE = 1 << 26
_LARGEST_WINDOW = 1 << 27
"""Bytes; whoever compresses says how much memory reading needs."""
_MAGIC = b"\x28\xb5\x2f\xfd"


def shape_of(path: Path) -> Shape:
    """What `--to` asks for, by its name."""
    if path.name.endswith((".tar.zst", ".tzst")):
        return "zst"
    return "tar" if path.name.endswith(".tar") else "folder"


def staged_name(path: str, shape: Shape) -> str:
    """What a part is called while the bundle is made; compressed ones are frames already."""
    return f"{path}.zst" if shape == "zst" else path


def pack(stage: Path, manifest: Manifest, target: Path, compressor: Compressor | None) -> None:
    """Join the staged parts into one file; nothing is compressed twice. Raises OSError."""
    shape: Shape = "tar" if compressor is None else "zst"
    with target.open("wb") as out:
        for path in (NAME, *sorted(manifest.files)):
            data = manifest.text() if path == NAME else None
            size = len(data) if data is not None else manifest.files[path].size
            mode = _MODE if data is not None else manifest.files[path].mode
            head = header(path.encode(), mode=mode, size=size)
            _put(out, head + (data or b""), compressor)
            if data is None:
                out.flush()
                _append(stage / staged_name(path, shape), out.fileno())
            _put(out, padding(size), compressor)
        _put(out, END, compressor)
        out.flush()


def _append(path: Path, out: int) -> None:
    """Inside of the kernel, and not through this process."""
    with path.open("rb") as part:
        while os.sendfile(out, part.fileno(), None, _PIECE):
            pass


def _put(out: Any, data: bytes, compressor: Compressor | None) -> None:
    if not data:
        return
    if compressor is None:
        out.write(data)
        return
    writer = compressor.frame(out)
    writer.write(data)
    writer.close()


@dataclass(slots=True)
class Reading:
    """One part while it is read: never more than the manifest says, and its digest in the end."""

    source: Source
    part: Part
    place: str
    _left: int = -1
    _hash: Any = None

    def __post_init__(self) -> None:
        self._left = self.part.size
        self._hash = hashlib.sha256()

    def read(self, size: int, /) -> bytes:
        data = self.source.read(min(size, self._left))
        if len(data) < min(size, self._left):
            raise altered(self.place, "It ends too early.")
        self._left -= len(data)
        self._hash.update(data)
        return data

    def finish(self) -> None:
        """Read what is left; raises `bundle-altered` unless all of it is as it was written."""
        while self._left:
            self.read(_CHUNK)
        if self._hash.hexdigest() != self.part.sha256:
            raise altered(self.place, "Its digest is not that of the manifest.")

    def whole(self) -> bytes:
        """All of it, checked."""
        data = self.read(self.part.size)
        self.finish()
        return data


class Bundle:
    """A bundle that was opened: its manifest, and its parts once, in order."""

    def __init__(
        self, path: Path, manifest: Manifest, sources: Generator[tuple[str, Source], None, None]
    ) -> None:
        self.path = path
        self.manifest = manifest
        self._sources = sources

    def parts(self) -> Iterator[tuple[str, Reading]]:
        """Every part; each is checked before the next one, and all that is beside them."""
        for path, source in self._sources:
            reading = Reading(source, self.manifest.files[path], f"{self.path}: {path}")
            yield path, reading
            reading.finish()

    def close(self) -> None:
        """Let go of the part that was read last."""
        self._sources.close()


@contextmanager
def opened(path: Path) -> Iterator[Bundle]:
    """Raises what is wrong with the manifest, before anything else is looked at."""
    if path.is_dir():
        with closing(_folder(path)) as bundle:
            yield bundle
        return
    try:
        file = path.open("rb")
    except OSError as error:
        raise not_a_bundle(str(path), f"{error.strerror}.") from None
    with file:
        if file.read(4) == _MAGIC:
            frames.refuse_cut_off(file, str(path))
            file.seek(0)
            yield _tar(path, _Decompressed(file, str(path)))
        else:
            file.seek(0)
            yield _tar(path, file)


class _Decompressed:
    """Frames one after the other as one stream; its errors are those of an altered bundle."""

    def __init__(self, file: Any, place: str) -> None:
        self._zstandard = zstandard_or_refuse()
        made = self._zstandard.ZstdDecompressor(max_window_size=_LARGEST_WINDOW)
        self._reader = made.stream_reader(file, read_across_frames=True, closefd=False)
        self._place = place

    def read(self, size: int, /) -> bytes:
        try:
            found: list[bytes] = []
            while size > 0 and (data := self._reader.read(size)):
                found.append(data)
                size -= len(data)
        except self._zstandard.ZstdError:
            raise altered(self._place, "What is compressed cannot be read.") from None
        return b"".join(found)


def _tar(path: Path, source: Source) -> Bundle:
    place = str(path)
    head = source.read(BLOCK)
    try:
        size = int(head[124:135], 8)
    except ValueError:
        size = -1
    if size < 0 or head != header(NAME.encode(), mode=_MODE, size=size):
        raise not_a_bundle(place, "It does not begin with a manifest.")
    if size > LARGEST:
        raise not_a_bundle(place, "Its manifest is too large.")
    data = source.read(size)
    if len(data) < size or source.read(-size % BLOCK) != padding(size):
        raise altered(place, "It ends too early.")
    manifest = Manifest.read(data, place)
    return Bundle(path, manifest, _tar_parts(source, manifest, place))


def _tar_parts(
    source: Source, manifest: Manifest, place: str
) -> Generator[tuple[str, Source], None, None]:
    for path, part in sorted(manifest.files.items()):
        expected = header(path.encode(), mode=part.mode, size=part.size)
        if source.read(len(expected)) != expected:
            raise altered(place, f"What follows is not {path!r} as its manifest says.")
        yield path, source
        if source.read(-part.size % BLOCK) != padding(part.size):
            raise altered(place, f"After {path!r} something else was written.")
    if source.read(len(END)) != END or source.read(1):
        raise altered(place, "It goes on after its end, or ends too early.")


def _folder(path: Path) -> Bundle:
    place = str(path)
    data = _ordinary(path, NAME, LARGEST)
    manifest = Manifest.read(data, place)
    found = dict(_files(path, place))
    extra = sorted(found.keys() - manifest.files.keys() - {NAME})
    if extra:
        raise altered(place, f"{extra[0][:120]!r} is not in its manifest.")
    return Bundle(path, manifest, _folder_parts(path, manifest.files, found))


def _ordinary(root: Path, name: str, most: int) -> bytes:
    try:
        descriptor = os.open(root / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise not_a_bundle(str(root), f"{name}: {error.strerror}.") from None
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise not_a_bundle(str(root), f"{name} is not a file.")
        data = file.read(most + 1)
    if len(data) > most:
        raise not_a_bundle(str(root), f"{name} is too large.")
    return data


def _files(root: Path, place: str, below: str = "") -> Iterator[tuple[str, int]]:
    """Every file and its size; raises `bundle-unsafe` for anything that is neither file nor
    folder.
    """
    with os.scandir(root / below) as entries:
        listed = sorted(entries, key=lambda entry: entry.name)
    for entry in listed:
        name = f"{below}{entry.name}"
        if entry.is_symlink() or not (entry.is_dir() or entry.is_file()):
            raise unsafe(place, f"{name[:120]!r} is a link, a device or a pipe.")
        if entry.is_dir():
            yield from _files(root, place, f"{name}/")
        else:
            yield name, entry.stat(follow_symlinks=False).st_size


def _folder_parts(
    root: Path, files: Mapping[str, Part], found: Mapping[str, int]
) -> Generator[tuple[str, Source], None, None]:
    for path, part in sorted(files.items()):
        if found.get(path) != part.size:
            raise altered(f"{root}: {path}", "It is missing, or of another size.")
        # Opened without following links: it may be another thing than when it was looked at.
        descriptor = os.open(root / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            yield path, file


def check(path: Path) -> Manifest:
    """Read all of a bundle and write nothing; raises whatever is wrong with it."""
    with opened(path) as bundle:
        for _, reading in bundle.parts():
            if reading.part.archive is not None:
                look_through(reading, reading.part.archive, reading.place)
        return bundle.manifest


def room_for(manifest: Manifest) -> int:
    """Bytes that its data may take when it is unpacked."""
    return sum(
        part.archive.bytes + part.archive.entries * 4096 if part.archive else part.size
        for part in manifest.files.values()
    )


def discard(path: Path) -> None:
    """Delete what a bundle was made in."""
    with suppress(FileNotFoundError):
        shutil.rmtree(path)

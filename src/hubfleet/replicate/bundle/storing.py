"""Taking archives and files down: digest, compression, disk."""

from __future__ import annotations

import errno
import hashlib
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from hubfleet.kit.errors import HubfleetError, failure
from hubfleet.platforms.archives.tree import writing_failed

_PIECE = 1 << 20
_LEVEL = 3
# Fixed: another number of threads than none gives the same bytes on every machine.
_THREADS = 2

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class _Writer(Protocol):
    def write(self, data: bytes, /) -> object: ...
    def close(self) -> object: ...


def zstandard_or_refuse() -> Any:
    """The library; raises `bundles-not-installed`."""
    try:
        import zstandard
    except ImportError:
        raise failure(
            "bundles-not-installed",
            "what compressed bundles need is not installed",
            hint="install it: pip install 'hubfleet[bundles]'; or choose a folder or a .tar file",
        ) from None
    return zstandard


def compressing(file: Any) -> _Writer:
    """A zstd frame of its own into an open file; frames one after the other are one stream."""
    zstandard = zstandard_or_refuse()
    compressor = zstandard.ZstdCompressor(level=_LEVEL, threads=_THREADS, write_checksum=True)
    writer: _Writer = compressor.stream_writer(file, closefd=False)
    return writer


class Store:
    """One file being written, in a `with` block; `sha256` and `size` are of what was written to
    it, before compression.

    Digest and disk have no thread of their own: the reader of many small files would hand the
    interpreter over at each of them, which costs more than it saves. Compression has some.
    """

    def __init__(self, path: Path, *, compress: bool) -> None:
        self._file = path.open("wb")
        self._out: _Writer = compressing(self._file) if compress else self._file
        self._compress = compress
        self._hash = hashlib.sha256()
        self._pending: list[bytes] = []
        self._length = 0
        self.size = 0

    @property
    def sha256(self) -> str:
        """64 hexadecimal digits, when the block has ended."""
        return self._hash.hexdigest()

    def write(self, data: bytes, /) -> None:
        self._pending.append(data)
        self._length += len(data)
        if self._length >= _PIECE:
            self._send()

    def _send(self) -> None:
        piece = b"".join(self._pending)
        self._pending, self._length = [], 0
        self.size += len(piece)
        self._hash.update(piece)
        try:
            self._out.write(piece)
        except OSError as error:
            raise writing_failed(error) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._file:
            if error is None:
                self._send()
                if self._compress:
                    self._out.close()
                self._file.flush()


def not_written(place: Path, error: OSError) -> HubfleetError:
    """A bundle that the disk does not take."""
    full = error.errno in _FULL
    return failure(
        "bundle-not-written",
        "there is no room for the bundle" if full else "the bundle cannot be written",
        place=str(place),
        why=error.strerror or str(error),
        hint="make room, or choose another place; the same command then goes on where it was"
        if full
        else "mend the folder's rights, or choose another place with --to",
    )

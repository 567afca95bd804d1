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
    def write(self, data: bytes | memoryview, /) -> object: ...
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


class Compressor:
    """Writes zstd frames, one after the other; read one after the other they are one stream.

    One for a whole bundle: its memory serves frame after frame, where a new one for each home
    costs the system more than compressing does.
    """

    def __init__(self) -> None:
        zstandard = zstandard_or_refuse()
        self._made = zstandard.ZstdCompressor(level=_LEVEL, threads=_THREADS, write_checksum=True)

    def frame(self, file: Any) -> _Writer:
        """A new frame into an open file, once the one before it is closed."""
        writer: _Writer = self._made.stream_writer(file, closefd=False)
        return writer


class Store:
    """One file being written, in a `with` block; `sha256` and `size` are of what was written to
    it, before compression.

    Digest and disk have no thread of their own: the reader of many small files would hand the
    interpreter over at each of them, which costs more than it saves. Compression has some.
    """

    def __init__(self, path: Path, compressor: Compressor | None) -> None:
        self._file = path.open("wb")
        self._out: _Writer = compressor.frame(self._file) if compressor else self._file
        self._compress = compressor is not None
        self._hash = hashlib.sha256()
        # One buffer for good: memory that is new at each piece costs a page fault for each 4 kB.
        self._piece = memoryview(bytearray(_PIECE))
        self._filled = 0
        self.size = 0

    @property
    def sha256(self) -> str:
        """64 hexadecimal digits, when the block has ended."""
        return self._hash.hexdigest()

    def write(self, data: bytes, /) -> None:
        end = self._filled + len(data)
        if end <= _PIECE:
            self._piece[self._filled : end] = data
            self._filled = end
            return
        self._send(self._piece[: self._filled])
        self._filled = 0
        if len(data) < _PIECE:
            self.write(data)
        else:
            self._send(data)

    def _send(self, piece: bytes | memoryview) -> None:
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
                self._send(self._piece[: self._filled])
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

"""The dialect of tar that bundles are written in: POSIX headers, one spelling for each entry.

Owners are left out: people are named in the manifest, and numbers of accounts mean nothing
elsewhere. Times are whole seconds. What does not fit in a header stands in one extended header.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

BLOCK = 512
FILE, LINK, SYMLINK, FOLDER, EXTENDED = b"0", b"1", b"2", b"5", b"x"
END = bytes(2 * BLOCK)
LARGEST_EXTENDED = 64 * 1024

_LONGEST = 100
_MOST = 8**11
_AFTER = b"ustar\x0000" + bytes(64) + b"0000000\x000000000\x00" + bytes(167)
_OWNERS = b"0000000\x000000000\x00"


class HeaderError(ValueError):
    """Not a header of this dialect; the text says why."""


def header(
    name: bytes,
    *,
    mode: int,
    size: int = 0,
    mtime: int = 0,
    kind: bytes = FILE,
    link: bytes = b"",
    extended: tuple[tuple[bytes, bytes], ...] = (),
) -> bytes:
    """The header of one entry, with an extended one before it where that is needed."""
    records = list(extended)
    if len(name) > _LONGEST:
        records.append((b"path", name))
    if len(link) > _LONGEST:
        records.append((b"linkpath", link))
    if not 0 <= mtime < _MOST:
        records.append((b"mtime", b"%d" % mtime))
        mtime = 0
    if size >= _MOST:
        records.append((b"size", b"%d" % size))
    plain = _block(name[:_LONGEST], mode, size if size < _MOST else 0, mtime, kind, link[:_LONGEST])
    if not records:
        return plain
    if not _is_utf8(name, link):
        records.insert(0, (b"hdrcharset", b"BINARY"))
    body = b"".join(_record(key, value) for key, value in records)
    first = _block(b"./PaxHeaders/entry", 0o644, len(body), 0, EXTENDED, b"")
    return first + body + padding(len(body)) + plain


def padding(size: int) -> bytes:
    """What fills the last block."""
    return bytes(-size % BLOCK)


def _is_utf8(*texts: bytes) -> bool:
    try:
        for text in texts:
            text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _block(name: bytes, mode: int, size: int, mtime: int, kind: bytes, link: bytes) -> bytes:
    numbers = b"%07o\0%b%011o\0%011o\0" % (mode, _OWNERS, size, mtime)
    tail, weight = _tail(kind, link)
    # The checksum counts its own place as spaces.
    check = sum(name) + sum(numbers) + weight + 256
    return b"%b%b%06o\0 %b" % (name.ljust(100, b"\0"), numbers, check, tail)


@lru_cache(maxsize=64)
def _tail(kind: bytes, link: bytes) -> tuple[bytes, int]:
    """What follows the checksum, and its part of it; the same for nearly all entries."""
    tail = kind + link.ljust(100, b"\0") + _AFTER
    return tail, sum(tail)


def _record(key: bytes, value: bytes) -> bytes:
    """`length key=value`, where the length counts itself."""
    rest = len(key) + len(value) + 3
    length = rest + len(str(rest))
    length = rest + len(str(length))
    return b"%d %s=%s\n" % (length, key, value)


@dataclass(frozen=True, slots=True)
class Entry:
    """One header as read. `size` are the bytes that follow it; `real` is the file's own size,
    which is another one where holes were left out.
    """

    name: bytes
    kind: bytes
    mode: int
    size: int
    mtime: int
    link: bytes
    real: int
    sparse: bool = False


def read_plain(block: bytes) -> tuple[bytes, int, int, int, bytes, bytes]:
    """Name, mode, size, time, kind and link of one block; raises HeaderError."""
    try:
        name, link = block[:100].rstrip(b"\0"), block[157:257].rstrip(b"\0")
        mode, size, mtime = (int(block[a:b], 8) for a, b in ((100, 107), (124, 135), (136, 147)))
        kind = block[156:157]
        if mode > 0o7777 or _block(name, mode, size, mtime, kind, link) != block:
            raise HeaderError("it is not written as hubfleet writes archives")
    except HeaderError:
        raise
    except ValueError:
        raise HeaderError("a number in it is none") from None
    return name, mode, size, mtime, kind, link


def read_records(body: bytes) -> dict[bytes, bytes]:
    """The records of an extended header; raises HeaderError."""
    found: dict[bytes, bytes] = {}
    position = 0
    while position < len(body):
        space = body.find(b" ", position, position + 12)
        try:
            length = int(body[position:space])
            key, separator, value = body[space + 1 : position + length - 1].partition(b"=")
        except ValueError:
            raise HeaderError("an extended header is broken") from None
        if space < 0 or not separator or _record(key, value) != body[position : position + length]:
            raise HeaderError("an extended header is broken")
        if key in found:
            raise HeaderError("an extended header says something twice")
        found[key] = value
        position += length
    return found

"""Where zstd frames begin and end (RFC 8878, section 3.1.1), without decompressing them.

A decompressor that is fed from a file does not tell a last frame that was cut off from one that
ended: whoever reads a bundle looks first.
"""

from __future__ import annotations

import os
from typing import BinaryIO

from hubfleet.replicate.bundle.manifest import altered

_MAGIC = b"\x28\xb5\x2f\xfd"
_DICTIONARY = (0, 1, 2, 4)
_CONTENT = (0, 2, 4, 8)
_RLE, _RESERVED = 1, 3


def refuse_cut_off(file: BinaryIO, place: str) -> None:
    """Raise `bundle-altered` unless the file is frames from its beginning to its very end."""
    size = file.seek(0, os.SEEK_END)
    position = 0
    while position < size:
        end = _end_of_frame(file, position)
        if end is None or end > size:
            raise altered(place, "It ends too early, or goes on after its end.")
        position = end


def _end_of_frame(file: BinaryIO, start: int) -> int | None:
    """Where a frame ends; None where none begins, or its blocks are broken."""
    file.seek(start)
    head = file.read(5)
    if head[:4] != _MAGIC or len(head) < 5:
        return None
    said = head[4]
    single = said >> 5 & 1
    content = _CONTENT[said >> 6] or single
    position = start + 5 + (1 - single) + _DICTIONARY[said & 3] + content
    last = False
    while not last:
        file.seek(position)
        block = int.from_bytes(head := file.read(3), "little")
        kind = block >> 1 & 3
        if len(head) < 3 or kind == _RESERVED:
            return None
        last = bool(block & 1)
        position += 3 + (1 if kind == _RLE else block >> 3)
    return position + (4 if said >> 2 & 1 else 0)

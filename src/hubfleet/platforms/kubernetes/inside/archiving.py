"""Write the archive of a folder below this one to the output.

What it holds goes to the errors' channel, in one line of JSON. Ends with 3 where there is no such
folder, and with 4 where it may not be opened. `archived` brings the modules that are imported here
with it into the pod.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import sys
import time

from hubfleet.platforms.archives.reasons import reason
from hubfleet.platforms.archives.tree import TreeArchive

PIECE = 1 << 18
OFTEN = 5.0
"""Seconds: whoever waits for the output learns that somebody is still at work."""

NOT_THERE, CLOSED = 3, 4


class Output:
    """Pieces of a size that the way out likes, and the digest of all of them."""

    def __init__(self) -> None:
        self.hash = hashlib.sha256()
        self.size = 0
        self._waiting: list[bytes] = []
        self._length = 0
        self._sent = time.monotonic()

    def write(self, data: bytes, /) -> None:
        self._waiting.append(data)
        self._length += len(data)
        if self._length >= PIECE or time.monotonic() - self._sent > OFTEN:
            self.send()

    def send(self) -> None:
        piece = b"".join(self._waiting)
        self._waiting, self._length, self._sent = [], 0, time.monotonic()
        self.hash.update(piece)
        self.size += len(piece)
        sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()


def of_the_file_system(root: int) -> tuple[bytes, ...]:
    """A volume of its own may have a folder that nobody made."""
    name = b"lost+found"
    try:
        return (name,) if os.stat(name, dir_fd=root, follow_symlinks=False).st_uid == 0 else ()
    except OSError:
        return ()


def main(folder: str) -> int:
    try:
        root = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        sys.stderr.write(reason(error))
        missing = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}
        return NOT_THERE if error.errno in missing else CLOSED
    output = Output()
    archive = TreeArchive(output, passed_by=of_the_file_system(root))
    archive.write(root)
    output.send()
    said = {
        "entries": archive.entries,
        "bytes": archive.read,
        "notes": archive.told_notes(),
        "size": output.size,
        "sha256": output.hash.hexdigest(),
    }
    sys.stderr.write(json.dumps(said))
    return 0


sys.exit(main(sys.argv[1]))

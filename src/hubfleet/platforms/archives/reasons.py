"""Why something in a tree was left out, in words to be read behind its name."""

from __future__ import annotations

import errno

DEEPEST = 256
"""Folders within folders. Each level costs open files, of which a process may have about 1000."""

TOO_DEEP = "is nested too deeply"

_REASONS = {
    errno.EACCES: "may not be read",
    errno.EPERM: "may not be read",
    errno.ELOOP: "is a link, which is not followed",
    errno.ENOENT: "is not there",
    errno.ENOTDIR: "is not a folder",
    errno.EIO: "cannot be read from the disk",
    errno.EMFILE: TOO_DEEP,
}


class OtherFileSystemError(OSError):
    """A folder on which something else is mounted."""


def reason(error: OSError) -> str:
    """Why something in a home was left out, to be read behind its name."""
    if isinstance(error, OtherFileSystemError):
        return "is another file system"
    return _REASONS.get(error.errno or 0, error.strerror or str(error))


def is_gone(error: OSError) -> bool:
    """Whether a file vanished between two looks, which is no problem."""
    return error.errno in {errno.ENOENT, errno.ESTALE}


def shown(path: str) -> str:
    """A path as a person may read it on one line: nothing in it can move the cursor or break."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in path
    )

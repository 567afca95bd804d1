"""Copying one file that somebody may be writing: shared blocks where possible, holes kept."""

from __future__ import annotations

import errno
import fcntl
import os
import stat

TRIES = 3
"""How often a file that changes while it is copied is begun again."""

_CLONE = 0x40049409
"""The request FICLONE of ioctl_ficlone(2): share all blocks with another file."""

_CHUNK = 64 * 1024 * 1024
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

_TARGET_IS_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}


def is_full(error: OSError) -> bool:
    """Whether nothing more can be written, so that it is no use to go on with other files."""
    return error.errno in _TARGET_IS_FULL


def copy_file(name: str, source: int, target: int, *, clone: bool) -> tuple[os.stat_result, bool]:
    """Copy a file between open folders, with its rights and times; it must not be there yet.

    Returns what it was before the copy, and whether it kept still. Raises OSError, ELOOP for a
    link and EINVAL for what is no ordinary file; then nothing is left in `target`.
    """
    reading = os.open(name, _READ, dir_fd=source)
    try:
        if not stat.S_ISREG(os.fstat(reading).st_mode):
            raise OSError(errno.EINVAL, "is not an ordinary file")
        writing = os.open(name, _NEW, 0o600, dir_fd=target)
        try:
            before, still = _fill_until_still(reading, writing, clone=clone)
            take_over(before, writing)
        except BaseException:
            os.unlink(name, dir_fd=target)
            raise
        finally:
            os.close(writing)
    finally:
        os.close(reading)
    return before, still


def take_over(status: os.stat_result, target: int) -> None:
    """Owner (only root can give files away), rights and times, in the order that keeps them."""
    if os.geteuid() == 0:
        os.fchown(target, status.st_uid, status.st_gid)
    os.fchmod(target, stat.S_IMODE(status.st_mode))
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))


def _fill_until_still(reading: int, writing: int, *, clone: bool) -> tuple[os.stat_result, bool]:
    before = os.fstat(reading)
    for _ in range(TRIES):
        before = os.fstat(reading)
        if not (clone and _share_blocks(reading, writing)):
            os.ftruncate(writing, 0)
            _copy_data(reading, writing, before.st_size)
        after = os.fstat(reading)
        # Not the time of any change: a file that is renamed or deleted meanwhile is the same.
        if (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns):
            return before, True
    return before, False


def _share_blocks(reading: int, writing: int) -> bool:
    try:
        fcntl.ioctl(writing, _CLONE, reading)
    except OSError:
        return False
    return True


def can_clone(folder: int) -> bool:
    """Whether files below an open folder can share blocks (XFS, Btrfs and others)."""
    name = ".clone-trial"
    first = os.open(name, _NEW, 0o600, dir_fd=folder)
    try:
        os.unlink(name, dir_fd=folder)
        os.write(first, b"x")
        second = os.open(name, _NEW, 0o600, dir_fd=folder)
        try:
            os.unlink(name, dir_fd=folder)
            return _share_blocks(first, second)
        finally:
            os.close(second)
    finally:
        os.close(first)


def _copy_data(reading: int, writing: int, size: int) -> None:
    """The first `size` bytes; holes stay holes. Ends early when the file was cut meanwhile."""
    os.ftruncate(writing, size)
    position = 0
    while position < size:
        try:
            start = os.lseek(reading, position, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return
            raise
        end = min(os.lseek(reading, start, os.SEEK_HOLE), size)
        os.lseek(writing, start, os.SEEK_SET)
        while start < end:
            sent = os.sendfile(writing, reading, start, min(_CHUNK, end - start))
            if sent == 0:
                return
            start += sent
        position = max(end, position + 1)

"""The kernel's calls for quotas by project, which neither Python nor the C library has by name.

A *project* is a number that files carry; a new file gets its folder's where the folder says so.
The file system counts the blocks of each project and refuses more than its limit. Sources:
`struct fsxattr` in linux/fs.h, `struct if_dqblk` in linux/quota.h, quotactl(2), quotactl_fd(2).
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import struct
from pathlib import Path

_GET_ATTRIBUTES = 0x801C581F  # FS_IOC_FSGETXATTR
_SET_ATTRIBUTES = 0x401C5820  # FS_IOC_FSSETXATTR
_ATTRIBUTES = struct.Struct("=IIIII8s")
_INHERIT = 0x200  # FS_XFLAG_PROJINHERIT, of folders only

_QUOTACTL_FD = 443
"""The number of the system call on every machine; Linux 5.14 and later have it."""

_GET_QUOTA, _SET_QUOTA, _PROJECTS = 0x800007, 0x800008, 2
_LIMITS = struct.Struct("=QQQQQQQQI4x")
_BLOCK_LIMITS = 1  # QIF_BLIMITS
_BLOCK = 1024


def project_of(descriptor: int) -> int:
    """The project that an open file or folder is in; 0 for none. Raises OSError."""
    return int(_attributes(descriptor)[3])


def put_into_project(descriptor: int, project: int, *, folder: bool) -> bool:
    """Put an open file or folder into a project, and what will be made in the folder, too.

    False when it was there already. Raises OSError.
    """
    flags, size, extents, present, shared, rest = _attributes(descriptor)
    wanted = flags | _INHERIT if folder else flags
    if (present, flags) == (project, wanted):
        return False
    attributes = _ATTRIBUTES.pack(wanted, size, extents, project, shared, rest)
    fcntl.ioctl(descriptor, _SET_ATTRIBUTES, attributes)
    return True


def _attributes(descriptor: int) -> tuple[int, int, int, int, int, bytes]:
    found = fcntl.ioctl(descriptor, _GET_ATTRIBUTES, bytes(_ATTRIBUTES.size))
    flags, size, extents, project, shared, rest = _ATTRIBUTES.unpack(found)
    return flags, size, extents, project, shared, rest


def limit_of(folder: int, device: Path, project: int) -> int:
    """The most bytes that a project may hold, 0 for no limit. Raises OSError.

    `folder` is an open folder of the file system, `device` what is mounted there.
    """
    answer = _ask(_GET_QUOTA, folder, device, project, bytes(_LIMITS.size))
    return int(_LIMITS.unpack(answer)[0]) * _BLOCK


def set_limit(folder: int, device: Path, project: int, limit: int) -> None:
    """Let a project hold `limit` bytes, rounded up to whole KiB; 0 lifts the limit.

    Raises OSError, with EPERM or EACCES for who may not.
    """
    blocks = -(-limit // _BLOCK)
    wanted = _LIMITS.pack(blocks, blocks, 0, 0, 0, 0, 0, 0, _BLOCK_LIMITS)
    _ask(_SET_QUOTA, folder, device, project, wanted)


def rounded(limit: int) -> int:
    """What `limit_of` gives back for what `set_limit` was told."""
    return -(-limit // _BLOCK) * _BLOCK


def _ask(command: int, folder: int, device: Path, project: int, data: bytes) -> bytes:
    library = ctypes.CDLL(None, use_errno=True)
    request = command << 8 | _PROJECTS
    buffer = ctypes.create_string_buffer(data, len(data))
    number = ctypes.c_uint(project)
    done = library.syscall(_QUOTACTL_FD, ctypes.c_uint(folder), request, number, buffer)
    if done and ctypes.get_errno() == errno.ENOSYS:
        done = library.quotactl(request, os.fsencode(device), number, buffer)
    if done:
        number_of_error = ctypes.get_errno()
        raise OSError(number_of_error, os.strerror(number_of_error))
    return buffer.raw

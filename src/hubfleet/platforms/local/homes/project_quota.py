"""Quotas that the file system itself enforces: project quotas of XFS, ext4 and f2fs.

Where the homes lie on such a file system, mounted with project quotas, and this account may set
them (which takes root), every home is a project of its own and its limit is the hub's quota: a
person who reaches it cannot write more, and can still start a server to delete files. Elsewhere
hubfleet measures, warns and refuses (`quota`), and `enforcement` says which of the two holds.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hubfleet.platforms.local.homes.folders import opened_home, walk
from hubfleet.platforms.local.homes.project_calls import (
    limit_of,
    project_of,
    put_into_project,
    rounded,
    set_limit,
)

_SWITCHED_ON = {"prjquota", "pquota"}
_ESCAPED = re.compile(r"\\([0-7]{3})")
_MAY_NOT = {errno.EPERM, errno.EACCES}
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC

_OURS = 0x4000_0000
"""Projects from here on are homes: operators number their own from 1."""

Outcome = Literal["enforced", "measured", "refused"]
"""By the file system; by measuring, as there are no project quotas; or likewise, as they are there
and this account may not set them."""


@dataclass(frozen=True, slots=True)
class Mount:
    """Where a file system hangs, its kind, what it was mounted with, and its device."""

    place: str
    kind: str
    options: frozenset[str]
    device: str = ""

    @property
    def project_quotas(self) -> bool:
        """Whether quotas by project are enforced on it."""
        return self.kind in {"xfs", "ext4", "f2fs"} and bool(self.options & _SWITCHED_ON)


def mount_of(folder: Path, mountinfo: str) -> Mount | None:
    """The mount that a folder lies on, from the text of /proc/self/mountinfo."""
    best: Mount | None = None
    for line in mountinfo.splitlines():
        front, _, back = line.partition(" - ")
        fields, source = front.split(), back.split()
        if len(fields) < 6 or len(source) < 3:
            continue
        place = _readable(fields[4])
        # The later of two mounts on one place covers the earlier.
        if folder.is_relative_to(place) and (best is None or len(place) >= len(best.place)):
            options = frozenset(f"{fields[5]},{source[2]}".split(","))
            best = Mount(place, source[0], options, _readable(source[1]))
    return best


def _readable(text: str) -> str:
    return _ESCAPED.sub(lambda match: chr(int(match[1], 8)), text)


def enforce(folder: Path, number: int, quota: int | None) -> Outcome:
    """Have the file system hold one home of the hub in `folder` to its quota (None: no limit).

    The second call only looks. The limit is set last, so that a home whose files were not all
    counted yet (somebody pulled the plug) is begun again. Raises OSError for a home that is not
    there or no folder.
    """
    mount = _mount(folder)
    if mount is None or not mount.project_quotas:
        return "measured"
    wanted, device = rounded(quota or 0), Path(mount.device)
    with opened_home(folder, number) as home:
        project = project_for(os.fstat(home).st_ino)
        try:
            if project_of(home) == project and limit_of(home, device, project) == wanted:
                return "enforced"
            _count_all(home, project)
            set_limit(home, device, project, wanted)
        except OSError as error:
            if error.errno in _MAY_NOT:
                return "refused"
            if error.errno in {errno.ENOTTY, errno.EOPNOTSUPP, errno.ESRCH, errno.ENOSYS}:
                return "measured"
            raise
    return "enforced"


def project_for(inode: int) -> int:
    """The project of a home: by its folder's own number, which no other folder beside it has."""
    return _OURS | (inode & (_OURS - 1))


def _count_all(home: int, project: int) -> None:
    """The home and all that is in it; what vanishes or cannot be opened is left out."""
    for below, _, entries in walk(home, lambda path, why: None):
        put_into_project(below, project, folder=True)
        for entry in entries:
            if not entry.is_file(follow_symlinks=False):
                continue
            with suppress(OSError):
                descriptor = os.open(entry.name, _READ, dir_fd=below)
                try:
                    if stat.S_ISREG(os.fstat(descriptor).st_mode):
                        put_into_project(descriptor, project, folder=False)
                finally:
                    os.close(descriptor)


def _mount(folder: Path) -> Mount | None:
    mountinfo = Path("/proc/self/mountinfo").read_text(encoding="utf-8")
    return mount_of(folder.resolve(), mountinfo)


def enforcement(folder: Path, mountinfo: str | None = None, *, root: bool | None = None) -> str:
    """How quotas hold for the homes below `folder`, as a sentence for the operator."""
    mount = _mount(folder) if mountinfo is None else mount_of(folder.resolve(), mountinfo)
    measured = (
        "Quotas are measured, not enforced by the file system: people are warned at 90 %, and "
        "from 110 % on no new server is started."
    )
    if mount is None or not mount.project_quotas:
        return measured
    if os.geteuid() == 0 if root is None else root:
        return (
            f"Quotas are enforced by the file system: {mount.place} ({mount.kind}) is mounted "
            "with project quotas. People are warned at 90 % and cannot write beyond 100 %."
        )
    return (
        f"{measured} {mount.place} ({mount.kind}) is mounted with project quotas, but only a "
        "hubfleet that runs as root may set them."
    )

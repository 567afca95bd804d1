"""Whether the file system itself enforces quotas on homes: project quotas of XFS and ext4.

A home gets one by `xfs_quota` or `setquota -P`, which needs root; hubfleet only sees and says it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_SWITCHED_ON = {"prjquota", "pquota"}
_ESCAPED = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Mount:
    """Where a file system hangs, its kind, and what it was mounted with."""

    place: str
    kind: str
    options: frozenset[str]

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
        place = _ESCAPED.sub(lambda match: chr(int(match[1], 8)), fields[4])
        # The later of two mounts on one place covers the earlier.
        if folder.is_relative_to(place) and (best is None or len(place) >= len(best.place)):
            options = frozenset(f"{fields[5]},{source[2]}".split(","))
            best = Mount(place, source[0], options)
    return best


def enforcement(folder: Path, mountinfo: str | None = None) -> str:
    """How quotas hold for the homes below `folder`, as a sentence for the operator."""
    if mountinfo is None:
        mountinfo = Path("/proc/self/mountinfo").read_text(encoding="utf-8")
    mount = mount_of(folder.resolve(), mountinfo)
    if mount is not None and mount.project_quotas:
        return (
            f"{mount.place} ({mount.kind}) is mounted with project quotas: the file system "
            "enforces those that you give to homes; hubfleet measures too and warns people."
        )
    return (
        "Quotas are measured, not enforced by the file system: people are warned at 90 %, and "
        "from 110 % on no new server is started."
    )

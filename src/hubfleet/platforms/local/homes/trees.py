"""Copying a folder with all that is in it, into another; unchanged files cost a link.

One walk serves snapshots (from a home, linking to the snapshot before) and restoring (from a
snapshot into a home, never linking: a file that two places share is changed in both).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field

from hubfleet.platforms.archives.reasons import DEEPEST, TOO_DEEP, is_gone, reason, shown
from hubfleet.platforms.local.homes.copying import copy_file, is_full, take_over
from hubfleet.platforms.local.homes.folders import opened_folder
from hubfleet.platforms.local.homes.records import (
    KnownFiles,
    Record,
    changing,
    line,
    record_of,
    unless_just_changed,
)

_MOST_NOTES = 200

_KINDS = {
    stat.S_IFSOCK: "is a socket, which is not kept",
    stat.S_IFIFO: "is a pipe, which is not kept",
    stat.S_IFBLK: "is a device, which is not kept",
    stat.S_IFCHR: "is a device, which is not kept",
}


@dataclass(slots=True)
class Notes:
    """What was left out and why; the first ones, and how many there were."""

    first: list[str] = field(default_factory=list)
    count: int = 0

    def add(self, path: str, why: str) -> None:
        """One sentence; `path` may hold any letters."""
        self.count += 1
        if len(self.first) < _MOST_NOTES:
            self.first.append(f"{shown(path)} {why}")

    def take_in(self, others: Notes, before: str) -> None:
        """The notes of a part, each with `before` in front."""
        self.count += others.count
        room = _MOST_NOTES - len(self.first)
        self.first += [before + text for text in others.first[:room]]


@dataclass(slots=True)
class TreeCopy:
    """One copy of one tree.

    `root` is the open folder that everything is copied into. `known` are the records of the
    previous snapshot; `keep` takes the lines of the new ones.
    """

    root: int
    notes: Notes
    clone: bool
    known: KnownFiles = field(default_factory=lambda: KnownFiles(None))
    keep: Callable[[str], object] | None = None
    files: int = 0
    copied: int = 0
    copied_bytes: int = 0
    _linked: dict[int, tuple[str, Record]] = field(default_factory=dict)

    def folder(
        self, source: int, target: int, previous: int | None, path: str = "", depth: int = 0
    ) -> None:
        """Copy what is in an open folder into another one, which is empty, then its own rights."""
        status = os.fstat(source)
        known, records = self.known.below(path), dict[str, Record]()
        for name in sorted(os.listdir(source)):
            try:
                found = os.stat(name, dir_fd=source, follow_symlinks=False)
                if stat.S_ISDIR(found.st_mode):
                    self._below(name, source, target, previous, path, depth)
                elif stat.S_ISREG(found.st_mode):
                    before = known.get(name) if previous is not None else None
                    records[name] = self._file(name, found, source, target, previous, before, path)
                else:
                    self._other(name, found, source, target, path)
            except OSError as error:
                self._leave_out(path + name, error)
        if self.keep is not None and records:
            self.keep(line(path, records))
        take_over(status, target)

    def one(self, name: str, source: int, target: int) -> None:
        """Copy a single entry; raises OSError when that is not possible."""
        found = os.stat(name, dir_fd=source, follow_symlinks=False)
        if stat.S_ISDIR(found.st_mode):
            self._below(name, source, target, None, "", 0)
        elif stat.S_ISREG(found.st_mode):
            self._file(name, found, source, target, None, None, "")
        else:
            self._other(name, found, source, target, "")

    def _below(
        self, name: str, source: int, target: int, previous: int | None, path: str, depth: int
    ) -> None:
        if depth == DEEPEST:
            self.notes.add(path + name, TOO_DEEP)
            return
        with ExitStack() as stack:
            inner = stack.enter_context(opened_folder(name, source))
            os.mkdir(name, 0o700, dir_fd=target)
            made = stack.enter_context(opened_folder(name, target))
            before = None
            if previous is not None:
                with suppress(OSError):
                    before = stack.enter_context(opened_folder(name, previous))
            self.folder(inner, made, before, f"{path}{name}/", depth + 1)

    def _file(
        self,
        name: str,
        found: os.stat_result,
        source: int,
        target: int,
        previous: int | None,
        known: Record | None,
        path: str,
    ) -> Record:
        """Link what is there already, else copy; returns the record of what was taken."""
        self.files += 1
        record = record_of(found)
        twin = self._linked.get(found.st_ino) if found.st_nlink > 1 else None
        if twin is not None and _link(twin[0], self.root, name, target):
            return twin[1]
        if previous is not None and known == record and _link(name, previous, name, target):
            status = found
        else:
            status, still = copy_file(name, source, target, clone=self.clone)
            self.copied += 1
            self.copied_bytes += status.st_size
            record = unless_just_changed(status) if still else changing(status)
            if not still:
                self.notes.add(path + name, "changed while it was copied: the copy may be mixed")
        if status.st_nlink > 1:
            # Files that are one file under several names stay one: environments are full of them.
            self._linked.setdefault(status.st_ino, (path + name, record))
        return record

    def _other(self, name: str, found: os.stat_result, source: int, target: int, path: str) -> None:
        if not stat.S_ISLNK(found.st_mode):
            self.notes.add(path + name, _KINDS.get(stat.S_IFMT(found.st_mode), "is not kept"))
            return
        os.symlink(os.readlink(name, dir_fd=source), name, dir_fd=target)
        if os.geteuid() == 0:
            os.chown(name, found.st_uid, found.st_gid, dir_fd=target, follow_symlinks=False)
        times = (found.st_atime_ns, found.st_mtime_ns)
        os.utime(name, ns=times, dir_fd=target, follow_symlinks=False)

    def _leave_out(self, path: str, error: OSError) -> None:
        if is_full(error):
            raise error
        if not is_gone(error):
            self.notes.add(path, reason(error))


def _link(old: str, old_folder: int, new: str, new_folder: int) -> bool:
    """False where it cannot be done: the file is gone, or has as many names as it may have."""
    try:
        os.link(old, new, src_dir_fd=old_folder, dst_dir_fd=new_folder, follow_symlinks=False)
    except OSError as error:
        if is_full(error):
            raise
        return False
    return True

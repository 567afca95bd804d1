"""Reading a home while its owner may change it: name by name from an open folder, never by path.

Whoever owns a home may swap a folder for a link at any moment. A path that was looked at a moment
ago must therefore not be walked again: every folder is opened below its open parent, links are
refused by the kernel (O_NOFOLLOW), and so are other file systems.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hubfleet.kit.errors import HubfleetError, failure
from hubfleet.platforms.archives.reasons import (
    DEEPEST,
    TOO_DEEP,
    OtherFileSystemError,
    is_gone,
    reason,
)

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def opened_folder(name: str, parent: int) -> Iterator[int]:
    """A folder below an open one, on the same file system; raises OSError for anything else."""
    descriptor = _open(name, parent)
    try:
        if os.fstat(descriptor).st_dev != os.fstat(parent).st_dev:
            raise OtherFileSystemError(errno.EXDEV, "another file system")
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def opened_home(folder: Path, number: int) -> Iterator[int]:
    """One home of a hub; it may be a file system of its own. Raises OSError."""
    homes = os.open(folder / "homes", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        descriptor = _open(str(number), homes)
    finally:
        os.close(homes)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _open(name: str, parent: int) -> int:
    try:
        return os.open(name, _FOLDER, dir_fd=parent)
    except NotADirectoryError:
        # Linux says so of a link too when only a folder will do; people should read which it is.
        mode = os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode
        raise OSError(errno.ELOOP if stat.S_ISLNK(mode) else errno.ENOTDIR, "no folder") from None


def walk(
    folder: int,
    note: Callable[[str, str], None],
    path: str = "",
    depth: int = 0,
    spend: Callable[[], None] = lambda: None,
) -> Iterator[tuple[int, str, list[os.DirEntry[str]]]]:
    """Every folder below an open one, and itself: descriptor, `path/` and all but its folders.

    Ask an entry before the next folder is asked for: until then its folder is open. `note` is told
    a path and why it was left out; what vanishes meanwhile is no news. `spend` is called for each
    entry that is read, and may raise to end it all.
    """
    inner, others = [], []
    with os.scandir(folder) as found:
        for entry in found:
            spend()
            if entry.is_dir(follow_symlinks=False):
                inner.append(entry.name)
            else:
                others.append(entry)
    yield folder, path, others
    for name in inner:
        if depth == DEEPEST:
            note(path + name, TOO_DEEP)
            continue
        try:
            with opened_folder(name, folder) as below:
                yield from walk(below, note, f"{path}{name}/", depth + 1, spend)
        except OSError as error:
            if not is_gone(error):
                note(path + name, reason(error))


def inner_path(path: str) -> list[str]:
    """The names in a path inside a home; raises `path-outside-home` for one that leads out."""
    parts = [part for part in path.split("/") if part not in {"", "."}]
    if path.startswith("/") or ".." in parts or "\0" in path:
        raise outside(path)
    return parts


def outside(path: str) -> HubfleetError:
    """The refusal of a path that leads out of a home."""
    return failure(
        "path-outside-home",
        f"{path!r} is not a path inside a home",
        hint="write it from the home on, such as project/notes.ipynb, without `..`",
    )

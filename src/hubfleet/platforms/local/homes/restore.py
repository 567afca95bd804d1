"""Putting files back from a snapshot: beside what is there, or in its place with the old ones kept.

Everything is copied first, into a folder of a new name in the home; only then, and only in place,
is anything moved. Files are copied, never linked: a snapshot must not change with its copy.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from hubfleet.kit.clock import now
from hubfleet.kit.errors import HubfleetError, failure
from hubfleet.platforms.archives.reasons import reason, shown
from hubfleet.platforms.local.homes.copying import can_clone
from hubfleet.platforms.local.homes.folders import (
    inner_path,
    opened_folder,
    opened_home,
    outside,
    walk,
)
from hubfleet.platforms.local.homes.people import number_of
from hubfleet.platforms.local.homes.snapshots import (
    STAMP,
    Snapshot,
    reading,
    snapshots,
)
from hubfleet.platforms.local.homes.taking import refuse_when_full
from hubfleet.platforms.local.homes.trees import Notes, TreeCopy
from hubfleet.platforms.local.servers import home_folder


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put back. Folders are named from the home on; `kept_in` holds what was replaced."""

    snapshot: str
    folder: str
    files: int
    kept_in: str | None
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        """All fields."""
        return asdict(self)


def choose_snapshot(folder: Path, at: str | None) -> Snapshot:
    """The snapshot of that name, or the newest; raises `no-snapshot`."""
    made = snapshots(folder)
    if not made:
        raise failure(
            "no-snapshot",
            "there is no snapshot of this hub's homes",
            place=str(folder),
            hint="`hubfleet home snapshot` makes one; files deleted before cannot come back",
        )
    if at is None:
        return made[-1]
    for snapshot in made:
        if snapshot.stamp == at:
            return snapshot
    raise failure(
        "no-snapshot",
        f"there is no snapshot {at!r}",
        place=str(folder),
        hint=f"choose one of {', '.join(one.stamp for one in made)}",
    )


def restore_beside(
    folder: Path, user: str, path: str = "", *, at: str | None = None, to: str | None = None
) -> Restored:
    """Put a file, a folder or the whole home (`path` empty) into a new folder of the home.

    `to` names it, default `restored-<snapshot>`. Raises `no-snapshot`, `not-in-snapshot`,
    `path-outside-home`, `already-there`, `disk-nearly-full`, `home-not-entered`.
    """
    parts = inner_path(path)
    with _source(folder, user, parts, at) as (snapshot, source), _home(folder, user) as home:
        _check_room(folder, source, parts)
        notes = Notes()
        with _new_folder(home, to, f"restored-{snapshot.stamp}") as (name, target):
            copy = TreeCopy(target, notes, can_clone(target))
            _copy(copy, source, target, parts)
    return Restored(snapshot.stamp, name, copy.files, None, tuple(notes.first))


def restore_in_place(
    folder: Path,
    user: str,
    path: str = "",
    *,
    at: str | None = None,
    moment: datetime | None = None,
) -> Restored:
    """Put files back where they were and keep what they replace in `replaced-<time>`.

    For the whole home, what the snapshot does not have stays as it is. Raises like
    `restore_beside`.
    """
    parts = inner_path(path)
    stamp = (moment or now()).strftime(STAMP)
    with _source(folder, user, parts, at) as (snapshot, source), _home(folder, user) as home:
        _check_room(folder, source, parts)
        notes = Notes()
        with _new_folder(home, None, f".restoring-{stamp}") as (name, target):
            copy = TreeCopy(target, notes, can_clone(target))
            _copy(copy, source, target, parts)
            # It got the home's own rights, which may forbid taking anything out.
            os.fchmod(target, 0o700)
            kept = _exchange(home, target, parts[:-1], f"replaced-{stamp}")
        os.rmdir(name, dir_fd=home)
    return Restored(snapshot.stamp, "/".join(parts), copy.files, kept, tuple(notes.first))


def _exchange(home: int, copied: int, parents: list[str], kept: str) -> str | None:
    """Move what is in `copied` to its place below `parents`; returns where the old things are."""
    moved = None
    with _made_folders(home, parents) as place:
        for name in sorted(os.listdir(copied)):
            if _exists(name, place):
                if _is_empty_folder(name, copied):
                    # Also the place of `shared`, which must not be moved under a running server.
                    os.rmdir(name, dir_fd=copied)
                    continue
                if moved is None:
                    with _new_folder(home, None, kept) as (moved, _):
                        pass
                with _made_folders(home, [moved, *parents]) as aside:
                    _move(name, place, aside)
            _move(name, copied, place)
    return moved


def _move(name: str, source: int, target: int) -> None:
    try:
        os.rename(name, name, src_dir_fd=source, dst_dir_fd=target)
    except PermissionError:
        # A folder that gets another parent is written to, and its owner may have forbidden that.
        with opened_folder(name, source) as folder:
            mode = stat.S_IMODE(os.fstat(folder).st_mode)
            os.fchmod(folder, mode | stat.S_IRWXU)
            try:
                os.rename(name, name, src_dir_fd=source, dst_dir_fd=target)
            finally:
                os.fchmod(folder, mode)


def _copy(copy: TreeCopy, source: int, target: int, parts: list[str]) -> None:
    """`source` is the folder that the last part is in, or the whole home without parts."""
    try:
        if parts:
            copy.one(parts[-1], source, target)
        else:
            copy.folder(source, target, None)
    except OSError as error:
        raise failure(
            "not-restored",
            f"{shown('/'.join(parts)) or 'the home'} could not be copied from the snapshot",
            why=reason(error),
            hint="what was copied so far is in a new folder of the home; nothing was replaced",
        ) from None


@contextmanager
def _source(
    folder: Path, user: str, parts: list[str], at: str | None
) -> Iterator[tuple[Snapshot, int]]:
    """The snapshot and its folder in which the last part is; nobody deletes it meanwhile."""
    number = number_of(folder, user)
    with reading(folder), ExitStack() as stack:
        snapshot = choose_snapshot(folder, at)
        path = snapshot.path / str(number)
        missing = failure(
            "not-in-snapshot",
            f"{shown('/'.join(parts)) or user} is not in snapshot {snapshot.stamp}",
            place=str(path),
            hint="choose another one with --at; `hubfleet home list HUB` names them",
        )
        try:
            inside = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            stack.callback(os.close, inside)
            for part in parts[:-1]:
                inside = stack.enter_context(opened_folder(part, inside))
        except OSError:
            raise missing from None
        if parts and not _exists(parts[-1], inside):
            raise missing
        yield snapshot, inside


@contextmanager
def _home(folder: Path, user: str) -> Iterator[int]:
    number = number_of(folder, user)
    if not (folder / "homes" / str(number)).is_symlink():
        home_folder(folder, number)
    try:
        with opened_home(folder, number) as home:
            yield home
    except OSError as error:
        raise failure(
            "home-not-entered",
            f"nothing could be put into the home of {user}",
            place=str(folder / "homes" / str(number)),
            why=reason(error),
            hint="look what is there; nothing was replaced that is not kept",
        ) from None


@contextmanager
def _new_folder(home: int, to: str | None, default: str) -> Iterator[tuple[str, int]]:
    """A folder that was not there before: `to`, or `default` with a number behind it."""
    parts = [default] if to is None else inner_path(to)
    if not parts:
        raise outside(to or "")
    with _made_folders(home, parts[:-1]) as place:
        name, count = parts[-1], 1
        while True:
            try:
                os.mkdir(name, 0o700, dir_fd=place)
                break
            except FileExistsError:
                if to is not None:
                    raise _already_there(to) from None
                count += 1
                name = f"{default}-{count}"
        with opened_folder(name, place) as target:
            yield "/".join([*parts[:-1], name]), target


def _already_there(to: str) -> HubfleetError:
    return failure(
        "already-there",
        f"{shown(to)!r} is already in the home",
        why="files there could be overwritten",
        hint="give another name with --to, or leave it out",
    )


@contextmanager
def _made_folders(home: int, parts: list[str]) -> Iterator[int]:
    """The innermost of these folders, made where they are missing."""
    with ExitStack() as stack:
        place = home
        for part in parts:
            if not _exists(part, place):
                os.mkdir(part, 0o700, dir_fd=place)
            place = stack.enter_context(opened_folder(part, place))
        yield place


def _check_room(folder: Path, source: int, parts: list[str]) -> None:
    needed = 0
    if parts and not _is_folder(parts[-1], source):
        needed = os.stat(parts[-1], dir_fd=source, follow_symlinks=False).st_blocks * 512
    else:
        with ExitStack() as stack:
            tree = stack.enter_context(opened_folder(parts[-1], source)) if parts else source
            for _, _, entries in walk(tree, lambda path, why: None):
                needed += sum(map(_room, entries))
    space = shutil.disk_usage(folder)
    if refusal := refuse_when_full(needed, space.free, space.total, folder):
        raise HubfleetError(refusal)


def _room(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat(follow_symlinks=False).st_blocks * 512
    except OSError:
        return 0


def _exists(name: str, folder: int) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _is_folder(name: str, folder: int) -> bool:
    return stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)


def _is_empty_folder(name: str, folder: int) -> bool:
    if not _is_folder(name, folder):
        return False
    with opened_folder(name, folder) as inside:
        return not os.listdir(inside)  # noqa: PTH208

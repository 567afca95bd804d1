"""Making a snapshot of all homes of a hub, and deleting those that are old enough.

What did not change since the snapshot before is linked to that snapshot's copy, never to the live
file, which may be written in place. The new one is built in `.building`, gets its marker last, and
appears under its name by one rename: a machine that stops in between leaves nothing in use.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hubfleet.kit.clock import now
from hubfleet.kit.errors import HubfleetError, Problem, failure
from hubfleet.kit.files import make_private_folder
from hubfleet.platforms.archives.reasons import reason
from hubfleet.platforms.local.homes.copying import can_clone, is_full
from hubfleet.platforms.local.homes.folders import opened_home, walk
from hubfleet.platforms.local.homes.people import home_numbers, numbers_of
from hubfleet.platforms.local.homes.priority import write_through
from hubfleet.platforms.local.homes.quota import readable
from hubfleet.platforms.local.homes.records import KnownFiles, record_of
from hubfleet.platforms.local.homes.retention import NIGHTLY, Keep, expired
from hubfleet.platforms.local.homes.snapshots import (
    STAMP,
    Snapshot,
    SnapshotHome,
    delete_tree,
    nobody_reading,
    only_one,
    snapshots,
)
from hubfleet.platforms.local.homes.trees import Notes, TreeCopy

_RESERVE_SHARE = 20
_RESERVE_MOST = 5 * 1024**3
_FOLDER_SIZE = 4096


@dataclass(frozen=True, slots=True)
class Taken:
    """What `take_snapshot` did: the new one and the stamps of those that it deleted."""

    snapshot: Snapshot
    deleted: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        """A snapshot's shape with `deleted`."""
        return {**self.snapshot.as_json(), "deleted": list(self.deleted)}


def take_snapshot(folder: Path, keep: Keep = NIGHTLY, *, at: datetime | None = None) -> Taken:
    """Make a snapshot of every home of a hub (its folder), then delete what `keep` lets go.

    `at` is the time that it is named by, default now. What cannot be read is in the snapshot's
    notes. Raises `snapshot-running`, and `disk-nearly-full` or `disk-full`, leaving all as it was.
    """
    with only_one(folder) as place, _opened(place) as descriptor:
        _clear_leftovers(descriptor)
        made = snapshots(folder)
        previous = made[-1] if made else None
        clone = can_clone(descriptor)
        space = shutil.disk_usage(place)
        needed = 0 if clone else space_needed(folder, previous)
        if refusal := refuse_when_full(needed, space.free, space.total, place):
            raise HubfleetError(refusal)
        snapshot = _build(
            folder, place, descriptor, previous, (at or now()).astimezone(UTC), clone=clone
        )
        deleted = _delete_expired(folder, descriptor, keep)
    return Taken(snapshot, deleted)


def refuse_when_full(needed: int, free: int, total: int, place: Path) -> Problem | None:
    """The refusal of a copy that would leave too little room for people's own work."""
    reserve = min(total // _RESERVE_SHARE, _RESERVE_MOST)
    if needed + reserve <= free:
        return None
    return Problem(
        "disk-nearly-full",
        f"{readable(needed)} would have to be copied, and only {readable(free)} are free",
        place=str(place),
        why=f"{readable(reserve)} must stay free, so that people can go on working",
        hint="make room on the disk, or keep fewer snapshots (--keep-daily, --keep-weekly)",
    )


def space_needed(folder: Path, previous: Snapshot | None) -> int:
    """Bytes that the next snapshot takes where blocks cannot be shared."""
    total = 0
    for number in home_numbers(folder):
        known = KnownFiles(previous.records(number) if previous else None)
        try:
            with opened_home(folder, number) as home:
                total += _changed(home, known)
        except OSError:
            continue
    return total


def _changed(home: int, known: KnownFiles) -> int:
    total = 0
    linked: set[int] = set()
    for _, path, entries in walk(home, lambda path, why: None):
        records = known.below(path)
        total += _FOLDER_SIZE
        for entry in entries:
            try:
                status = entry.stat(follow_symlinks=False)
            except OSError:
                continue
            if status.st_ino not in linked and records.get(entry.name) != record_of(status):
                total += status.st_blocks * 512
            if status.st_nlink > 1:
                linked.add(status.st_ino)
    return total


def _build(
    folder: Path,
    place: Path,
    descriptor: int,
    previous: Snapshot | None,
    at: datetime,
    *,
    clone: bool,
) -> Snapshot:
    notes = Notes()
    building = make_private_folder(place / ".building")
    make_private_folder(building / "records")
    try:
        people = {number: user for user, number in numbers_of(folder).items()}
        homes = {}
        for number in home_numbers(folder):
            if copied := _copy_home(folder, building, number, previous, notes, clone=clone):
                home = (copied.files, copied.copied, copied.copied_bytes)
                homes[number] = SnapshotHome(people.get(number), *home)
        serial = previous.serial + 1 if previous else 1
        path = place / _free_stamp(place, at)
        snapshot = Snapshot(path, serial, homes, tuple(notes.first), notes.count)
        # Before the marker: a machine that loses power must not keep a marker without the files.
        write_through(descriptor)
        snapshot.finish(building)
        building.rename(path)
        os.fsync(descriptor)
        return snapshot
    except OSError as error:
        _clear_leftovers(descriptor)
        raise failure(
            "disk-full" if is_full(error) else "snapshot-failed",
            "the snapshot could not be finished; those made before are untouched",
            place=str(place),
            why=error.strerror or str(error),
            hint="make room on the disk, then run `hubfleet home snapshot` again",
        ) from None
    except BaseException:
        _clear_leftovers(descriptor)
        raise


def _copy_home(
    folder: Path,
    building: Path,
    number: int,
    previous: Snapshot | None,
    notes: Notes,
    *,
    clone: bool,
) -> TreeCopy | None:
    """None for a home that cannot be entered; the notes say why."""
    inside = Notes()
    try:
        with opened_home(folder, number) as home:
            made = make_private_folder(building / str(number))
            known = KnownFiles(previous.records(number) if previous else None)
            with (
                _opened(made) as target,
                _opened_or_none(previous.path / str(number) if previous else None) as before,
                open(building / "records" / str(number), "w", encoding="utf-8") as records,
            ):
                copy = TreeCopy(target, inside, clone, known, records.write)
                copy.folder(home, target, before)
    except OSError as error:
        if is_full(error):
            raise
        notes.add(f"home {number}", reason(error))
        return None
    notes.take_in(inside, f"home {number}: ")
    return copy


def _free_stamp(place: Path, at: datetime) -> str:
    """A name that no snapshot has: a second later for a second one, or after a clock went back."""
    while (place / at.strftime(STAMP)).exists():
        at += timedelta(seconds=1)
    return at.strftime(STAMP)


def _delete_expired(folder: Path, descriptor: int, keep: Keep) -> tuple[str, ...]:
    """Nothing while somebody restores: the next snapshot deletes it."""
    made = snapshots(folder)
    deleted = []
    with nobody_reading(folder) as alone:
        if alone:
            for position in sorted(expired([one.begun for one in made], keep)):
                stamp = made[position].stamp
                os.rename(stamp, f".deleting-{stamp}", src_dir_fd=descriptor, dst_dir_fd=descriptor)
                deleted.append(stamp)
    _clear_leftovers(descriptor)
    return tuple(deleted)


def _clear_leftovers(place: int) -> None:
    with os.scandir(place) as entries:
        names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    for name in names:
        if name == ".building" or name.startswith(".deleting-"):
            delete_tree(name, place)


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    """A folder of hubfleet's own, by path: nobody else can change what leads there."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _opened_or_none(path: Path | None) -> Iterator[int | None]:
    if path is None or not path.is_dir():
        yield None
        return
    with _opened(path) as descriptor:
        yield descriptor

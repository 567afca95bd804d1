"""What snapshots of a hub's homes there are: `snapshots/<UTC time>/<number>/`.

    snapshots/20261120T010000Z/snapshot.json     written last: what is in it
    snapshots/20261120T010000Z/records/<number>  what each file was (`records`)
    snapshots/20261120T010000Z/<number>/         one home

A folder whose name begins with a dot is being made or deleted, or was when the machine stopped.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hubfleet.kit.errors import failure
from hubfleet.kit.files import PRIVATE_FILE, make_private_folder, write_atomically
from hubfleet.platforms.local.homes.folders import opened_folder

STAMP = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True)
class SnapshotHome:
    """One home in a snapshot; `user` is None for a home that the map does not know."""

    user: str | None
    files: int
    copied: int
    copied_bytes: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One finished snapshot. `serial` counts up with each, whatever the clock does."""

    path: Path
    serial: int
    homes: Mapping[int, SnapshotHome]
    notes: tuple[str, ...] = ()
    noted: int = 0

    @property
    def stamp(self) -> str:
        """Its name: the UTC time at which it was begun."""
        return self.path.name

    @property
    def begun(self) -> datetime:
        """The time in its name."""
        return datetime.strptime(self.stamp, STAMP).replace(tzinfo=UTC)

    def records(self, number: int) -> Path:
        """The records of one home."""
        return self.path / "records" / str(number)

    def as_json(self) -> dict[str, Any]:
        """The shape of `--json`: `snapshot`, `homes`, `notes` (the first ones), `noted` (all)."""
        homes = [{"home": number, **asdict(home)} for number, home in self.homes.items()]
        return {
            "snapshot": self.stamp,
            "homes": homes,
            "notes": list(self.notes),
            "noted": self.noted,
        }

    def finish(self, folder: Path) -> None:
        """Write the marker into `folder`, which is to be renamed to `path`."""
        value = {"serial": self.serial, **self.as_json()}
        write_atomically(folder / "snapshot.json", json.dumps(value, indent=1) + "\n")


def snapshots_folder(folder: Path) -> Path:
    """Where the snapshots of a hub (its folder) are."""
    return folder / "snapshots"


def snapshots(folder: Path) -> list[Snapshot]:
    """All finished snapshots of a hub in the order in which they were made."""
    found = (_read(marker) for marker in snapshots_folder(folder).glob("[0-9]*/snapshot.json"))
    return sorted((one for one in found if one), key=lambda one: (one.serial, one.stamp))


def _read(marker: Path) -> Snapshot | None:
    try:
        value = json.loads(marker.read_text(encoding="utf-8"))
        homes = {home.pop("home"): SnapshotHome(**home) for home in value["homes"]}
        datetime.strptime(marker.parent.name, STAMP).replace(tzinfo=UTC)
        return Snapshot(
            marker.parent, int(value["serial"]), homes, tuple(value["notes"]), int(value["noted"])
        )
    except (OSError, ValueError, TypeError, KeyError):
        return None


@contextmanager
def only_one(folder: Path) -> Iterator[Path]:
    """Keep others from making snapshots of this hub; raises `snapshot-running`."""
    place = make_private_folder(snapshots_folder(folder))
    with _locked(place / ".making", fcntl.LOCK_EX | fcntl.LOCK_NB) as held:
        if not held:
            raise failure(
                "snapshot-running",
                "a snapshot of this hub's homes is being made already",
                place=str(place),
                hint="wait until it has ended; nothing needs to be mended",
            )
        yield place


@contextmanager
def reading(folder: Path) -> Iterator[None]:
    """No snapshot is deleted while somebody reads; waits for a deletion to end."""
    place = make_private_folder(snapshots_folder(folder))
    with _locked(place / ".reading", fcntl.LOCK_SH):
        yield


@contextmanager
def nobody_reading(folder: Path) -> Iterator[bool]:
    """False while somebody reads snapshots: then delete nothing."""
    with _locked(snapshots_folder(folder) / ".reading", fcntl.LOCK_EX | fcntl.LOCK_NB) as held:
        yield held


@contextmanager
def _locked(path: Path, how: int) -> Iterator[bool]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        try:
            fcntl.flock(descriptor, how)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def delete_tree(name: str, parent: int) -> None:
    """Delete a folder with all in it, also what its owner made unreadable.

    Only for folders of hubfleet's own: the change of rights would follow a link.
    """
    os.chmod(name, 0o700, dir_fd=parent)
    with opened_folder(name, parent) as folder:
        with os.scandir(folder) as entries:
            found = list(entries)
        for entry in found:
            if entry.is_dir(follow_symlinks=False):
                delete_tree(entry.name, folder)
            else:
                os.unlink(entry.name, dir_fd=folder)
    os.rmdir(name, dir_fd=parent)

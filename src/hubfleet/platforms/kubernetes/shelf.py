"""Snapshots of hubs on a cluster, as folders of the state folder.

A snapshot holds the record of what ran, which Helm revision it was, and a copy of the hub's
database where it has one in its own volume. It gets its name by one rename: whoever is killed
before leaves nothing that could be taken for a snapshot.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from hubfleet.kit.clock import now
from hubfleet.kit.errors import HubfleetError, failure
from hubfleet.kit.files import PRIVATE_FILE, make_private_folder, write_atomically
from hubfleet.platforms.keeping import Keep, Made, expired
from hubfleet.platforms.kubernetes.record import Record
from hubfleet.platforms.platform import Snapshot

DATABASE = "hub.sqlite"
_MARKER = "snapshot.json"
_LOCK = ".lock"


@dataclass(frozen=True, slots=True)
class Kept:
    """One finished snapshot. `release` is the Helm revision that it leads back to."""

    path: Path
    what: Snapshot
    record: Record
    release: int
    digest: str

    @property
    def database(self) -> Path | None:
        """The copy, where there is one."""
        return self.path / DATABASE if self.digest else None


class Shelf:
    """The snapshots of one hub."""

    def __init__(self, folder: Path, hub: str) -> None:
        self.path = folder / hub
        self._hub = hub

    def all(self) -> list[Kept]:
        """In the order in which they were made."""
        markers = sorted(self.path.glob(f"[0-9]*-r*/{_MARKER}"))
        return [kept for kept in map(_read, markers) if kept]

    def remains(self) -> tuple[int, int]:
        """Files and bytes of all that is kept, whole or not."""
        found = [path for path in self.path.rglob("*") if path.is_file() and not path.is_symlink()]
        kept = [path for path in found if path.name != _LOCK]
        return len(kept), sum(path.stat().st_size for path in kept)

    def erase(self) -> None:
        """Delete everything, for a hub that is gone for good."""
        with suppress(FileNotFoundError):
            shutil.rmtree(self.path)
        with suppress(OSError):
            self.path.parent.rmdir()

    def find(self, wanted: str) -> Kept:
        """The snapshot of this id, whole; raises `no-such-snapshot` or `snapshot-damaged`."""
        known = {kept.what.id: kept for kept in self.all()}
        if wanted not in known:
            raise failure(
                "no-such-snapshot",
                f"{self._hub} has no snapshot {wanted!r}",
                place=str(self.path),
                why=f"there are: {', '.join(known)}" if known else "there is none",
                hint=f"`hubfleet rollback {self._hub} --list` shows what can be gone back to",
            )
        kept = known[wanted]
        if kept.database is not None and _digest(kept.database) != kept.digest:
            raise failure(
                "snapshot-damaged",
                f"a snapshot of {self._hub} is not whole",
                place=str(kept.database),
                why="it is not the file that was written",
                hint="nothing was changed; go back to another one "
                f"(`hubfleet rollback {self._hub} --list`)",
            )
        return kept

    def keep(self, record: Record, release: int, at: str, database: bytes | None, schema: str
             ) -> Snapshot:  # fmt: skip
        """Write one down; raises `snapshot-not-written`."""
        try:
            with self.only_one():
                return self._keep(record, release, at, database, schema)
        except OSError as error:
            raise self.not_written(error.strerror or str(error)) from None

    def _keep(
        self, record: Record, release: int, at: str, database: bytes | None, schema: str
    ) -> Snapshot:
        for leftover in self.path.glob(".building-*"):
            shutil.rmtree(leftover)
        name = f"{self._next_number():04d}-r{record.revision}"
        building = make_private_folder(self.path / f".building-{name}")
        text = json.dumps(record.as_json(), indent=1, sort_keys=True) + "\n"
        write_atomically(building / "record.json", text)
        if database is not None:
            write_atomically(building / DATABASE, database)
        size = len(text) + len(database or b"")
        made = Snapshot(self._hub, name, record.revision, at, size, schema)
        digest = "" if database is None else hashlib.sha256(database).hexdigest()
        marker = {"snapshot": asdict(made), "release": release, "database": digest}
        write_atomically(building / _MARKER, json.dumps(marker, indent=1) + "\n")
        building.rename(self.path / name)
        return made

    def discard(self, running: int) -> tuple[Snapshot, ...]:
        """Delete what is too many or too old, never the way back."""
        if not self.path.exists():
            return ()
        with self.only_one():
            made = {kept.what.id: kept for kept in self.all()}
            facts = [
                Made(one.what.id, one.what.revision, _moment(one.what.at)) for one in made.values()
            ]
            gone = expired(facts, running, Keep(), now())
            for name in gone:
                (made[name].path / _MARKER).unlink(missing_ok=True)
                shutil.rmtree(made[name].path)
        return tuple(made[name].what for name in gone)

    @contextmanager
    def only_one(self) -> Iterator[None]:
        """Keep others from making or deleting snapshots of this hub meanwhile."""
        make_private_folder(self.path)
        descriptor = os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def not_written(self, why: str) -> HubfleetError:
        """The refusal of a change that could not be taken back."""
        return failure(
            "snapshot-not-written",
            f"no snapshot of {self._hub} could be made",
            place=str(self.path),
            why=why,
            hint="the hub was not changed; mend the cause, then run the command again",
        )

    def _next_number(self) -> int:
        numbers = (entry.name.partition("-")[0] for entry in self.path.glob("[0-9]*-r*"))
        return max((int(number) for number in numbers if number.isdigit()), default=0) + 1


def _read(marker: Path) -> Kept | None:
    try:
        value = json.loads(marker.read_text(encoding="utf-8"))
        record = Record.read(json.loads((marker.parent / "record.json").read_text("utf-8")))
        return Kept(
            marker.parent,
            Snapshot(**value["snapshot"]),
            record,
            int(value["release"]),
            str(value["database"]),
        )
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)

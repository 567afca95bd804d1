"""What snapshots of a hub there are, and whether one is whole."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hubfleet.kit.clock import now
from hubfleet.kit.errors import HubfleetError, failure
from hubfleet.kit.files import PRIVATE_FILE, make_private_folder
from hubfleet.platforms.keeping import Keep, Made, expired
from hubfleet.platforms.local.folders import HubFolder
from hubfleet.platforms.local.observing import known
from hubfleet.platforms.local.snapshots import database
from hubfleet.platforms.local.spec import HubSpec
from hubfleet.platforms.platform import Snapshot

FILES = ("spec.json", "secrets.json", "people.json", "hub.sqlite")


@dataclass(frozen=True, slots=True)
class Kept:
    """One finished snapshot and the folder that it is in."""

    path: Path
    what: Snapshot
    digests: dict[str, str]

    @property
    def spec(self) -> HubSpec:
        """What the hub ran."""
        return HubSpec.read(self.path / "spec.json")

    @property
    def database(self) -> Path:
        return self.path / "hub.sqlite"

    @property
    def declared_secrets(self) -> dict[str, Any]:
        """The secret values of the declaration of that time."""
        text = (self.path / "secrets.json").read_text(encoding="utf-8")
        return dict(json.loads(text)["declared"])

    @property
    def people(self) -> dict[str, Any]:
        """`users`, `admins`, `groups`, `homes`."""
        value: dict[str, Any] = json.loads((self.path / "people.json").read_text(encoding="utf-8"))
        return value


def all_of(folder: HubFolder) -> list[Kept]:
    """Every finished snapshot, in the order in which they were made."""
    markers = sorted(folder.revisions.glob("[0-9]*-r*/snapshot.json"))
    return [kept for kept in map(_read, markers) if kept]


def _read(marker: Path) -> Kept | None:
    try:
        value = json.loads(marker.read_text(encoding="utf-8"))
        return Kept(marker.parent, Snapshot(**value["snapshot"]), dict(value["digests"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def marker(snapshot: Snapshot, digests: dict[str, str]) -> str:
    """The text of `snapshot.json`."""
    return json.dumps({"snapshot": asdict(snapshot), "digests": digests}, indent=1) + "\n"


def find(folder: HubFolder, wanted: str) -> Kept:
    """The snapshot of this id, whole; raises `no-such-snapshot` or `snapshot-damaged`."""
    path = folder.revisions / wanted
    known = {kept.what.id: kept for kept in all_of(folder)}
    if wanted not in known:
        if "/" not in wanted and wanted not in {"", ".", ".."} and path.is_dir():
            raise damaged(folder, path, "its list of contents is missing or cannot be read")
        raise failure(
            "no-such-snapshot",
            f"{folder.name} has no snapshot {wanted!r}",
            place=str(folder.revisions),
            why=f"there are: {', '.join(known)}" if known else "there is none",
            hint=f"`hubfleet rollback {folder.name} --list` shows what can be gone back to",
        )
    require_whole(folder, known[wanted])
    return known[wanted]


def require_whole(folder: HubFolder, kept: Kept) -> None:
    """Raise `snapshot-damaged` unless every file is what it was and the database is sound."""
    for name, wanted in kept.digests.items():
        try:
            found = digest_of(kept.path / name)
        except OSError as error:
            raise damaged(folder, kept.path / name, error.strerror or str(error)) from None
        if found != wanted:
            raise damaged(folder, kept.path / name, "it is not the file that was written")
    try:
        _ = kept.spec, kept.people, kept.declared_secrets
        if "hub.sqlite" in kept.digests:
            database.check(kept.database)
    except (ValueError, TypeError, KeyError, OSError, sqlite3.Error) as error:
        raise damaged(folder, kept.path, str(error)) from None
    except database.DamagedDatabaseError as error:
        raise damaged(folder, kept.database, str(error)) from None


def damaged(folder: HubFolder, path: Path, why: str) -> HubfleetError:
    """The refusal to go back to a snapshot that is not whole."""
    return failure(
        "snapshot-damaged",
        f"a snapshot of {folder.name} is not whole",
        place=str(path),
        why=why,
        hint="nothing was changed; go back to another one "
        f"(`hubfleet rollback {folder.name} --list`), or put its files back from a backup",
    )


def digest_of(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def discard(folder: HubFolder, keep: Keep) -> tuple[Snapshot, ...]:
    """Delete what `keep` lets go, and what a killed process left; says what was a snapshot."""
    place = folder.revisions
    if not place.exists():
        return ()
    made = {kept.what.id: kept for kept in all_of(folder)}
    running = known(folder)
    if running is None:
        # Without knowing what runs, nobody can tell which snapshot is the way back.
        return ()
    facts = [Made(one.what.id, one.what.revision, _moment(one.what.at)) for one in made.values()]
    gone = expired(facts, running.revision, keep, now())
    with only_one(folder):
        for name in gone:
            # The marker first: a half-deleted snapshot is none.
            (made[name].path / "snapshot.json").unlink(missing_ok=True)
            shutil.rmtree(made[name].path)
        clear_leftovers(folder)
    return tuple(made[name].what for name in gone)


def clear_leftovers(folder: HubFolder) -> None:
    """Delete what a killed process had begun; call it inside `only_one`."""
    for path in folder.revisions.glob(".building-*"):
        shutil.rmtree(path)


def environments_of(spec: HubSpec) -> tuple[Path, ...]:
    """The folders of a hub's environments."""
    paths = (spec.environment, *spec.environments.values())
    return tuple(Path(path) for path in paths if path is not None)


@contextmanager
def only_one(folder: HubFolder) -> Iterator[Path]:
    """Keep others from making or deleting snapshots of this hub meanwhile; waits for them."""
    place = make_private_folder(folder.revisions)
    descriptor = os.open(place / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield place
    finally:
        os.close(descriptor)


def _moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)

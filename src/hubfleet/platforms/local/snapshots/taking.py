"""Making a snapshot before a hub is changed; nothing of the hub is touched.

It is built aside, its list of contents written last, and gets its name by one rename: whoever kills
this in between leaves nothing that could be taken for a snapshot.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

from hubfleet.kit.clock import timestamp
from hubfleet.kit.errors import HubfleetError, failure
from hubfleet.kit.files import make_private_folder, write_atomically
from hubfleet.platforms.local.folders import HubFolder
from hubfleet.platforms.local.homes.people import numbers_of
from hubfleet.platforms.local.homes.quota import readable
from hubfleet.platforms.local.observing import living
from hubfleet.platforms.local.snapshots import database, shelf
from hubfleet.platforms.local.spec import HubSecrets, HubSpec, RunRecord
from hubfleet.platforms.platform import Snapshot

_RESERVE = 64 * 1024 * 1024
"""Bytes that must stay free, so that the hub itself can go on writing."""


def take(folder: HubFolder) -> Snapshot:
    """Copy what is needed to go back to what the hub runs, or ran last.

    Raises `database-damaged` or `snapshot-not-written`, and then leaves nothing behind.
    """
    spec = _what_runs(folder)
    try:
        with shelf.only_one(folder) as place:
            shelf.clear_leftovers(folder)
            _refuse_when_full(folder, place)
            return _build(folder, spec, place)
    except database.DamagedDatabaseError as error:
        raise _damaged(folder, str(error)) from None
    except (OSError, sqlite3.Error) as error:
        raise not_written(folder, getattr(error, "strerror", None) or str(error)) from None


def _what_runs(folder: HubFolder) -> HubSpec:
    """The living hub's, else that of its last process, else what should run."""
    if running := living(folder):
        return running
    try:
        record = RunRecord.read(folder.run)
        if record.spec is not None:
            return HubSpec.from_json(record.spec)
    except (OSError, ValueError, TypeError):
        pass
    return HubSpec.read(folder.spec)


def _build(folder: HubFolder, spec: HubSpec, place: Path) -> Snapshot:
    name = f"{_next_number(place):04d}-r{spec.revision}"
    building = place / f".building-{name}"
    try:
        make_private_folder(building)
        spec.write(building / "spec.json")
        declared = HubSecrets.read(folder.secrets).declared
        write_atomically(building / "secrets.json", json.dumps({"declared": declared}) + "\n")
        schema = ""
        if folder.database.exists():
            database.copy_database(folder.database, building / "hub.sqlite")
            schema = database.schema_of(building / "hub.sqlite")
        people = {**database.people_of(building / "hub.sqlite"), "homes": numbers_of(folder.path)}
        write_atomically(building / "people.json", json.dumps(people, indent=1) + "\n")
        files = [building / file for file in shelf.FILES if (building / file).exists()]
        size = sum(file.stat().st_size for file in files)
        made = Snapshot(folder.name, name, spec.revision, timestamp(), size, schema)
        digests = {file.name: shelf.digest_of(file) for file in files}
        write_atomically(building / "snapshot.json", shelf.marker(made, digests))
        database.sync(building)
        building.rename(place / name)
        database.sync(place)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise
    return made


def _next_number(place: Path) -> int:
    """One more than any that is there, whole or not; counts on whatever the clock does."""
    numbers = (entry.name.partition("-")[0] for entry in place.glob("[0-9]*-r*"))
    return max((int(number) for number in numbers if number.isdigit()), default=0) + 1


def _refuse_when_full(folder: HubFolder, place: Path) -> None:
    size = folder.database.stat().st_size if folder.database.exists() else 0
    free = shutil.disk_usage(place).free
    if size + _RESERVE > free:
        why = f"the copy needs {readable(size)}, {readable(_RESERVE)} must stay free for the hub"
        raise not_written(folder, f"{why}, and only {readable(free)} are free")


def not_written(folder: HubFolder, why: str) -> HubfleetError:
    """The refusal of a change that could not be taken back."""
    return failure(
        "snapshot-not-written",
        f"no snapshot of {folder.name} could be made",
        place=str(folder.revisions),
        why=why,
        hint="the hub was not changed; make room on the disk or mend the folder's rights, "
        "then run the command again",
    )


def _damaged(folder: HubFolder, why: str) -> HubfleetError:
    return failure(
        "database-damaged",
        f"the database of {folder.name} is damaged",
        place=str(folder.database),
        why=why,
        hint="the hub was not changed; go back to a sound copy with "
        f"`hubfleet rollback {folder.name} --database`",
    )


def secure_before_migration(folder: HubFolder) -> None:
    """Make a snapshot when the next start will migrate the database and none of its schema exists.

    Whoever changes hubs makes one anyway; this holds for whoever only starts them.
    """
    if not folder.spec.exists():
        return
    try:
        schema = database.schema_of(folder.database)
    except database.DamagedDatabaseError as error:
        raise _damaged(folder, str(error)) from None
    if database.is_older_than_installed(schema) and not any(
        kept.what.database_schema == schema for kept in shelf.all_of(folder)
    ):
        take(folder)

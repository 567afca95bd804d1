"""The database's way back, so that whoever kills this finds the old database or the restored one.

The copy is made and checked aside while the hub still runs; only then is the hub stopped, what
happened since merged, and the file exchanged by one rename.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from hubfleet.kit.files import make_private_folder
from hubfleet.platforms.local.folders import HubFolder
from hubfleet.platforms.local.servers import running_servers
from hubfleet.platforms.local.snapshots import database
from hubfleet.platforms.local.snapshots.merging import Merged, merge
from hubfleet.platforms.local.snapshots.shelf import Kept


def copy_aside(folder: HubFolder, kept: Kept) -> Path:
    """A copy of the snapshot's database beside it, to be merged into."""
    place = make_private_folder(folder.revisions / ".restoring")
    copy = place / "hub.sqlite"
    for path in (copy, *database.side_files(copy)):
        path.unlink(missing_ok=True)
    database.copy_database(kept.database, copy)
    return copy


def exchange(folder: HubFolder, copy: Path, revision: int) -> Merged:
    """Merge what happened since, then put the copy in the hub's place; the hub must be down.

    What it replaces is kept in `replaced/` until the next rollback.
    """
    running = [server.user for server in running_servers(folder.path)]
    merged = merge(copy, folder.database, running)
    database.check(copy)
    database.sync(copy)
    _set_aside(folder, revision)
    copy.replace(folder.database)
    database.sync(folder.path)
    shutil.rmtree(copy.parent, ignore_errors=True)
    return merged


def _set_aside(folder: HubFolder, revision: int) -> None:
    """Link the present database away; the second call finds it done and keeps the first one."""
    place = make_private_folder(folder.revisions / "replaced")
    kept = place / f"before-r{revision}.sqlite"
    if not folder.database.exists():
        return
    try:
        database.settle(folder.database)
    except database.DamagedDatabaseError:
        # What SQLite cannot read goes away as it is: left behind, it would be taken for a part of
        # the restored database.
        for path in database.side_files(folder.database):
            if path.exists():
                path.replace(place / f"{kept.name}{path.name.removeprefix(folder.database.name)}")
    if kept.exists():
        return
    for older in place.glob("before-*"):
        if not older.name.startswith(kept.name):
            older.unlink()
    try:
        os.link(folder.database, kept)
    except OSError:
        # Some file systems know no second names.
        shutil.copy2(folder.database, kept)

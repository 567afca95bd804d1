"""What a rollback will do, and what it did, in words for the people who live with it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

from hubfleet.planning.steps import Reason
from hubfleet.platforms.local.folders import HubFolder
from hubfleet.platforms.local.observing import living
from hubfleet.platforms.local.servers import PROBE_USER, running_servers
from hubfleet.platforms.local.snapshots import database
from hubfleet.platforms.local.snapshots.merging import Merged
from hubfleet.platforms.local.snapshots.shelf import Kept
from hubfleet.platforms.local.spec import HubSpec
from hubfleet.platforms.platform import RollbackPreview

_MOST_NAMES = 20


def preview(folder: HubFolder, kept: Kept, *, with_database: bool) -> RollbackPreview:
    """What a rollback to this snapshot would do; changes nothing."""
    now = living(folder) or HubSpec.read(folder.spec)
    present = _people(folder)
    then = set(kept.people["users"])
    came = sorted((present or set()) - then)
    keeps = [_servers(folder), "Homes and files stay as they are."]
    loses = []
    if not with_database:
        keeps.append("The hub database stays as it is: people, groups and tokens too.")
    elif present is None:
        loses += [_unread(kept, "it cannot be read")]
    else:
        keeps += [_came(came)] if came else []
        keeps.append("API tokens and sessions made since then are kept, revoked ones stay revoked.")
        loses += list(_lost(kept, sorted(then - present)))
    return RollbackPreview(
        kept.what,
        tuple(_changes(now.flat, kept.spec.flat)),
        with_database,
        tuple(keeps),
        tuple(loses),
    )


def what_became(folder: HubFolder, kept: Kept, merged: Merged) -> str:
    """What people kept and lost when the database was put back, after it was."""
    said = [f"{folder.name}: the hub database is that of {kept.what.at}."]
    if merged.unread:
        said.append(_unread(kept, merged.unread))
    said += [_came(merged.added)] if merged.added else []
    if merged.left_out:
        said.append(
            f"Not in it, because its schema has no place for them: {_named(merged.left_out)}."
        )
    if merged.deleted_since:
        said.append(_deleted(merged.deleted_since))
    said.append(_servers(folder))
    return " ".join(said)


def _changes(now: dict[str, Any], then: dict[str, Any]) -> Iterator[Reason]:
    for key in sorted({*now, *then}):
        if now.get(key) != then.get(key):
            yield Reason(key, now.get(key), then.get(key))


def _people(folder: HubFolder) -> set[str] | None:
    """None when the present database cannot be read."""
    try:
        return set(database.people_of(folder.database)["users"])
    except sqlite3.Error:
        return None


def _servers(folder: HubFolder) -> str:
    people = [server.user for server in running_servers(folder.path) if server.user != PROBE_USER]
    if not people:
        return "Nobody's server runs."
    return f"Servers and kernels go on, those of {_named(people)}."


def _came(people: list[str] | tuple[str, ...]) -> str:
    return f"People who came since then are kept, with groups and tokens: {_named(people)}."


def _lost(kept: Kept, deleted: list[str]) -> Iterator[str]:
    yield (
        "What JupyterHub noted since then about people who were there before goes back to "
        f"{kept.what.at}: their last activity, what they chose for servers that do not run."
    )
    yield "Shares of servers made since then end."
    if deleted:
        yield _deleted(deleted)


def _deleted(people: list[str] | tuple[str, ...]) -> str:
    return (
        f"Deleted since then and now there again, without tokens: {_named(people)}. "
        "They come in only where the configuration names them."
    )


def _unread(kept: Kept, why: str) -> str:
    return (
        f"Nothing could be carried over from the present database ({why}): people, groups and "
        f"tokens made since {kept.what.at} are lost, and servers started since then are started "
        "anew when their owners come back."
    )


def _named(people: list[str] | tuple[str, ...]) -> str:
    shown = ", ".join(people[:_MOST_NAMES])
    return shown if len(people) <= _MOST_NAMES else f"{shown} and {len(people) - _MOST_NAMES} more"

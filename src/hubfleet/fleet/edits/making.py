"""From edits to new texts: which file says it, and how.

A list in the declaration replaces those of lower layers. So whoever is added to a hub's admins is
added to those that are effective now, and the whole list stands in the hub's file from then on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, assert_never

from hubfleet.fleet.edits.edit import (
    AddAdmin,
    AllowUser,
    ClearField,
    DisallowUser,
    Edit,
    RemoveAdmin,
    SetField,
    SetRepresentatives,
    SetResponsibility,
    explain,
)
from hubfleet.fleet.edits.text import drop, put, value_at
from hubfleet.fleet.layers import flatten, shape_of
from hubfleet.fleet.model import Fleet, HubValues
from hubfleet.fleet.responsibilities import items_of
from hubfleet.fleet.words import nearest
from hubfleet.fleet.yaml import KeyPath
from hubfleet.kit.errors import failure

_ADMINS: KeyPath = ("access", "admins")
_USERS: KeyPath = ("access", "allow", "users")


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file before and after; `file` is relative to the fleet's root."""

    file: str
    old: str
    new: str


def changed_files(
    edits: Sequence[Edit], fleet: Fleet, read: Callable[[str], str]
) -> tuple[FileChange, ...]:
    """What the edits make of the files; `read` gives a file's text by its name.

    Raises `nothing-to-change` where all of it is declared already.
    """
    old: dict[str, str] = {}
    new: dict[str, str] = {}
    for edit in edits:
        file = _file_of(edit, fleet)
        if file not in old:
            old[file] = new[file] = read(file)
        new[file] = _edited(edit, fleet, new[file], file)
    changes = tuple(
        FileChange(name, old[name], new[name]) for name in old if old[name] != new[name]
    )
    if not changes:
        raise failure(
            "nothing-to-change",
            "the declaration says so already",
            why="; ".join(explain(edit) for edit in edits) + ".",
            hint="nothing needs to be done",
        )
    return changes


def without_effect(edits: Sequence[Edit], after: Fleet) -> tuple[Edit, ...]:
    """The edits that the fleet does not show, because a stronger layer says something else."""
    return tuple(edit for edit in edits if not _shown(edit, after))


def _file_of(edit: Edit, fleet: Fleet) -> str:
    match edit:
        case SetResponsibility() | SetRepresentatives():
            community = edit.community
            if community not in fleet.communities:
                raise _unknown("community", community, fleet.communities)
            return fleet.communities[community].place.file
        case _:
            if edit.hub not in fleet.hubs:
                raise _unknown("hub", edit.hub, fleet.hubs)
            return fleet.hubs[edit.hub].place.file


_WHERE_LISTED = {
    "hub": "`hubfleet status` lists them",
    "community": "they are the folders in communities/",
    "responsibility": "`hubfleet responsibilities COMMUNITY` lists them",
}


def _unknown(kind: str, name: str, known: Any) -> Exception:
    near = nearest(name, list(known))
    return failure(
        f"no-such-{kind}",
        f"there is no {kind} `{name}`",
        hint=f"did you mean `{near}`?" if near else _WHERE_LISTED[kind],
    )


def _edited(  # noqa: PLR0911 (a case for each member)
    edit: Edit, fleet: Fleet, text: str, file: str
) -> str:
    match edit:
        case SetField(_, key, value):
            return put(text, file, _path(key), value)
        case ClearField(_, key):
            return drop(text, file, _path(key))
        case AddAdmin(hub, login):
            admins = fleet.hubs[hub].values.access.admins
            return _with_name(text, file, _ADMINS, admins, _login(login))
        case RemoveAdmin(hub, login):
            admins = fleet.hubs[hub].values.access.admins
            return _without_name(text, file, _ADMINS, admins, _login(login))
        case AllowUser(hub, login):
            users = fleet.hubs[hub].values.access.allow.users
            return _with_name(text, file, _USERS, users, _login(login))
        case DisallowUser(hub, login):
            users = fleet.hubs[hub].values.access.allow.users
            return _without_name(text, file, _USERS, users, _login(login))
        case SetResponsibility():
            return _with_responsibility(edit, fleet, text, file)
        case SetRepresentatives(_, people):
            listed = [person.model_dump(mode="json", exclude_none=True) for person in people]
            return put(text, file, ("representatives",), listed)
        case _:
            assert_never(edit)


def _with_responsibility(edit: SetResponsibility, fleet: Fleet, text: str, file: str) -> str:
    known = [item.slug for item in items_of(fleet)]
    if edit.item not in known:
        raise _unknown("responsibility", edit.item, known)
    path = ("responsibilities", edit.item)
    text = put(text, file, path, edit.owner) if edit.owner else drop(text, file, path)
    if edit.note is None:
        return text
    note, path = " ".join(edit.note.split()), ("responsibility_notes", edit.item)
    return put(text, file, path, note) if note else drop(text, file, path)


def _login(login: str) -> str:
    return login.strip().lower()


def _with_name(text: str, file: str, path: KeyPath, names: Sequence[str], login: str) -> str:
    now = _names(text, file, path, names)
    return text if login in map(_login, now) else put(text, file, path, [*now, login])


def _without_name(text: str, file: str, path: KeyPath, names: Sequence[str], login: str) -> str:
    now = _names(text, file, path, names)
    if login not in map(_login, now):
        return text
    return put(text, file, path, [name for name in now if _login(name) != login])


def _names(text: str, file: str, path: KeyPath, effective: Sequence[str]) -> list[str]:
    """The list as the file says it; else as it is effective."""
    own = value_at(text, file, path)
    return list(own) if isinstance(own, list) else list(effective)


def _path(key: str) -> KeyPath:
    """The path of a hub's field; raises `no-such-field` for what no hub can have."""
    path = tuple(key.split("."))
    shape: Any = shape_of(HubValues)
    for part in path:
        if shape is None or not part or (part not in shape and "*" not in shape):
            near = nearest(path[0], list(shape_of(HubValues) or ()))
            raise failure(
                "no-such-field",
                f"no hub has a field `{key}`",
                hint=f"did you mean `{near}`?" if near else "`hubfleet explain HUB` lists them",
            )
        shape = shape.get(part, shape.get("*"))
    return path


def _shown(edit: Edit, after: Fleet) -> bool:  # noqa: PLR0911 (a case for each member)
    match edit:
        case SetField(hub, key, value):
            return _field_shown(after, hub, key, value)
        case AddAdmin(hub, login):
            return _login(login) in after.hubs[hub].values.access.admins
        case RemoveAdmin(hub, login):
            return _login(login) not in after.hubs[hub].values.access.admins
        case AllowUser(hub, login):
            return _login(login) in after.hubs[hub].values.access.allow.users
        case DisallowUser(hub, login):
            return _login(login) not in after.hubs[hub].values.access.allow.users
        case SetResponsibility(community, item, owner):
            return after.communities[community].file.responsibilities.get(item) == owner
        case SetRepresentatives(community, people):
            return after.communities[community].file.representatives == people
        case ClearField():
            return True
        case _:
            assert_never(edit)


def _field_shown(after: Fleet, hub: str, key: str, value: Any) -> bool:
    """Every part of the value comes from the hub's own file; how it is spelt does not matter."""
    path = tuple(key.split("."))
    nested: Any = value
    for part in reversed(path):
        nested = {part: nested}
    file = after.hubs[hub].place.file
    for found in flatten(nested):
        seen = after.hubs[hub].effective.get(".".join(found))
        if seen is not None and (seen.place is None or seen.place.file != file):
            return False
    return True

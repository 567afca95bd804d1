"""What may be changed in the declaration: a closed union, each member with its sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, assert_never

from hubfleet.fleet.edits.flow import flow
from hubfleet.fleet.model import Owner, Representative


@dataclass(frozen=True, slots=True)
class SetField:
    """One field of a hub, in the hub's own file; `key` is as `explain` shows it."""

    hub: str
    key: str
    value: Any


@dataclass(frozen=True, slots=True)
class ClearField:
    """Take a field out of a hub's file: what lower layers say holds again."""

    hub: str
    key: str


@dataclass(frozen=True, slots=True)
class AddAdmin:
    """Make somebody an admin of a hub."""

    hub: str
    login: str


@dataclass(frozen=True, slots=True)
class RemoveAdmin:
    """Somebody is no longer an admin of a hub."""

    hub: str
    login: str


@dataclass(frozen=True, slots=True)
class AllowUser:
    """Name somebody in a hub's declaration as a user of it."""

    hub: str
    login: str


@dataclass(frozen=True, slots=True)
class DisallowUser:
    """Take somebody's name out of a hub's declared users."""

    hub: str
    login: str


@dataclass(frozen=True, slots=True)
class SetResponsibility:
    """Who owns an item in a community, and what was agreed about it.

    `owner` None: what the default split says. `note` None: it stays; empty: it goes.
    """

    community: str
    item: str
    owner: Owner | None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class SetRepresentatives:
    """Who speaks for a community: one or two people."""

    community: str
    people: tuple[Representative, ...]


Edit = (
    SetField
    | ClearField
    | AddAdmin
    | RemoveAdmin
    | AllowUser
    | DisallowUser
    | SetResponsibility
    | SetRepresentatives
)


def explain(edit: Edit) -> str:  # noqa: PLR0911 (a case for each member)
    """What the edit does, in one line without markup, for commits and pages."""
    match edit:
        case SetField(hub, key, value):
            return _short(f"Set {key} of {hub} to {flow(value)}")
        case ClearField(hub, key):
            return f"Leave {key} of {hub} to the layers below"
        case AddAdmin(hub, login):
            return f"Make {login} an admin of {hub}"
        case RemoveAdmin(hub, login):
            return f"Take the admin rights of {login} on {hub}"
        case AllowUser(hub, login):
            return f"Let {login} use {hub}"
        case DisallowUser(hub, login):
            return f"No longer let {login} use {hub}"
        case SetResponsibility(community, item, owner):
            whom = f"to {whose(owner)}" if owner else "back to the default split"
            return f"Give {item} of {community} {whom}"
        case SetRepresentatives(community, people):
            names = " and ".join(person.name for person in people)
            return _short(f"Let {names or 'nobody'} speak for {community}")
        case _:
            assert_never(edit)


def subject(edit: Edit) -> str:
    """The hub or community that the edit is about."""
    match edit:
        case SetResponsibility() | SetRepresentatives():
            return edit.community
        case _:
            return edit.hub


def whose(owner: Owner) -> str:
    """An owner in a sentence."""
    return {"community": "the community", "operator": "the operator", "shared": "both"}[owner]


def _short(sentence: str) -> str:
    sentence = " ".join(sentence.split())
    return sentence if len(sentence) <= 100 else sentence[:97] + "..."

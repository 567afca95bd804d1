"""Which acts an edit of the declaration is: what somebody must be allowed to make it. Pure.

A field is looked at as deep as the declaration goes, so that a whole mapping asks for everything
that stands in it. What is not named here counts as configuration; what could run code on a hub or
move it is an engineer's act on the service.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
)
from hubfleet.fleet.layers import flatten, nest
from hubfleet.fleet.model import Fleet
from hubfleet.office.accounts.actions import Action

Path = tuple[str, ...]

_BY_PATH: tuple[tuple[Path, Action], ...] = (
    (("access", "admins"), Action.MANAGE_ADMINS),
    (("access", "allow", "users"), Action.MANAGE_USERS),
    (("groups",), Action.MANAGE_USERS),
    (("access",), Action.CHANGE_ACCESS),
    (("environment", "image"), Action.CHANGE_COMPLEX_ENVIRONMENT),
    (("environments",), Action.CHANGE_COMPLEX_ENVIRONMENT),
    (("environment",), Action.CHANGE_ENVIRONMENT),
    (("interface",), Action.CHANGE_ENVIRONMENT),
    (("profiles",), Action.CHANGE_PROFILES),
    (("limits",), Action.CHANGE_LIMITS),
    (("guarantees",), Action.CHANGE_LIMITS),
    (("storage", "home_quota"), Action.CHANGE_LIMITS),
    (("named_servers",), Action.CHANGE_LIMITS),
    (("culling",), Action.CHANGE_LIMITS),
    (("cluster",), Action.MANAGE_CLUSTER),
    (("stage",), Action.MANAGE_CLUSTER),
    (("gate",), Action.MANAGE_CLUSTER),
    (("domain",), Action.MANAGE_CLUSTER),
    (("jupyterhub",), Action.MANAGE_CLUSTER),
    (("helm_values",), Action.MANAGE_CLUSTER),
    (("chart",), Action.MANAGE_CLUSTER),
)
"""The first path that fits says it."""


def acts_of(edit: Edit, fleet: Fleet) -> tuple[Action, ...]:
    """Everything that whoever makes the edit must be allowed to do, on the edit's subject."""
    match edit:
        case AddAdmin() | RemoveAdmin():
            return (Action.MANAGE_ADMINS,)
        case AllowUser() | DisallowUser():
            return (Action.MANAGE_USERS,)
        case SetResponsibility():
            return (Action.CHANGE_RESPONSIBILITIES,)
        case SetRepresentatives():
            return (Action.CHANGE_REPRESENTATIVES,)
        case SetField(hub, key, value):
            return _acts(_leaves(key, value), hub, fleet)
        case ClearField(hub, key):
            return _acts(_cleared(key, hub, fleet), hub, fleet)
        case _:
            assert_never(edit)


def _leaves(key: str, value: Any) -> dict[Path, Any]:
    path = tuple(key.split("."))
    return {**flatten(nest({path: value}))} or {path: value}


def _cleared(key: str, hub: str, fleet: Fleet) -> dict[Path, Any]:
    """Everything below the key that has a value now."""
    declared = fleet.hubs.get(hub)
    known = declared.effective if declared else {}
    found = [name for name in known if name == key or name.startswith(f"{key}.")]
    return {tuple(name.split(".")): None for name in found or [key]}


def _acts(values: Mapping[Path, Any], hub: str, fleet: Fleet) -> tuple[Action, ...]:
    found = {_act(path) for path in values}
    if ("profiles",) in values and _cost_more(values[("profiles",)], hub, fleet):
        found.add(Action.CHANGE_LIMITS)
    return tuple(sorted(found))


def _act(path: Path) -> Action:
    for prefix, action in _BY_PATH:
        # A shorter path sets all that is below it.
        length = min(len(prefix), len(path))
        if prefix[:length] == path[:length] and len(path) >= len(prefix):
            return action
    return Action.CHANGE_CONFIGURATION


def _cost_more(profiles: Any, hub: str, fleet: Fleet) -> bool:
    """Whether the profiles offer limits or guarantees that none offers now."""
    declared = fleet.hubs.get(hub)
    now = [one.model_dump(mode="json") for one in declared.values.profiles] if declared else []
    return not {*_amounts(profiles)} <= {*_amounts(now)}


def _amounts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key in ("limits", "guarantees") and isinstance(inner, Mapping):
                yield from (f"{key}.{k}={v}" for k, v in inner.items() if v is not None)
            else:
                yield from _amounts(inner)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for inner in value:
            yield from _amounts(inner)

"""What importers find: a hub's values in the chart's words, and where each of them stood."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from html import unescape
from typing import Any, Literal

from hubfleet.fleet.yaml import Document
from hubfleet.kit.errors import Place
from hubfleet.kit.units import parse_memory

Path = tuple[str, ...]
Went = Literal["typed", "passed", "secret", "not-carried"]
ENCRYPTED = "<encrypted>"
"""Stands for a value that only its owner can read."""


@dataclass(frozen=True, slots=True)
class Origin:
    """A key of the source as people wrote it, and its line."""

    key: str
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Fate:
    """Where one key of a source went: `to` is a key of the hub's declaration."""

    origin: Origin
    went: Went
    to: str = ""
    why: str = ""

    def as_json(self) -> dict[str, Any]:
        place = self.origin.place
        return {
            "key": self.origin.key,
            "place": None if place is None else str(place),
            "went": self.went,
            "to": self.to or None,
            "why": self.why or None,
        }


@dataclass(frozen=True, slots=True)
class Given:
    """A declared field that the source says in words of its own."""

    field: Path
    value: Any
    origin: Origin


@dataclass(slots=True)
class Found:
    """One hub of a source. `values` are the chart's, `origins` of their leaves; `given` are
    declared as they are, `fates` are decided already.
    """

    community: str
    hub: str
    cluster: str
    platform: Literal["local", "kubernetes"] = "kubernetes"
    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[Path, Origin] = field(default_factory=dict)
    given: list[Given] = field(default_factory=list)
    fates: list[Fate] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    community_title: str = ""

    @property
    def name(self) -> str:
        return f"{self.community}/{self.hub}"

    def put(self, path: Path, value: Any, origin: Origin) -> None:
        """Layer a value over what is there, as Helm does: mappings merge, the rest replaces."""
        if isinstance(value, Mapping) and value:
            for key, inner in value.items():
                self.put((*path, str(key)), inner, origin)
            return
        target = self.values
        for depth, key in enumerate(path[:-1], 1):
            below = target.get(key)
            if not isinstance(below, dict):
                self._forget(path[:depth])
                below = target[key] = {}
            elif not below:
                self._forget(path[:depth])
            target = below
        last = path[-1]
        if last in target:
            if value == {} and isinstance(target[last], dict):
                self.leave(origin, "an empty mapping says nothing")
                return
            self._forget(path, below=isinstance(target[last], dict))
        target[last] = value
        self.origins[path] = origin

    def _forget(self, path: Path, *, below: bool = False) -> None:
        """What a later layer replaces has a fate, too."""
        replaced = [path] if path in self.origins else []
        if below:
            replaced += [one for one in self.origins if one[: len(path)] == path and one != path]
        for one in replaced:
            self.leave(self.origins.pop(one), "a later layer says otherwise")

    def layer(self, document: Document, *, under: Path = (), known: Path = ()) -> None:
        """Put a whole file; `under` is where the chart's values begin in it. What is beside that
        is told as not carried, but for `known` keys.
        """
        for path, value in leaves_of(document.value or {}):
            origin = Origin(".".join(path), document.place(path))
            if path[: len(under)] == under and len(path) > len(under):
                self.put(path[len(under) :], value, origin)
            elif path and path[0] not in known:
                why = f"it belongs to another chart than Zero to JupyterHub (`{path[0]}`)"
                self.fates.append(Fate(origin, "not-carried", why=why))

    def give(self, name: str, value: Any, origin: Origin) -> None:
        """Declare a field."""
        self.given.append(Given(tuple(name.split(".")), value, origin))

    def leave(self, origin: Origin, why: str) -> None:
        """Carry it nowhere."""
        self.fates.append(Fate(origin, "not-carried", why=why))


def leaves_of(value: Any, path: Path = ()) -> Iterable[tuple[Path, Any]]:
    """All that is not a mapping with something in it, by path."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from leaves_of(inner, (*path, str(key)))
    elif path:
        yield path, value


def alike(theirs: Any, ours: Any) -> bool:
    """Whether the chart does the same with both: amounts may be written otherwise, and mappings
    in lists may say more.
    """
    if isinstance(theirs, Mapping) and isinstance(ours, Mapping):
        return all(key in ours and alike(value, ours[key]) for key, value in theirs.items())
    if isinstance(theirs, list) and isinstance(ours, list):
        return _alike_lists(theirs, ours)
    if isinstance(theirs, bool) or isinstance(ours, bool):
        return theirs is ours
    return bool(theirs == ours) or _same_text(theirs, ours)


def _alike_lists(theirs: list[Any], ours: list[Any]) -> bool:
    if all(isinstance(one, str) for one in [*theirs, *ours]):
        # People and organisations are the same in small letters.
        return sorted(one.lower() for one in theirs) == sorted(one.lower() for one in ours)
    pairs = zip(theirs, ours, strict=False)
    return len(theirs) == len(ours) and all(alike(one, other) for one, other in pairs)


def _same_text(theirs: Any, ours: Any) -> bool:
    """As an amount, or as people read it: hubfleet writes names for pages of HTML."""
    if isinstance(ours, str) and isinstance(theirs, str) and unescape(ours) == unescape(theirs):
        return True
    try:
        return parse_memory(theirs) == parse_memory(ours)
    except (ValueError, TypeError):
        return False

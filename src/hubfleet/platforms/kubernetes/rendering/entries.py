"""Entries: one value at one path of the chart's values, and the declared field it comes from.

Renderers yield entries; `assembled` makes values of them by Helm's own rules: mappings merge at
every depth, anything else replaces, the later wins.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """`field` is a key of the hub's effective values or the beginning of one; empty for what no
    file says: hubfleet's own.
    """

    path: Path
    value: Any
    field: str = ""


def entry(path: str, value: Any, field: str = "") -> Entry:
    """For paths whose keys hold no dots."""
    return Entry(tuple(path.split(".")), value, field)


@dataclass(frozen=True, slots=True)
class Rendered:
    """Values of the chart. `origins` tells of every leaf which declared field set it; `passed`
    are the leaves that the pass-through (`helm_values`) set.
    """

    values: dict[str, Any] = field(default_factory=dict)
    origins: Mapping[Path, str] = field(default_factory=dict)
    passed: frozenset[Path] = frozenset()

    def field_at(self, path: Iterable[str | int]) -> str:
        """The declared field that set what is at `path`, or most of what is below it."""
        keys = tuple(str(key) for key in path)
        for length in range(len(keys), 0, -1):
            if keys[:length] in self.origins:
                return self.origins[keys[:length]]
        below = [name for known, name in self.origins.items() if known[: len(keys)] == keys]
        return next((name for name in below if name), "")


def assembled(entries: Iterable[Entry], passed: Iterable[Entry] = ()) -> Rendered:
    """The values that all entries come to; `passed` come last."""
    values: dict[str, Any] = {}
    origins: dict[Path, str] = {}
    through: set[Path] = set()
    for one in entries:
        for path, value in leaves(one.value, one.path):
            _put(values, origins, path, value, one.field)
    for one in passed:
        for path, value in leaves(one.value, one.path):
            _put(values, origins, path, value, one.field)
            through.add(path)
    return Rendered(values, origins, frozenset(through))


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """All that is not a mapping with something in it, by path."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from leaves(inner, (*path, str(key)))
    else:
        yield path, value


def _put(
    values: dict[str, Any], origins: dict[Path, str], path: Path, value: Any, name: str
) -> None:
    target = values
    for key in path[:-1]:
        inner = target.get(key)
        if not isinstance(inner, dict):
            inner = target[key] = {}
        target = inner
    last = path[-1]
    if value == {} and isinstance(value, dict) and isinstance(target.get(last), dict):
        return
    target[last] = value
    for known in [k for k in origins if k[: len(path)] == path or path[: len(k)] == k]:
        del origins[known]
    origins[path] = name

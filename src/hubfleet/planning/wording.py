"""A changed value in words: lists of named things by what became of each, not as raw JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def shown(value: Any) -> str:
    """A value in one line: text as it is, `-` for nothing, things with names by their names."""
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    named = _named(value)
    if named:
        return ", ".join(named)
    return json.dumps(value, ensure_ascii=False)


def changes(old: Any, new: Any) -> list[str]:
    """What became of it, a line each: `old -> new`, or for things with names one by one."""
    before, after = _named(old), _named(new)
    if before is None or after is None:
        return [f"{shown(old)} -> {shown(new)}"]
    lines = [f"{name}: added" for name in after if name not in before]
    lines += [f"{name}: removed" for name in before if name not in after]
    for name, thing in after.items():
        if name in before:
            lines += [f"{name}: {line}" for line in _inner(before[name], thing, "")]
    if not lines:
        lines = [f"order: {', '.join(before)} -> {', '.join(after)}"]
    return lines


def _named(value: Any) -> dict[str, Mapping[str, Any]] | None:
    """By name, a list of mappings that have one each; None for anything else."""
    if value is None or isinstance(value, str | Mapping) or not isinstance(value, Sequence):
        return None
    things = {item["name"]: item for item in value if isinstance(item, Mapping) and "name" in item}
    return things if len(things) == len(value) else None


def _inner(old: Any, new: Any, path: str) -> Iterator[str]:
    """Each field that differs, `limits.memory 4G -> 8G`; what both leave out is left out."""
    if old == new:
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in dict.fromkeys((*new, *old)):
            inner = f"{path}.{key}" if path else str(key)
            yield from _inner(old.get(key), new.get(key), inner)
    elif _named(old) is not None and _named(new) is not None and (old or new):
        for line in changes(old, new):
            yield f"{path}: {line}"
    else:
        yield f"{path} {shown(old)} -> {shown(new)}"

"""What others changed of a hub's objects, and who: read from the API's own record of owners.

`metadata.managedFields` says of every field who set it last. A field is drift when somebody else
owns it, the chart sets it, and the two values differ; what others add beside the chart is theirs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

OWN_MANAGERS = frozenset({"helm", "hubfleet"})
CONTROLLERS = frozenset({"kube-controller-manager", "kube-scheduler", "kubelet", "kube-apiserver"})
"""They fill in what they are there for, such as the status."""

_CONTENT = ("f:spec", "f:data", "f:stringData", "f:rules")

Step = str | tuple[tuple[str, Any], ...]
"""A key, or the fields that tell one item of a list."""

FieldPath = tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Drift:
    """One field, or a whole object where `field` is empty, that is not as the chart has it."""

    object: str
    field: str
    owner: str
    value: Any = None

    @property
    def key(self) -> str:
        """Its name among the effective values of a plan."""
        return f"drift.{self.object}{self.field}"

    @property
    def shown(self) -> str:
        """The value in a plan: what is there now, and whose it is."""
        if not self.field:
            return "deleted"
        return f"{self.value!r} by {self.owner}"


def foreign_fields(metadata: Mapping[str, Any]) -> list[tuple[str, FieldPath]]:
    """Owner and path of the fields that neither Helm nor a controller set."""
    found = []
    for entry in metadata.get("managedFields") or ():
        manager = entry.get("manager", "")
        if manager in OWN_MANAGERS or manager in CONTROLLERS:
            continue
        if entry.get("subresource") == "status":
            continue
        fields = entry.get("fieldsV1") or {}
        for top in _CONTENT:
            if top in fields:
                found += [(manager, path) for path in _leaves(fields[top], (top[2:],))]
    return found


def _leaves(fields: Mapping[str, Any], path: FieldPath) -> Iterator[FieldPath]:
    inner = {key: value for key, value in fields.items() if key != "."}
    if not inner:
        yield path
        return
    for key, value in inner.items():
        kind, _, rest = key.partition(":")
        if kind == "f":
            yield from _leaves(value, (*path, rest))
        elif kind == "k":
            chosen = tuple(sorted(json.loads(rest).items()))
            yield from _leaves(value, (*path, chosen))
        else:
            yield path


_ABSENT = object()


def value_at(tree: Any, path: FieldPath) -> Any:
    """The value at a path; `ABSENT` where there is none."""
    for step in path:
        if isinstance(step, str):
            if not isinstance(tree, Mapping) or step not in tree:
                return _ABSENT
            tree = tree[step]
        else:
            items = tree if isinstance(tree, list) else []
            tree = next((one for one in items if _is_it(one, step)), _ABSENT)
            if tree is _ABSENT:
                return _ABSENT
    return tree


def _is_it(item: Any, chosen: tuple[tuple[str, Any], ...]) -> bool:
    # Protocols of ports are filled in by the API: a chart need not say them.
    return isinstance(item, Mapping) and all(
        item.get(key, "TCP" if key == "protocol" else None) == value for key, value in chosen
    )


def shown_path(path: FieldPath) -> str:
    """As the API writes paths: `.spec.containers[name="hub"].image`."""
    said = ""
    for step in path:
        if isinstance(step, str):
            said += f".{step}"
        else:
            said += "[" + ",".join(f"{key}={json.dumps(value)}" for key, value in step) + "]"
    return said


def changed_fields(
    wanted: Mapping[str, Any], live: Mapping[str, Any], name: str
) -> Iterator[Drift]:
    """The drift of one object against what the release has of it."""
    for owner, path in foreign_fields(live.get("metadata") or {}):
        asked, here = value_at(wanted, path), value_at(live, path)
        if asked is not _ABSENT and here != asked:
            yield Drift(name, shown_path(path), owner, None if here is _ABSENT else here)


def missing_objects(wanted: Iterable[str], there: Iterable[str]) -> list[Drift]:
    """Objects of the release that are gone."""
    return [Drift(name, "", "") for name in sorted({*wanted} - {*there})]


def object_name(value: Mapping[str, Any]) -> str:
    """`Deployment/hub`."""
    return f"{value['kind']}/{value['metadata']['name']}"

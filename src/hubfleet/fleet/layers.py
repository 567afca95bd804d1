"""Layering: which file wins, and where each effective value was written.

A layer is a flat mapping from the path of a value to its `Setting`. Lowest first: product, fleet,
cluster, community, hub. Mappings merge because their values have paths of their own; a list is one
value and replaces. `null` clears: as if no lower layer had said anything at or below its path.
Everything here is pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, reduce
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from hubfleet.fleet.declared import Deep
from hubfleet.fleet.model import HubValues, Layer
from hubfleet.fleet.yaml import Document, KeyPath
from hubfleet.kit.errors import Place

Shape = Mapping[str, "Shape"] | None
"""How deep mappings merge: None is one value, `*` any key of a free mapping."""

_AT_EVERY_DEPTH: dict[str, Any] = {}
_AT_EVERY_DEPTH["*"] = _AT_EVERY_DEPTH

ValuePath = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Setting:
    """What one layer says at one path; `value` None clears what lower layers said.

    `document` and `path` tell where inside its file the value stands.
    """

    value: Any
    layer: Layer
    document: Document
    path: KeyPath

    @property
    def place(self) -> Place:
        return self.document.place(self.path)

    def place_of(self, *inner: str | int) -> Place:
        """The place of a part of the value, such as the second item of a list."""
        return self.document.place((*self.path, *inner))


Settings = Mapping[ValuePath, Setting]


@cache
def shape_of(model: type[BaseModel]) -> Shape:
    """The shape of a model's fields."""
    return {
        name: _AT_EVERY_DEPTH
        if any(isinstance(mark, Deep) for mark in info.metadata)
        else _shape(info.annotation)
        for name, info in model.model_fields.items()
    }


def _shape(annotation: Any) -> Shape:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return shape_of(annotation)
    if get_origin(annotation) is dict:
        return {"*": _shape(get_args(annotation)[1])}
    return None


def settings_of(
    value: Mapping[str, Any], layer: Layer, document: Document, prefix: KeyPath = ()
) -> Settings:
    """The layer that `value` (hub fields, found at `prefix` of `document`) makes."""
    return {
        path: Setting(setting, layer, document, (*prefix, *path))
        for path, setting in flatten(value).items()
    }


def flatten(value: Mapping[str, Any]) -> dict[ValuePath, Any]:
    """Hub fields by path, as deep as mappings merge; keys that no hub has are left out."""
    flat: dict[ValuePath, Any] = {}
    _flatten(value, shape_of(HubValues), (), flat)
    return flat


def _flatten(value: Any, shape: Shape, path: ValuePath, flat: dict[ValuePath, Any]) -> None:
    if shape is None or not isinstance(value, Mapping):
        flat[path] = value
        return
    for key, inner in value.items():
        if key in shape or "*" in shape:
            _flatten(inner, shape.get(key, shape.get("*")), (*path, key), flat)


def nest(flat: Mapping[ValuePath, Any]) -> dict[str, Any]:
    """The inverse of `flatten`."""
    nested: dict[str, Any] = {}
    for path, value in flat.items():
        target = nested
        for key in path[:-1]:
            target = target.setdefault(key, {})
        target[path[-1]] = value
    return nested


def merge(lower: Settings, upper: Settings) -> Settings:
    """Both layers as one; associative, and a cleared path stays cleared for what is below."""
    result = dict(lower)
    cleared = [path for path, setting in upper.items() if setting.value is None]
    for path in cleared:
        for known in [known for known in result if known[: len(path)] == path]:
            del result[known]
    result.update(upper)
    return result


def merge_all(layers: Iterable[Settings]) -> Settings:
    """Layers from the lowest to the highest as one."""
    empty: Settings = {}
    return reduce(merge, layers, empty)


def said(settings: Settings) -> dict[ValuePath, Setting]:
    """The settings that hold a value, without those that only clear."""
    return {path: setting for path, setting in settings.items() if setting.value is not None}

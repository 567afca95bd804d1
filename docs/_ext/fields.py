"""The declaration's fields as Markdown tables, from the pydantic models and their docstrings."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from hubfleet.fleet.model import ClusterFile, CommunityFile, Declared, FleetFile, HubValues
from hubfleet.fleet.oncall import OnCallFile
from hubfleet.fleet.secrets.secret import Secret

FILES: dict[str, type[Declared]] = {
    "fleet.yaml": FleetFile,
    "clusters/<cluster>.yaml": ClusterFile,
    "communities/<community>/community.yaml": CommunityFile,
    "communities/<community>/hubs/<hub>.yaml": HubValues,
    "oncall.yaml": OnCallFile,
}


def rows(model: type[Declared], prefix: str = "") -> Iterator[tuple[str, str, str, str]]:
    """Dotted key, type, default and meaning of every field, mappings opened in place."""
    for name, field in model.model_fields.items():
        key = f"{prefix}{name}"
        meaning = " ".join((field.description or "").split())
        yield key, type_words(field.annotation), _default(field), meaning
        inner = _inner_model(field.annotation)
        if inner is not None:
            is_list = get_origin(field.annotation) is tuple
            yield from rows(inner, f"{key}[]." if is_list else f"{key}.")


def markdown() -> str:
    """One section for each kind of file."""
    parts = []
    for file, model in FILES.items():
        parts += [f"## `{file}`", "", "| key | type | default | meaning |", "|---|---|---|---|"]
        for key, kind, default, meaning in rows(model):
            cells = (f"`{key}`", kind, default, meaning)
            parts.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
        parts.append("")
    return "\n".join(parts)


_WORDS = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "`true` or `false`",
    date: "date",
    datetime: "date and time",
    dict: "mapping",
}


def type_words(annotation: Any) -> str:
    """A type as a person would say it."""
    origin, arguments = get_origin(annotation) or annotation, get_args(annotation)
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if Secret in arguments:
        return "encrypted text"
    if origin in (typing.Union, types.UnionType):
        return " or ".join(type_words(kind) for kind in arguments if kind is not type(None))
    if origin is typing.Annotated:
        return type_words(arguments[0])
    if origin is tuple:
        return f"list of {type_words(arguments[0])}"
    is_mapping = isinstance(origin, type) and issubclass(origin, Declared)
    return "mapping" if is_mapping else _WORDS[origin]


def _inner_model(annotation: Any) -> type[Declared] | None:
    candidates = [annotation, *get_args(annotation)]
    for candidate in candidates:
        if isinstance(candidate, type) and issubclass(candidate, Declared):
            return candidate
    return None


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None or value == "" or isinstance(value, Declared | tuple | dict):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"

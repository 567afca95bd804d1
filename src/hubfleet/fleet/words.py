"""What a schema finds, in plain words: pydantic's errors become `Problem`s of our own.

No sentence of pydantic reaches a person. Each kind of error has its words here; a kind that has
none falls back to a sentence that is true of all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from hubfleet.fleet.fields import (
    ADDRESS_PATTERN,
    CELL_PATTERN,
    CHART_REPOSITORY_PATTERN,
    CHART_VERSION_PATTERN,
    CLOCK_PATTERN,
    CONNECTION_PATTERN,
    CONSOLE_PATTERN,
    DOMAIN_PATTERN,
    EMAIL_PATTERN,
    ENTITY_PATTERN,
    GITHUB_PATTERN,
    IMAGE_PATTERN,
    INTERFACE_PATTERN,
    LABEL_PATTERN,
    LISTEN_PATTERN,
    LOGO_PATTERN,
    MAIL_SERVER_PATTERN,
    NAME_PATTERN,
    NAMESPACE_PATTERN,
    PYTHON_PATTERN,
    SERVER_PATTERN,
    TEAM_PATTERN,
    USER_NAME_PATTERN,
    VARIABLE_PATTERN,
    WEBSITE_PATTERN,
)
from hubfleet.fleet.model import HubValues
from hubfleet.fleet.yaml import Document, KeyPath
from hubfleet.kit.addresses import without_credentials
from hubfleet.kit.errors import Problem

_PATTERNS = {
    NAME_PATTERN: (
        "a name",
        "use at most 30 lower-case letters, digits and `-`, such as earth-lab",
    ),
    DOMAIN_PATTERN: ("a host name", "write one such as hub.example.org, in lower case"),
    EMAIL_PATTERN: ("an e-mail address", "write one such as ada@example.org"),
    INTERFACE_PATTERN: (
        "an interface",
        "write lab, notebook, rstudio, or a path that begins with one /",
    ),
    USER_NAME_PATTERN: ("a user name", "leave out slashes, a first dot and control characters"),
    PYTHON_PATTERN: ("a Python version", 'write one such as "3.12"'),
    CELL_PATTERN: ("a cell of a price list", "write one such as research/shared"),
    WEBSITE_PATTERN: ("a web address", "begin it with https://"),
    ADDRESS_PATTERN: ("an address of a provider", "write one such as https://id.example.org"),
    ENTITY_PATTERN: (
        "an entity id",
        "copy it from CILogon's list; it begins with https://, http:// or urn:",
    ),
    GITHUB_PATTERN: ("a GitHub organisation", "write it as in the address of its page"),
    TEAM_PATTERN: ("a GitHub team", "write it as organisation:team"),
    IMAGE_PATTERN: (
        "an image with a tag or digest",
        "write it as registry/name:tag, such as quay.io/jupyter/scipy-notebook:2026-10-01",
    ),
    CHART_REPOSITORY_PATTERN: (
        "where charts come from",
        "write an address that begins with https:// or oci://, without a name and password",
    ),
    CHART_VERSION_PATTERN: ("an exact version of a chart", "write one such as 4.3.3"),
    CONSOLE_PATTERN: (
        "the address of a console",
        "write a whole host, such as https://console.example.org",
    ),
    LISTEN_PATTERN: ("a place to listen", "write host and port, such as 127.0.0.1:8010"),
    CONNECTION_PATTERN: ("a host and a port", "write one such as 192.0.2.7:443"),
    LABEL_PATTERN: ("a Gateway", "write it as namespace/name"),
    NAMESPACE_PATTERN: (
        "a name for namespaces",
        'write one such as "{community}-{hub}", in lower-case letters, digits and `-`',
    ),
    SERVER_PATTERN: ("the address of an API", "write one such as https://192.0.2.7:6443"),
    VARIABLE_PATTERN: ("the name of a variable", "write one such as AWS_PROFILE"),
    MAIL_SERVER_PATTERN: (
        "a mail server",
        "write one such as smtp://mail.example.org or smtps://mail.example.org:465",
    ),
    CLOCK_PATTERN: ("a time of the day", "write hours and minutes, such as 09:00"),
    LOGO_PATTERN: ("a file in the community's folder", "write one such as page/logo.svg"),
}

_PATTERN_UNKNOWN = ("what fits here", "see the reference")

_BOUNDS = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
}


def problems_of(
    error: ValidationError, model: type[BaseModel], document: Document, prefix: KeyPath = ()
) -> list[tuple[KeyPath, Problem]]:
    """One problem for each finding, with the path (without `prefix`) of what is wrong."""
    details = error.errors()
    return [
        _problem(detail, model, document, prefix)
        for detail in details
        # A list whose items are wrong is called too short as well; that helps nobody.
        if not (detail["type"] == "too_short" and _has_inner(detail, details))
    ]


def _has_inner(detail: ErrorDetails, details: list[ErrorDetails]) -> bool:
    path = detail["loc"]
    return any(
        len(other["loc"]) > len(path) and other["loc"][: len(path)] == path for other in details
    )


def _problem(
    detail: ErrorDetails, model: type[BaseModel], document: Document, prefix: KeyPath
) -> tuple[KeyPath, Problem]:
    path = tuple(part for part in detail["loc"] if part != "[key]")
    place = document.place((*prefix, *path))
    if detail["type"] == "extra_forbidden":
        known = _keys_at(model, path[:-1])
        return path, Problem(
            "unknown-key",
            f"`{path[-1]}` is not a key {_of(path[:-1], prefix)}",
            place,
            hint=_suggestion(str(path[-1]), path[:-1], known, model),
        )
    code, what, hint = _words(detail, _dotted(path))
    return path, Problem(code, what, place, hint=hint)


def _words(detail: ErrorDetails, name: str) -> tuple[str, str, str]:
    kind, value, context = detail["type"], detail["input"], detail.get("ctx", {})
    code, what, hint = "wrong-value", f"`{name}` does not fit here", "see the reference"
    if kind == "missing":
        code, what, hint = "missing-key", f"`{name}` is missing", "add it"
    elif kind in _TYPES:
        expected, hint = _TYPES[kind]
        code, what = "wrong-type", f"`{name}` must be {expected}, not {described(value)}"
        if kind == "string_type" and isinstance(value, int | float):
            hint = f'put it in quotes: "{value}"'
        if kind == "bool_type" and value in ("yes", "on", "no", "off"):
            hint = "write true" if value in ("yes", "on") else "write false"
    elif kind == "literal_error":
        choices = [choice.strip("' ") for choice in _choices(str(context["expected"]))]
        listed = f"{', '.join(choices[:-1])} or {choices[-1]}"
        what = f"`{name}` must be {listed}, not {described(value)}"
        near = nearest(str(value), choices)
        hint = f"did you mean `{near}`?" if near else f"write {listed}"
    elif kind == "string_pattern_mismatch":
        expected, hint = _PATTERNS.get(str(context["pattern"]), _PATTERN_UNKNOWN)
        what = f"{described(value)} is not {expected}"
    elif kind in _BOUNDS:
        words, key = _BOUNDS[kind]
        what = f"`{name}` must be {words} {context[key]:g}, not {value}"
        hint = f"write a number that is {words} {context[key]:g}"
    elif kind == "string_too_short":
        what, hint = f"`{name}` is empty", "write some text, or leave the key out"
    elif kind == "string_too_long":
        what = f"`{name}` is longer than {context['max_length']} characters"
        hint = "shorten it"
    elif kind == "too_short":
        what = f"`{name}` needs at least {context['min_length']}"
        hint = "add one"
    elif kind == "too_long":
        what = f"`{name}` may hold at most {context['max_length']}"
        hint = "remove the others"
    elif kind == "value_error":
        said, _, cure = str(context["error"]).partition("; ")
        what, hint = f"`{name}`: {said}", cure or "write another value"
    return code, what, hint


_MAPPING = ("a mapping of keys to values", "write `key: value` lines below it")
_TYPES = {
    "model_type": _MAPPING,
    "dict_type": _MAPPING,
    "tuple_type": ("a list", "write it as [first, second]"),
    "string_type": ("text", "write some text"),
    "bool_type": ("true or false", "write true or false, without quotes"),
    "int_type": ("a whole number", "write it without quotes"),
    "float_type": ("a number", "write it without quotes"),
}


def described(value: Any) -> str:
    """A value as a person would call it."""
    match value:
        case None:
            return "nothing"
        case bool():
            return f"`{str(value).lower()}`"
        case int() | float():
            return f"the number {value}"
        case str():
            shown = without_credentials(value)
            return f"`{shown if len(shown) <= 60 else shown[:57] + '...'}`"
        case Mapping():
            return "a mapping"
        case _:
            return "a list"


def nearest(word: str, known: list[str]) -> str | None:
    """The known word that a person most likely meant."""
    matches = get_close_matches(word.lower(), known, n=1, cutoff=0.6)
    if matches:
        return matches[0]
    folded = {name.lower(): name for name in known}
    matches = get_close_matches(word.lower(), list(folded), n=1, cutoff=0.6)
    return folded[matches[0]] if matches else None


def _choices(expected: str) -> list[str]:
    return expected.replace(" or ", ", ").split(", ")


def _dotted(path: KeyPath) -> str:
    """`profiles[1].limits.memory`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _of(path: KeyPath, prefix: KeyPath) -> str:
    full = _dotted((*prefix, *path))
    return f"of `{full}`" if full else "of this file"


def _suggestion(key: str, path: KeyPath, known: list[str], model: type[BaseModel]) -> str:
    near = nearest(key, known)
    if near and key.replace("-", "_") == near:
        return f"did you mean `{near}`?"
    homes = [home for home in _homes(model).get(key, []) if home != path]
    if homes:
        under = f"belongs under `{_dotted(homes[0])}`" if homes[0] else "belongs at the top level"
        return f"`{key}` {under}"
    if near:
        return f"did you mean `{near}`?"
    return f"known keys: {', '.join(known)}"


def _keys_at(model: type[BaseModel], path: KeyPath) -> list[str]:
    for part in path:
        if isinstance(part, str):
            inner = _inner_model(model.model_fields[part].annotation)
            if inner is None:
                return []
            model = inner
    return list(model.model_fields)


@cache
def _homes(model: type[BaseModel]) -> dict[str, list[KeyPath]]:
    """Where each key belongs, outside of lists."""
    homes: dict[str, list[KeyPath]] = {}
    pending: list[tuple[KeyPath, type[BaseModel]]] = [((), model)]
    while pending:
        path, current = pending.pop(0)
        for name, info in current.model_fields.items():
            homes.setdefault(name, []).append(path)
            if name == "defaults":
                pending.append(((*path, name), HubValues))
            elif isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
                pending.append(((*path, name), info.annotation))
    return homes


def _inner_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) is not None or get_args(annotation):
        for argument in get_args(annotation):
            found = _inner_model(argument)
            if found:
                return found
    return None

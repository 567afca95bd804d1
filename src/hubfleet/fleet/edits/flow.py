"""Values as YAML text: nobody's words can become anything but that text."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from hubfleet.kit.errors import failure

WIDTH = 92
"""Columns within which a mapping or list is written in one line."""

# Only what no reader of YAML could take for a number, a day, a word such as `true`, or a sign.
_PLAIN = re.compile(
    r"[A-Za-z][A-Za-z0-9_./+@-]*(?: [A-Za-z0-9_./+@-]+)*|[0-9]+(?:\.[0-9]+)?[KMGTsmhd]"
)
_WORDS = frozenset(("null", "true", "false", "yes", "no", "on", "off", "y", "n"))
_ESCAPED = re.compile("[\x7f-\xa0\u2028\u2029\ufeff\ufffe\uffff]")


def flow(value: Any) -> str:  # noqa: PLR0911 (a case for each type)
    """The value in one line."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float() if math.isfinite(value):
            return repr(value)
        case str():
            return _text(value)
        case list() | tuple():
            return "[" + ", ".join(flow(item) for item in value) + "]"
        case dict():
            return "{" + ", ".join(f"{flow(str(k))}: {flow(v)}" for k, v in value.items()) + "}"
        case _:
            raise failure(
                "not-a-value",
                f"a {type(value).__name__} cannot stand in the declaration",
                hint="use text, numbers, true, false, lists and mappings",
            )


def _text(value: str) -> str:
    if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    try:
        value.encode()
    except UnicodeEncodeError:
        raise failure(
            "not-a-value", "this text holds half a character", hint="type the text again"
        ) from None
    quoted = json.dumps(value, ensure_ascii=False)
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)


def entry(key: str, value: Any, indent: int) -> list[str]:
    """`key: value` as lines of a block mapping whose keys stand in this column."""
    head = f"{' ' * indent}{flow(key)}:"
    if not _block(value, len(head) + 1):
        return [f"{head} {flow(value)}"]
    if isinstance(value, dict):
        return [head, *(line for k, v in value.items() for line in entry(str(k), v, indent + 2))]
    return [head, *(line for inner in value for line in item(inner, indent + 2))]


def item(value: Any, indent: int) -> list[str]:
    """`- value` as lines of a block list whose dashes stand in this column."""
    dash = f"{' ' * indent}- "
    if not (isinstance(value, dict) and _block(value, len(dash))):
        return [dash + flow(value)]
    lines = [line for k, v in value.items() for line in entry(str(k), v, indent + 2)]
    return [dash + lines[0].lstrip(), *lines[1:]]


def _block(value: Any, column: int) -> bool:
    """Whether the value is written over several lines: it is long, or a list of mappings."""
    if not isinstance(value, dict | list | tuple) or not value:
        return False
    if isinstance(value, list | tuple) and any(isinstance(inner, dict) for inner in value):
        return True
    return column + len(flow(value)) > WIDTH

"""Which receivers an alert reaches: Alertmanager's routing tree, walked as it walks it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_MATCHER = re.compile(r'^\s*"?([a-zA-Z_][a-zA-Z0-9_.]*)"?\s*(=~|!~|!=|=)\s*(.*?)\s*$', re.DOTALL)
_BRACES = re.compile(r'\{((?:[^"{}]|"(?:[^"\\]|\\.)*")*)\}')
_INSIDE = re.compile(r'([a-zA-Z_]\w*)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True)
class Matcher:
    """`label op value`, in Prometheus' and Alertmanager's sense: a regular expression is whole."""

    label: str
    op: str
    value: str

    def __str__(self) -> str:
        return f'{self.label}{self.op}"{self.value}"'

    @property
    def positive(self) -> bool:
        """Whether it asks for something rather than leave something out."""
        return self.op in ("=", "=~")

    def accepts(self, found: str) -> bool:
        """Raises `re.error` for an expression that is none."""
        if self.op in ("=", "!="):
            return (found == self.value) == (self.op == "=")
        return (re.fullmatch(self.value, found, re.DOTALL) is not None) == (self.op == "=~")


def matchers_in(expr: str) -> list[Matcher]:
    """Those of every selector of an expression."""
    return [
        Matcher(label, op, value.replace('\\"', '"').replace("\\\\", "\\"))
        for inside in _BRACES.findall(expr)
        for label, op, value in _INSIDE.findall(inside)
    ]


def matchers_of(route: Mapping[str, Any]) -> list[Matcher]:
    """A route's, in the present spelling and in the older ones."""
    found = [_matcher(str(text)) for text in route.get("matchers") or []]
    found += [Matcher(k, "=", str(v)) for k, v in (route.get("match") or {}).items()]
    return found + [Matcher(k, "=~", str(v)) for k, v in (route.get("match_re") or {}).items()]


def _matcher(text: str) -> Matcher:
    match = _MATCHER.match(text)
    if match is None:
        raise ValueError(f"`{text}` is not a matcher")
    value = match[3]
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = value[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    return Matcher(match[1], match[2], value)


def accepts(route: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether the route's own matchers take the alert; an absent label is an empty one."""
    return all(one.accepts(labels.get(one.label, "")) for one in matchers_of(route))


def leaves_for(root: Mapping[str, Any], labels: Mapping[str, str]) -> list[Mapping[str, Any]]:
    """The routes that handle the alert, deepest first taken, in order."""
    found: list[Mapping[str, Any]] = []
    for child in root.get("routes") or []:
        if accepts(child, labels):
            found += leaves_for({"receiver": root.get("receiver"), **child}, labels)
            if not child.get("continue"):
                break
    return found or [root]


def receivers_for(root: Mapping[str, Any], labels: Mapping[str, str]) -> list[str]:
    """Their names."""
    return [str(route.get("receiver")) for route in leaves_for(root, labels)]


def children_of(route: Mapping[str, Any], above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every route below, each as the path of routes that leads to it."""
    for child in route.get("routes") or []:
        path = (*above, child)
        yield path
        yield from children_of(child, path)

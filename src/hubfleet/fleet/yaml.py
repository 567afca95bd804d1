"""YAML that knows its lines: a file becomes plain values and the place of every key and list item.

The composer of PyYAML does the parsing (libyaml where it is built in: 20 times faster than the
parsers that keep comments, and a thousand hubs must load in a second or two). Scalars follow the
core schema of YAML 1.2: `no`, `on` and `2026-12-01` are text. `.inf` and `.nan` stay text too,
because JSON, which the rest of hubfleet speaks, has no such numbers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from hubfleet.kit.errors import Place, Problem

KeyPath = tuple[str | int, ...]
"""The way to a value: keys of mappings and indexes of lists."""

MAX_BYTES = 1_000_000
MAX_VALUES = 50_000
MAX_DEPTH = 40

_TEXT, _NULL, _TRUE, _FALSE, _INTEGER, _FLOAT = "text", "null", "true", "false", "int", "float"
_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), _NULL),
    **dict.fromkeys(("true", "True", "TRUE"), _TRUE),
    **dict.fromkeys(("false", "False", "FALSE"), _FALSE),
}
_INTEGERS = re.compile(r"[-+]?[0-9]{1,300}|0o[0-7]{1,300}|0x[0-9a-fA-F]{1,300}")
_FLOATS = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NUMBER_STARTS = frozenset("+-.0123456789")


@dataclass(frozen=True, slots=True)
class Document:
    """One file. `value` is None when it could not be read; `problems` say why.

    `places` has every key and list item; look up with `place`, which falls back to what is around.
    """

    file: str
    value: dict[str, Any] | None
    places: Mapping[KeyPath, Place] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    def place(self, path: KeyPath) -> Place:
        """Where `path` stands, or the nearest mapping or list around it."""
        while path:
            if path in self.places:
                return self.places[path]
            path = path[:-1]
        return self.places.get((), Place(self.file, 1, 1))


class Scalars:
    """Gives plain scalars the tags of the core schema; explicit tags keep their long names."""

    def resolve(self, kind: type[yaml.Node], value: str, implicit: tuple[bool, bool]) -> str:
        if kind is not yaml.ScalarNode or not implicit[0]:
            return _TEXT
        if value in _WORDS:
            return _WORDS[value]
        if value[0] not in _NUMBER_STARTS:
            return _TEXT
        if _INTEGERS.fullmatch(value):
            return _INTEGER
        is_float = _FLOATS.fullmatch(value) and math.isfinite(float(value))
        return _FLOAT if is_float else _TEXT


class _PythonComposer(Scalars, yaml.SafeLoader):
    """For the few PyYAML builds that lack libyaml."""


_Composer: type[Any] = _PythonComposer
if yaml.__with_libyaml__:

    class _FastComposer(Scalars, yaml.CSafeLoader):
        """The same on libyaml."""

    _Composer = _FastComposer


@dataclass(frozen=True, slots=True)
class Dialect:
    """How files are read that others wrote for other programs: `composer` gives scalars their
    tags, `reading` makes values of nodes.
    """

    composer: type[Any]
    reading: type[Reading]


def read_yaml(path: Path, name: str, dialect: Dialect | None = None) -> Document:
    """Read the file at `path`; `name` is what places call it."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        reason = error.strerror or "the system refused"
        return _refused(
            "unreadable-file",
            name,
            f"`{name}` cannot be read",
            why=f"{reason}.",
            hint="check its permissions",
        )
    if len(data) > MAX_BYTES:
        return _refused(
            "file-too-large",
            name,
            f"`{name}` is larger than 1 MB",
            why="A declaration is a few lines that people review.",
            hint="move data out of the declaration",
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return _refused(
            "not-utf8",
            Place(name, line, 1),
            "this line is not UTF-8 text",
            hint="save the file as UTF-8",
        )
    return parse_yaml(text, name, dialect)


def parse_yaml(text: str, name: str, dialect: Dialect | None = None) -> Document:
    """The text of one file that must hold exactly one mapping."""
    try:
        if _may_be_deep(text) and _is_deep(text):
            return _too_deep(Place(name))
        composer = (dialect.composer if dialect else _Composer)(text)
        try:
            node = composer.get_single_node()
        finally:
            composer.dispose()
    except yaml.YAMLError as error:
        return Document(name, None, {}, (_broken(error, text, name),))
    except RecursionError:
        return _too_deep(Place(name))
    if node is None:
        return _refused(
            "empty-file",
            Place(name),
            f"`{name}` is empty",
            hint="declare something, or delete the file",
        )
    if not isinstance(node, yaml.MappingNode):
        return _refused(
            "not-a-mapping",
            _at(node, name),
            "the file must hold a mapping of keys to values",
            hint="write `key: value` lines",
        )
    return (dialect.reading if dialect else Reading)(name).document(node)


def _may_be_deep(text: str) -> bool:
    """Whether nesting could overflow the stack of libyaml's composer, which knows no limit."""
    return sum(text.count(opening) for opening in ("[", "{", "- ", "? ")) > 1000


def _is_deep(text: str) -> bool:
    depth = 0
    for event in yaml.parse(text, Loader=_Composer):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                return True
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
    return False


class Reading:
    """Turns composed nodes into values; stops at limits, so that aliases cannot explode."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.places: dict[KeyPath, Place] = {}
        self.problems: list[Problem] = []

    def document(self, node: yaml.MappingNode) -> Document:
        self.places[()] = _at(node, self.name)
        try:
            value = self.mapping(node, ())
        except _TooMuchError as error:
            return error.document
        return Document(self.name, value, self.places, tuple(self.problems))

    def value(self, node: yaml.Node, path: KeyPath) -> Any:
        if isinstance(node, yaml.ScalarNode):
            return self.scalar(node)
        if len(path) > MAX_DEPTH:
            raise _TooMuchError(_too_deep(_at(node, self.name)))
        if len(self.places) > MAX_VALUES:
            raise _TooMuchError(_too_many(_at(node, self.name)))
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, path)
        return self.sequence(node, path)

    def mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        self.refuse_tag(node)
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self.key(key_node)
            if key is None:
                continue
            here = (*path, key)
            if key in result:
                first = self.places[here]
                self.problem(
                    "duplicate-key",
                    key_node,
                    f"`{key}` is written twice",
                    why=f"It already stands in line {first.line}.",
                    hint="keep one of the two",
                )
                continue
            self.places[here] = _at(key_node, self.name)
            result[key] = self.value(value_node, here)
        return result

    def sequence(self, node: yaml.Node, path: KeyPath) -> list[Any]:
        self.refuse_tag(node)
        items = []
        for index, item in enumerate(node.value):
            here = (*path, index)
            self.places[here] = _at(item, self.name)
            items.append(self.value(item, here))
        return items

    def key(self, node: yaml.Node) -> str | None:
        """The key as text; None, with a problem, for what cannot be one."""
        if isinstance(node, yaml.ScalarNode):
            value = node.value
            if value == "<<" and not node.style:
                self.problem(
                    "merge-key",
                    node,
                    "merge keys (`<<`) are not supported",
                    hint="put what hubs share under `defaults:` of the community, cluster or fleet",
                )
                return None
            if node.tag == _TEXT:
                return str(value)
            shown = f"`{value}`" if value else "an empty key"
        else:
            shown = "a list or mapping"
        self.problem("key-not-text", node, f"{shown} cannot be a key", hint="put the key in quotes")
        return None

    def scalar(self, node: yaml.ScalarNode) -> Any:
        match node.tag:
            case "text":
                return node.value
            case "int":
                return int(node.value, 0 if node.value[:2] in ("0o", "0x") else 10)
            case "float":
                return float(node.value)
            case "null":
                return None
            case "true" | "false":
                return node.tag == _TRUE
            case _:
                self.refuse_tag(node)
                return node.value

    def refuse_tag(self, node: yaml.Node) -> None:
        if ":" in node.tag or node.tag.startswith("!"):
            tag = node.tag.replace("tag:yaml.org,2002:", "!!")
            self.problem(
                "yaml-tag",
                node,
                f"the tag `{tag}` is not supported",
                hint="leave the tag out; put text in quotes",
            )

    def problem(
        self, code: str, node: yaml.Node, what: str, *, why: str = "", hint: str = ""
    ) -> None:
        self.problems.append(Problem(code, what, _at(node, self.name), why, hint))


class _TooMuchError(Exception):
    def __init__(self, document: Document) -> None:
        super().__init__()
        self.document = document


def _at(node: yaml.Node, name: str) -> Place:
    mark = node.start_mark
    return Place(name, mark.line + 1, mark.column + 1)


def _refused(
    code: str, place: Place | str, what: str, *, why: str = "", hint: str = ""
) -> Document:
    place = Place(place) if isinstance(place, str) else place
    return Document(place.file, None, {}, (Problem(code, what, place, why, hint),))


def _too_deep(place: Place) -> Document:
    return _refused(
        "too-deep",
        place,
        f"values are nested more than {MAX_DEPTH} levels deep",
        hint="look for an alias that contains itself",
    )


def _too_many(place: Place) -> Document:
    return _refused(
        "too-many-values",
        place,
        f"the file holds more than {MAX_VALUES} values",
        why="Aliases of aliases multiply.",
        hint="write shared values under `defaults:` instead",
    )


_REASONS = (
    ("unknown escape", "a backslash in double quotes starts no known escape", "use single quotes"),
    ("single document", "a file holds one document", "remove the `---` line, or use two files"),
    (
        "undefined alias",
        "the alias (`*name`) has no anchor (`&name`) before it",
        "put the text in quotes, or write `&name` where the value first stands",
    ),
    (
        "mapping values are not allowed",
        "a `:` stands where no key can be",
        "check the indentation, or put the text in quotes",
    ),
    (r"could not find expected ':'", "a `:` is missing after a key", "write `key: value`"),
    (
        r"expected ',' or|expected the node content|flow",
        "a `[` or `{` is not closed, or a comma is missing",
        "close it, or put the text in quotes",
    ),
    (
        "expected key|expected '-' indicator|block",
        "the indentation does not fit the lines above",
        "line it up with its neighbours, with spaces",
    ),
    (
        "unexpected end of stream|quoted scalar|unexpected document",
        "a text in quotes is not closed",
        "add the closing quote",
    ),
    ("tag", "a `!` begins a tag that is not well-formed", "put the text in quotes"),
    ("not allowed", "a control character is not allowed here", "delete the character"),
)


def _broken(error: yaml.YAMLError, text: str, name: str) -> Problem:
    """What the parser says, in plain words."""
    what, hint = "the YAML is not well-formed here", "check the lines just above"
    place = Place(name)
    said = str(error)
    mark = getattr(error, "problem_mark", None)
    if mark is not None:
        place = Place(name, mark.line + 1, mark.column + 1)
        said = f"{getattr(error, 'problem', '')} {getattr(error, 'context', '')}"
    elif isinstance(error, yaml.reader.ReaderError):
        before = text[: int(error.position)]
        place = Place(name, before.count("\n") + 1, len(before) - before.rfind("\n"))
    if "cannot start any token" in said:
        what, hint = _bad_start(text, place)
    else:
        for pattern, words, cure in _REASONS:
            if re.search(pattern, said):
                what, hint = words, cure
                break
    code = "several-documents" if "single document" in said else "broken-yaml"
    return Problem(code, what, place, hint=hint)


def _bad_start(text: str, place: Place) -> tuple[str, str]:
    line = text.split("\n")[place.line - 1]
    if line[place.column - 1 : place.column] == "\t":
        return "a tab stands where YAML wants spaces", "indent with spaces"
    return "a text cannot begin with this character", "put the text in quotes"

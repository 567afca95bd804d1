"""YAML that was written for Helm and its like: YAML 1.1 scalars, anchors and merge keys.

`yes`, `on` and `0644` mean there what they do not mean in a declaration. What cannot be read ends
the import, with file and line; nothing is imported by half.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from hubfleet.fleet.yaml import Dialect, Document, KeyPath, Reading, Scalars, read_yaml
from hubfleet.kit.errors import HubfleetError, Place, Problem, failure

_TEMPLATE = re.compile(r"\{\{|\{%")
_BOOLEANS = {
    word: value
    for value, words in (("true", ("yes", "on", "true")), ("false", ("no", "off", "false")))
    for one in words
    for word in (one, one.capitalize(), one.upper())
}
_OCTAL = re.compile(r"[-+]?0[0-7_]+")
_UNDERSCORES = re.compile(r"[-+]?[1-9][0-9]*(_[0-9]+)+")


class _ForeignScalars(Scalars):
    def resolve(self, kind: type[yaml.Node], value: str, implicit: tuple[bool, bool]) -> str:
        if kind is yaml.ScalarNode and implicit[0]:
            if value in _BOOLEANS:
                return _BOOLEANS[value]
            if _OCTAL.fullmatch(value) or _UNDERSCORES.fullmatch(value):
                return "old-int"
        return super().resolve(kind, value, implicit)


class _SlowComposer(_ForeignScalars, yaml.SafeLoader):
    """For the few PyYAML builds that lack libyaml."""


_composer: type[Any] = _SlowComposer
if yaml.__with_libyaml__:

    class _FastComposer(_ForeignScalars, yaml.CSafeLoader):
        """The same on libyaml."""

    _composer = _FastComposer


class _ForeignReading(Reading):
    """Merge keys are followed, and any scalar may be a key, as text."""

    def mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        merged = [key for key, _ in node.value if _is_merge(key)]
        if not merged:
            return super().mapping(node, path)
        own = [(key, value) for key, value in node.value if not _is_merge(key)]
        there = {key.value for key, _ in own if isinstance(key, yaml.ScalarNode)}
        added: list[tuple[yaml.Node, yaml.Node]] = []
        for source in [value for key, value in node.value if _is_merge(key)]:
            for key, value in self._merged(source, depth=0):
                if key.value not in there:
                    there.add(key.value)
                    added.append((key, value))
        flat = yaml.MappingNode(node.tag, [*added, *own], node.start_mark, node.end_mark)
        return super().mapping(flat, path)

    def _merged(self, node: yaml.Node, depth: int) -> list[tuple[yaml.ScalarNode, yaml.Node]]:
        """The pairs that a merge key brings; the first of two alike wins."""
        if depth > 20:
            self.problem("merge-key", node, "merge keys (`<<`) lead to themselves")
            return []
        if isinstance(node, yaml.SequenceNode):
            return [pair for one in node.value for pair in self._merged(one, depth + 1)]
        if not isinstance(node, yaml.MappingNode):
            hint = "write `<<: *name` with an anchor of a mapping"
            self.problem("merge-key", node, "only mappings can be merged (`<<`)", hint=hint)
            return []
        own = [(k, v) for k, v in node.value if isinstance(k, yaml.ScalarNode)]
        below = [v for k, v in own if _is_merge(k)]
        found = [(k, v) for k, v in own if not _is_merge(k)]
        return found + [pair for one in below for pair in self._merged(one, depth + 1)]

    def key(self, node: yaml.Node) -> str | None:
        if isinstance(node, yaml.ScalarNode) and ":" not in node.tag:
            return str(node.value)
        return super().key(node)

    def scalar(self, node: yaml.ScalarNode) -> Any:
        tag = node.tag.replace("tag:yaml.org,2002:", "!!")
        if node.tag == "old-int":
            text = node.value.replace("_", "")
            return int(text, 8) if _OCTAL.fullmatch(node.value) else int(text)
        if tag == "!!str":
            return node.value
        if tag in ("!!int", "!!float", "!!bool"):
            return yaml.safe_load(node.value)
        return super().scalar(node)


def _is_merge(key: yaml.Node) -> bool:
    return isinstance(key, yaml.ScalarNode) and key.value == "<<" and not key.style


_FOREIGN = Dialect(_composer, _ForeignReading)


def read_foreign(path: Path, name: str) -> Document:
    """A file as the program reads it that it was written for; raises with all that is wrong."""
    if not path.is_file():
        raise failure(
            "no-such-source",
            f"there is no file `{name}` to import",
            place=name,
            hint="check the path, and where the command is run",
        )
    document = read_yaml(path, name, _FOREIGN)
    if not document.problems and document.value is not None:
        return document
    if all(problem.code == "empty-file" for problem in document.problems):
        return Document(name, {}, {})
    template = _template(path, name, document.problems)
    raise HubfleetError(*([template] if template else document.problems))


def _template(path: Path, name: str, problems: tuple[Problem, ...]) -> Problem | None:
    """Whether a template is to blame: `{{` in a text is none, only what YAML stumbles over."""
    if {one.code for one in problems} & {"unreadable-file", "file-too-large", "not-utf8"}:
        return None
    places = [one.place for one in problems if isinstance(one.place, Place)]
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    for place in places:
        for number in range(min(place.line, len(lines)), max(0, place.line - 3), -1):
            found = _TEMPLATE.search(lines[number - 1])
            if found is None:
                continue
            return Problem(
                "template-in-source",
                "this line is a template, not a value",
                Place(name, number, found.start() + 1),
                "What it stands for is known only where it is rendered.",
                "import what it renders to: `helm get values RELEASE`, or the file after rendering",
            )
    return None

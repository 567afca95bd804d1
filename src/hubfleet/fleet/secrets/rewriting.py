"""Changing secret files as text: set a value, show it for editing, seal what changed, seal anew.

Nothing here touches a disk. Comments, key order and untouched ciphertexts stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import (
    DoubleQuotedScalarString,
    LiteralScalarString,
    PlainScalarString,
)
from ruamel.yaml.tokens import CommentToken

from hubfleet.fleet.secrets.age import Identity, recipients_id, seal, unseal
from hubfleet.fleet.secrets.keys import key_text
from hubfleet.fleet.secrets.round_trip import dump, load
from hubfleet.fleet.secrets.secret import Secret, secrets_in
from hubfleet.fleet.secrets.secret_yaml import parse_secret_text
from hubfleet.fleet.yaml import Document, KeyPath, parse_yaml
from hubfleet.kit.digest import canonical_json
from hubfleet.kit.errors import HubfleetError, Place, Problem, failure


@dataclass(frozen=True, slots=True)
class Target:
    """The secret file that is written: its name from the fleet's root, and for whom."""

    name: str
    keys: Sequence[str]

    def seal(self, value: Any, path: KeyPath, number: str | None = None) -> Any:
        """Without quotes in the file, whatever stood there before."""
        at = f"{self.name}:{key_text(path)}"
        return PlainScalarString(seal(value, at, self.keys, number=number))


def with_value(text: str, path: KeyPath, value: Any, target: Target) -> str:
    """The file with `value` at `path`; `text` is empty for a new file."""
    tree = _tree(text, target.name) if text else CommentedMap()
    around = tree
    for depth, key in enumerate(path[:-1], 1):
        inner = _child(around, key)
        if inner is None and not isinstance(around, list):
            inner = around[key] = CommentedMap()
        if not isinstance(inner, dict | list):
            raise _not_there(path[:depth], target)
        around = inner
    if isinstance(around, list) != isinstance(path[-1], int):
        raise _not_there(path[:-1], target)
    if isinstance(around, list) and not int(path[-1]) < len(around):
        raise _not_there(path, target)
    around[path[-1]] = _sealed(value, path, target)
    return dump(tree)


def _child(around: Any, key: str | int) -> Any:
    try:
        return around[key]
    except (LookupError, TypeError):
        return None


def _not_there(path: KeyPath, target: Target) -> HubfleetError:
    return failure(
        "no-such-key",
        f"`{key_text(path)}` holds no keys or items that could be set",
        place=target.name,
        hint="set the whole value, or change the file with `hubfleet secret edit`",
    )


def _sealed(value: Any, path: KeyPath, target: Target) -> Any:
    """Mappings keep their keys readable; a list is one value."""
    if isinstance(value, dict):
        return CommentedMap((k, _sealed(inner, (*path, k), target)) for k, inner in value.items())
    return None if value is None else target.seal(value, path)


def open_text(text: str, name: str, identity: Identity) -> str:
    """The file in the clear, for an editor."""
    document = _sound(parse_secret_text(text, name))
    problems: list[Problem] = []
    tree = _tree(text, name)
    for secret in secrets_in(document.value):
        try:
            _put(tree, secret.path, secret.reveal(identity))
        except HubfleetError as error:
            problems += error.problems
    if problems:
        raise HubfleetError(*problems)
    return dump(tree)


def _put(tree: Any, path: KeyPath, value: Any) -> None:
    around = tree
    for key in path[:-1]:
        around = around[key]
    comments = [comment for comment in around.ca.items.get(path[-1], ()) if comment is not None]
    around[path[-1]] = _scalar(value, commented=bool(comments))
    for comment in comments:
        if isinstance(comment, CommentToken):
            # It stood right of a very long line; now it follows the value.
            comment.start_mark.column = 0


def _scalar(value: Any, *, commented: bool) -> Any:
    """Text in quotes, so that an editor shows where it ends; lines as lines where that is safe."""
    if isinstance(value, dict):
        return CommentedMap((k, _scalar(inner, commented=False)) for k, inner in value.items())
    if isinstance(value, list):
        items = CommentedSeq(_scalar(item, commented=True) for item in value)
        items.fa.set_flow_style()
        return items
    if not isinstance(value, str):
        return value
    lines = value.split("\n")
    if not commented and len(lines) > 2 and not lines[-1] and all(_simple(x) for x in lines[:-1]):
        return LiteralScalarString(value)
    return DoubleQuotedScalarString(value)


def _simple(line: str) -> bool:
    return bool(line) and line.isascii() and line.isprintable() and line == line.strip()


def seal_edited(old: str, edited: str, target: Target, identity: Identity) -> tuple[str, int]:
    """The edited text, sealed, and how many values were sealed anew; the others keep theirs."""
    document = parse_yaml(edited, target.name)
    if document.value is None or document.problems:
        raise _not_yaml(document)
    before = _sound(parse_secret_text(old, target.name)).value if old else {}
    sealing = _Sealing(target, identity)
    tree = sealing.value(_edited_tree(edited, document), document.value, before, ())
    return dump(tree), sealing.count


def _edited_tree(edited: str, document: Document) -> Any:
    try:
        return load(edited)
    except YAMLError:
        # Not chained: the parser's words quote the text.
        raise _not_yaml(document) from None


def _not_yaml(document: Document) -> HubfleetError:
    """Names lines only: the problems of the parser may quote what was typed."""
    lines = sorted({p.place.line for p in document.problems if isinstance(p.place, Place)})
    return failure(
        "edited-not-yaml",
        "the edited text cannot be read as YAML; nothing was changed",
        place=document.file,
        why=f"Look at line {', '.join(map(str, lines))} of what you wrote." if any(lines) else "",
        hint='edit again; put values in quotes, one `key: "value"` on each line',
    )


class _Sealing:
    """Walks the edited tree beside the old one; counts what had to be sealed."""

    def __init__(self, target: Target, identity: Identity) -> None:
        self.target = target
        self.identity = identity
        self.count = 0

    def value(self, node: Any, value: Any, before: Any, path: KeyPath) -> Any:
        if before is not None and not isinstance(before, dict) and self._same(value, before):
            return _ciphertexts(before)
        if isinstance(value, dict):
            known = before if isinstance(before, dict) else {}
            for key, inner in value.items():
                child = node[key]
                node[key] = self.value(child, inner, known.get(key), (*path, key))
                _keep_comment(node, key, child)
            return node
        if value is None:
            return None
        self.count += 1
        return self.target.seal(value, path)

    def _same(self, value: Any, before: Any) -> bool:
        return canonical_json(value) == canonical_json(_opened(before, self.identity))


def _opened(before: Any, identity: Identity) -> Any:
    if isinstance(before, Secret):
        return before.reveal(identity)
    if isinstance(before, dict):
        return {key: _opened(inner, identity) for key, inner in before.items()}
    return [_opened(item, identity) for item in before] if isinstance(before, list) else before


def _ciphertexts(before: Any) -> Any:
    if isinstance(before, Secret):
        return PlainScalarString(before.ciphertext)
    if isinstance(before, dict):
        return {key: _ciphertexts(inner) for key, inner in before.items()}
    return [_ciphertexts(item) for item in before] if isinstance(before, list) else before


def _keep_comment(node: CommentedMap, key: str, child: Any) -> None:
    """Lines of text bring their own final line break; one line needs it before the comment."""
    comment = (node.ca.items.get(key) or [None] * 3)[2]
    if isinstance(child, LiteralScalarString) and comment is not None:
        comment.value = "\n" + comment.value


def sealed_anew(text: str, target: Target, identity: Identity) -> tuple[str, int]:
    """The file for the recipients of `target`; values that are for exactly them stay as they are.

    The second value is how many were sealed anew. Raises every value that does not open.
    """
    document = _sound(parse_secret_text(text, target.name))
    tree = _tree(text, target.name)
    wanted = recipients_id(target.keys)
    problems: list[Problem] = []
    count = 0
    for secret in secrets_in(document.value):
        try:
            opened = unseal(secret.ciphertext, secret.at, secret.place, identity)
        except HubfleetError as error:
            problems += error.problems
            continue
        if opened.recipients != wanted:
            _replace(tree, secret.path, target.seal(opened.value, secret.path, opened.number))
            count += 1
    if problems:
        raise HubfleetError(*problems)
    return (dump(tree), count) if count else (text, 0)


def _replace(tree: Any, path: KeyPath, sealed: Any) -> None:
    for key in path[:-1]:
        tree = tree[key]
    tree[path[-1]] = sealed


def _sound(document: Document) -> Document:
    if document.value is None or document.problems:
        raise HubfleetError(*document.problems)
    return document


def _tree(text: str, name: str) -> Any:
    try:
        return load(text)
    except YAMLError:
        raise failure(
            "broken-yaml",
            f"`{name}` cannot be rewritten",
            place=name,
            why="Its YAML is not well-formed.",
            hint="run `hubfleet validate` and mend what it names",
        ) from None

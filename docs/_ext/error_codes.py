"""Every error code that the source can raise, found by reading the source.

A code is a kebab-case word that is given to a function with a parameter `code`, or that is assigned
to `code`, alone or as the first of `code, what, ...`. Values that are only known at run time stand
in angle brackets.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_CODE = re.compile(r"^[a-z]+(-[a-z0-9]+)+$")
_Texts = Mapping[str, str]


@dataclass(frozen=True)
class Raised:
    """One place in the source that can raise a code."""

    code: str
    room: str
    what: str = ""
    why: str = ""
    hint: str = ""


def raised(source: Path) -> Iterator[Raised]:
    """All of them, file by file."""
    paths = sorted(source.rglob("*.py"))
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in paths}
    makers = {"Problem"}.union(*(_makers(tree) for tree in trees.values()))
    for path, tree in trees.items():
        room = path.relative_to(source).parts[0].removesuffix(".py")
        everywhere = _texts(tree)
        for part in tree.body:
            here = {**everywhere, **_texts(part)}
            for node in ast.walk(part):
                if isinstance(node, ast.Call):
                    yield from _from_call(node, room, here, makers)
                elif isinstance(node, ast.Assign | ast.Return):
                    yield from _from_assignment(node, room)


def _makers(tree: ast.Module) -> set[str]:
    """The functions and methods that are told a code."""
    return {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and "code" in {arg.arg for arg in node.args.args}
    }


def markdown(source: Path) -> str:
    """One section for each code, in order of the alphabet."""
    by_code: dict[str, list[Raised]] = {}
    for one in raised(source):
        by_code.setdefault(one.code, []).append(one)
    parts = []
    for code, places in sorted(by_code.items()):
        parts += [f"## `{code}`", ""]
        for one in dict.fromkeys(places):
            lines = [("what", one.what), ("why", one.why), ("hint", one.hint)]
            said = [f"{word}: {' '.join(text.split())}" for word, text in lines if text]
            parts += ["```text", *(said or [f"raised in {one.room}"]), "```", ""]
    return "\n".join(parts)


def _from_call(node: ast.Call, room: str, texts: _Texts, makers: set[str]) -> Iterator[Raised]:
    words = {keyword.arg: keyword.value for keyword in node.keywords}
    name = ast.unparse(node.func).rpartition(".")[2]
    first = words.get("code") or (node.args[0] if node.args else None)
    if first is None or (name not in makers and "code" not in words):
        return
    sentences = [_text(argument, texts) for argument in node.args if argument is not first]
    said = [sentence for sentence in sentences if " " in sentence]  # a path is not a sentence
    what = _text(words.get("what"), texts) or "".join(said[:1])
    for code in _codes(first):
        why, hint = _text(words.get("why"), texts), _text(words.get("hint"), texts)
        yield Raised(code, room, what, why, hint)


def _from_assignment(node: ast.Assign | ast.Return, room: str) -> Iterator[Raised]:
    """`code, what, hint = "wrong-value", ..., ...`, or `code = "one" if ... else "other"`."""
    target = ast.unparse(node.targets[0]).lstrip("(") if isinstance(node, ast.Assign) else ""
    if target == "code" and node.value is not None:
        yield from (Raised(code, room) for code in _codes(node.value))
    elif isinstance(node.value, ast.Tuple) and node.value.elts:
        first, *rest = node.value.elts
        said = [_text(element, {}) for element in rest]
        if any(said) and (target.startswith("code,") or not target):
            hint = said[-1] if len(said) > 1 else ""
            yield from (Raised(code, room, said[0], hint=hint) for code in _codes(first))


def _codes(node: ast.expr) -> Iterator[str]:
    """The code or codes that an expression can be."""
    if isinstance(node, ast.IfExp):
        yield from _codes(node.body)
        yield from _codes(node.orelse)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _CODE.match(node.value):
        yield node.value


def _texts(node: ast.AST) -> dict[str, str]:
    """The sentences that names are given inside `node`; of several, the first."""
    found: dict[str, str] = {}
    for inner in ast.walk(node):
        if isinstance(inner, ast.Assign) and isinstance(inner.targets[0], ast.Name):
            text = _text(inner.value, {})
            if text:
                found.setdefault(inner.targets[0].id, text)
    return found


def _text(node: ast.expr | None, texts: _Texts) -> str:
    """The sentence with `<...>` where a value goes; empty where it is made elsewhere."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.Name):
        return texts.get(node.id, "")
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else _value(part)
            for part in node.values
        )
    return ""


def _value(part: ast.expr) -> str:
    """`{hub.name}` as `<name>`, `{', '.join(names)}` as `<names>`."""
    names = [node for node in ast.walk(part) if isinstance(node, ast.Attribute | ast.Name)]
    words = [node.attr if isinstance(node, ast.Attribute) else node.id for node in names]
    plain = [word for word in words if word not in ("join", "len", "sorted", "str")]
    return f"<{plain[0].strip('_').lower().replace('_', ' ')}>" if plain else "<value>"

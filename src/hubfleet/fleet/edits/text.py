"""Changing one value in the text of a YAML file; whatever else somebody wrote there stays.

The parser tells where each value stands, and only that span of the text is replaced. Rewriting
the whole file from a tree would be simpler, but moves comments, quotes and line breaks of people
who review every line. The result is read again by the parser that loads fleets: an edit that did
anything but what was asked (through an alias, or an odd way of writing) is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import yaml

from hubfleet.fleet.edits.flow import entry, flow, item
from hubfleet.fleet.yaml import KeyPath, parse_yaml
from hubfleet.kit.errors import HubfleetError, failure

_Pair = tuple[yaml.Node, yaml.Node]


def put(text: str, file: str, path: KeyPath, value: Any) -> str:
    """The file with `value` at `path`; mappings on the way are made where they are missing."""
    expected = _value_of(text, file)
    _put_plain(expected, path, deepcopy(value), file)
    return _checked(_in_its_line_ends(text, lambda plain: _put(plain, path, value)), file, expected)


def drop(text: str, file: str, path: KeyPath) -> str:
    """The file without the value at `path`, and without mappings that are empty then."""
    expected = _value_of(text, file)
    if not _drop_plain(expected, path):
        return text
    return _checked(_in_its_line_ends(text, lambda plain: _drop(plain, path)), file, expected)


def _in_its_line_ends(text: str, change: Callable[[str], str]) -> str:
    """The change, in a file with the line ends of Windows as in others."""
    if "\r\n" not in text:
        return change(text)
    return change(text.replace("\r\n", "\n")).replace("\n", "\r\n")


def value_at(text: str, file: str, path: KeyPath) -> Any:
    """What the file itself says at `path`; None where it says nothing."""
    found: Any = _value_of(text, file)
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    return found


def _value_of(text: str, file: str) -> dict[str, Any]:
    document = parse_yaml(text, file)
    if document.value is None or document.problems:
        raise HubfleetError(*document.problems)
    return document.value


def _checked(text: str, file: str, expected: dict[str, Any]) -> str:
    document = parse_yaml(text, file)
    if document.problems or document.value != expected:
        raise failure(
            "edit-by-hand",
            "this file is written in a way that cannot be changed for you",
            place=file,
            why="The change would have touched something else, such as a value that is used twice.",
            hint="change the file in an editor and commit it",
        )
    return text


def _put_plain(tree: dict[Any, Any], path: KeyPath, value: Any, file: str) -> None:
    around: Any = tree
    for depth, key in enumerate(path[:-1], 1):
        if around.get(key) is None:
            around[key] = {}
        around = around[key]
        if not isinstance(around, dict):
            raise failure(
                "no-such-key",
                f"`{'.'.join(map(str, path[:depth]))}` holds no keys that could be set",
                place=file,
                hint="set the whole value",
            )
    around[path[-1]] = value


def _drop_plain(tree: dict[Any, Any], path: KeyPath) -> bool:
    """Whether there was something to drop."""
    inner = tree.get(path[0])
    if path[0] not in tree:
        return False
    if len(path) == 1:
        del tree[path[0]]
        return True
    if not isinstance(inner, dict) or not _drop_plain(inner, path[1:]):
        return False
    if not inner:
        del tree[path[0]]
    return True


# Spans. Marks of the Python parser count characters, so they are indexes of the text.


def _root(text: str) -> yaml.MappingNode:
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    assert isinstance(node, yaml.MappingNode)  # `_value_of` has read it
    return node


def _pair(node: yaml.Node, key: Any) -> _Pair | None:
    pairs: list[_Pair] = node.value if isinstance(node, yaml.MappingNode) else []
    return next(((k, v) for k, v in pairs if k.value == key), None)


def _end(text: str, node: yaml.Node) -> int:
    """Where the last character of a value stands, plus one; comments after it are not its own."""
    begin = node.start_mark.index
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        if isinstance(last, tuple):
            return max(_end(text, last[0]), _end(text, last[1]))
        return _end(text, last)
    return int(begin + len(text[begin : node.end_mark.index].rstrip()))


def _line_end(text: str, index: int) -> int:
    found = text.find("\n", index)
    return len(text) if found < 0 else found


def _line_start(text: str, index: int) -> int:
    return text.rfind("\n", 0, index) + 1


def _with_lines(text: str, after: int, lines: list[str]) -> str:
    """The text with lines below the one that `after` stands in."""
    end = _line_end(text, after)
    return text[:end] + "\n" + "\n".join(lines) + (text[end:] or "\n")


def _put(text: str, path: KeyPath, value: Any) -> str:
    node: yaml.Node = _root(text)
    for depth, key in enumerate(path):
        pair = _pair(node, key)
        if pair is None:
            return _insert_key(text, node, str(key), _nested(path[depth + 1 :], value))
        key_node, node = pair
        rest = path[depth + 1 :]
        if not isinstance(node, yaml.MappingNode) and (rest or not _is_list(node, value)):
            return _replace(text, key_node, node, _nested(rest, value))
    if isinstance(node, yaml.MappingNode):
        return _put_mapping(text, path, node, value)
    assert isinstance(node, yaml.SequenceNode)
    return _put_list(text, path, node, value)


def _is_list(node: yaml.Node, value: Any) -> bool:
    return isinstance(node, yaml.SequenceNode) and isinstance(value, list | tuple)


def _nested(path: KeyPath, value: Any) -> Any:
    for key in reversed(path):
        value = {key: value}
    return value


def _put_mapping(text: str, path: KeyPath, node: yaml.MappingNode, value: Any) -> str:
    """Key by key, so that comments beside what stays the same stay too."""
    keys = [key.value for key, _ in node.value]
    if not isinstance(value, dict) or not value or not keys:
        key_node = _pair(_find(text, path[:-1]), path[-1])
        assert key_node is not None
        return _replace(text, *key_node, value)
    now = _plain(text, path)
    for key, inner in value.items():
        if now.get(key, _MISSING) != inner:
            text = _put(text, (*path, key), inner)
    for key in keys:
        if key not in value:
            text = _drop(text, (*path, key))
    return text


_MISSING = object()


def _plain(text: str, path: KeyPath) -> Any:
    found: Any = parse_yaml(text, "").value
    for key in path:
        found = found[key]
    return found


def _find(text: str, path: KeyPath) -> yaml.Node:
    node: yaml.Node = _root(text)
    for key in path:
        pair = _pair(node, key)
        assert pair is not None
        node = pair[1]
    return node


def _put_list(text: str, path: KeyPath, node: yaml.SequenceNode, value: Any) -> str:
    """Items that go and items that come, where that is all; else the list as a whole."""
    now, wanted = _plain(text, path), list(value)
    kept = [one for one in now if one in wanted]
    if kept and wanted[: len(kept)] == kept and len(kept) == len({flow(one) for one in kept}):
        for index in reversed(range(len(now))):
            if now[index] not in wanted:
                text = _without_item(text, _find(text, path), index)
        for one in wanted[len(kept) :]:
            text = _with_item(text, _find(text, path), one)
        return text
    pair = _pair(_find(text, path[:-1]), path[-1])
    assert pair is not None
    return _replace(text, *pair, value)


def _replace(text: str, key: yaml.Node, node: yaml.Node, value: Any) -> str:
    """The value after a key; a comment in the key's line stays."""
    begin, end = node.start_mark.index, _end(text, node)
    is_block = isinstance(node, yaml.CollectionNode) and not node.flow_style
    if not is_block and begin < end:
        return text[:begin] + flow(value) + text[end:]
    colon = text.index(":", key.end_mark.index) + 1
    if not is_block:
        return text[:colon] + " " + flow(value) + text[colon:]
    lines = entry("k", value, key.start_mark.column)
    first = lines[0].lstrip().removeprefix("k:")
    below = "".join("\n" + line for line in lines[1:])
    same = _line_end(text, colon)
    return text[:colon] + first + text[colon:same] + below + text[_line_end(text, end) :]


def _insert_key(text: str, node: yaml.Node, key: str, value: Any) -> str:
    assert isinstance(node, yaml.MappingNode)
    if node.flow_style:
        written = f"{flow(key)}: {flow(value)}"
        if not node.value:
            inside = node.start_mark.index + 1
            return text[:inside] + written + text[inside:]
        end = max(_end(text, one) for one in node.value[-1])
        return text[:end] + ", " + written + text[end:]
    indent = node.value[0][0].start_mark.column
    return _with_lines(text, _end(text, node), entry(key, value, indent))


def _with_item(text: str, node: yaml.Node, value: Any) -> str:
    assert isinstance(node, yaml.SequenceNode)
    if node.flow_style:
        end = _end(text, node.value[-1]) if node.value else node.start_mark.index + 1
        comma = ", " if node.value else ""
        return text[:end] + comma + flow(value) + text[end:]
    return _with_lines(text, _end(text, node), item(value, node.start_mark.column))


def _without_item(text: str, node: yaml.Node, index: int) -> str:
    """Another item stays: a list that becomes empty is replaced as a whole."""
    spans = [(one.start_mark.index, _end(text, one)) for one in node.value]
    if isinstance(node, yaml.CollectionNode) and node.flow_style:
        return _without_span(text, spans, index)
    begin, end = spans[index]
    return _without_lines(text, text.rindex("-", 0, begin), end)


def _without_span(text: str, spans: list[tuple[int, int]], index: int) -> str:
    """One of several things between commas."""
    if index + 1 < len(spans):
        return text[: spans[index][0]] + text[spans[index + 1][0] :]
    return text[: spans[index - 1][1]] + text[spans[index][1] :]


def _without_lines(text: str, begin: int, end: int) -> str:
    return text[: _line_start(text, begin)] + text[min(len(text), _line_end(text, end) + 1) :]


def _drop(text: str, path: KeyPath) -> str:
    around = _find(text, path[:-1])
    pair = _pair(around, path[-1])
    assert pair is not None
    pairs: list[_Pair] = around.value
    if len(pairs) == 1 and len(path) > 1:
        return _drop(text, path[:-1])
    spans = [(key.start_mark.index, max(_end(text, key), _end(text, v))) for key, v in pairs]
    index = pairs.index(pair)
    begin, end = spans[index]
    flowing = isinstance(around, yaml.CollectionNode) and around.flow_style
    if len(pairs) == 1:
        gone = text[:begin] + text[end:] if flowing else _without_lines(text, begin, end)
        return gone if flowing else gone.rstrip("\n") + "\n{}\n" if gone.strip() else "{}\n"
    if flowing:
        return _without_span(text, spans, index)
    if text[_line_start(text, begin) : begin].strip():
        # Behind a dash; the next key takes its place.
        return text[:begin] + text[spans[index + 1][0] :]
    return _without_lines(text, begin, end)

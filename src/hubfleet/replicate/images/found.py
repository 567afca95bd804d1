"""The images that a declaration names, and the same declaration with their digests. Pure.

Typed fields are `image` of environments. In what is passed through to the chart or to JupyterHub an
image is a text, or a mapping of `name` and `tag`, under the key `image`; the chart's
`prePuller.extraImages` has such mappings by a name of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from hubfleet.replicate.images.reference import Reference, read_reference

Path = tuple[str, ...]

_TYPED = ("environment", "environments")
_PASSED = ("helm_values", "jupyterhub")
_MANY = "extraImages"


def images_in(declaration: Mapping[str, Any]) -> Iterator[tuple[Path, Reference]]:
    """Each with the path of the field that names it."""
    found: list[tuple[Path, Reference]] = []

    def note(path: Path, image: Reference) -> Reference:
        found.append((path, image))
        return image

    _walk(declaration, (), note)
    yield from found


def with_digests(declaration: Mapping[str, Any], digests: Mapping[Reference, str]) -> Any:
    """The same with the digests that are known."""

    def pin(_path: Path, image: Reference) -> Reference:
        return image.pinned(digests[image]) if image in digests else image

    return _walk(declaration, (), pin)


def _walk(value: Any, path: Path, change: Callable[[Path, Reference], Reference]) -> Any:
    if path and path[0] not in (*_TYPED, *_PASSED):
        return value
    if isinstance(value, Mapping):
        if _is_image(path):
            return _named(value, path, change)
        return {key: _walk(inner, (*path, str(key)), change) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_walk(inner, (*path, str(at)), change) for at, inner in enumerate(value)]
    image = read_reference(value) if isinstance(value, str) and path[-1] == "image" else None
    return value if image is None else change(path, image).text


def _is_image(path: Path) -> bool:
    return path[0:1] == ("helm_values",) and (path[-1] == "image" or path[-2:-1] == (_MANY,))


def _named(
    value: Mapping[Any, Any], path: Path, change: Callable[[Path, Reference], Reference]
) -> Any:
    """`name` and `tag`, which the chart joins with a colon; without both it has its own."""
    name, tag = value.get("name"), value.get("tag")
    if not isinstance(name, str) or not isinstance(tag, str):
        return dict(value)
    image = read_reference(f"{name}:{tag}")
    if image is None:
        return dict(value)
    changed = change(path, image)
    if changed == image:
        return dict(value)
    return {**value, "name": changed.name, "tag": f"{changed.tag}@{changed.digest}"}

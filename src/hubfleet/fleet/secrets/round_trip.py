"""Writing YAML that people own: comments, key order and quotes stay as they were."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from hubfleet.kit.files import write_atomically

_NEVER_FOLD = 1 << 30


def _yaml() -> YAML:
    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = _NEVER_FOLD
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def load(text: str) -> Any:
    """A tree that remembers its comments; raises ruamel's `YAMLError`."""
    return _yaml().load(text)


def dump(tree: Any) -> str:
    """The text of a tree."""
    stream = io.StringIO()
    _yaml().dump(tree, stream)
    return stream.getvalue()


def write_declaration(path: Path, text: str) -> None:
    """Replace a file of the fleet. It keeps its mode; a new one is readable like its neighbours."""
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, text, mode=mode)

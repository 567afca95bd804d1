"""Which traitlets the supported JupyterHub knows, as data: this room does not import JupyterHub.

`traits.json` maps each configurable class to its traits, inherited ones included, and to what each
of them takes (`any` where that is not one plain type).
Write it anew after a change of the JupyterHub version, from the root of the repository:

    python tests/unit/fleet/jupyterhub_traits.py > src/hubfleet/fleet/traits.json
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

TRAITS_FILE = Path(__file__).with_name("traits.json")


_TAKES: Mapping[str, tuple[str, tuple[type, ...]]] = {
    "bool": ("true or false", (bool,)),
    "int": ("a whole number", (int,)),
    "float": ("a number", (int, float)),
    "text": ("text", (str,)),
    "list": ("a list", (list, tuple)),
    "mapping": ("a mapping of keys to values", (dict,)),
}


@cache
def known_traits() -> Mapping[str, Mapping[str, str]]:
    """What each trait takes, by class, of the JupyterHub version that hubfleet supports."""
    classes: dict[str, dict[str, str]] = json.loads(TRAITS_FILE.read_text("utf-8"))["classes"]
    return classes


def expected(kind: str, value: Any) -> str | None:
    """What a trait of this kind takes, in words, where `value` is not that; None where it is."""
    if kind not in _TAKES:
        return None
    words, types = _TAKES[kind]
    # Python counts true as 1.
    fits = isinstance(value, types) and (kind == "bool" or not isinstance(value, bool))
    return None if fits else words

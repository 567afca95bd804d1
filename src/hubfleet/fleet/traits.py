"""Which traitlets the supported JupyterHub knows, as data: this room does not import JupyterHub.

`traits.json` maps each configurable class to its traits, inherited ones included.
Write it anew after a change of the JupyterHub version, from the root of the repository:

    python tests/unit/fleet/jupyterhub_traits.py > src/hubfleet/fleet/traits.json
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

TRAITS_FILE = Path(__file__).with_name("traits.json")


@cache
def known_traits() -> Mapping[str, frozenset[str]]:
    """Traits by class, of the JupyterHub version that hubfleet supports."""
    data = json.loads(TRAITS_FILE.read_text(encoding="utf-8"))
    return {name: frozenset(traits) for name, traits in data["classes"].items()}

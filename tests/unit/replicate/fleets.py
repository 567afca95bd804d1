"""A fleet to import into, and what a test asks of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from hubfleet.replicate.importing.settling import Settled

FLEET = "service: {name: X, operator: Y, contact: a@b.org, domain: hubs.example.org}\n"
ADA = [{"name": "Ada Example", "email": "ada@example.org"}]


def empty_fleet(root: Path) -> Path:
    """Nothing but a service."""
    root.mkdir(parents=True)
    (root / "fleet.yaml").write_text(FLEET)
    return root


def written(path: Path, value: Any) -> Path:
    """A file of values, as text or as YAML."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else yaml.safe_dump(value))
    return path


def fate_of(settled: Settled, key: str) -> tuple[str, str]:
    """Where a key of the source went, and to what."""
    (fate,) = [one for one in settled.fates if one.origin.key == key]
    return fate.went, fate.to

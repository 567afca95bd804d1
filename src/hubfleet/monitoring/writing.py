"""Writing a rendering into a folder, and reading rules and routes of somebody's own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from hubfleet.kit.errors import failure
from hubfleet.kit.replacing import Replaced, replace_files


def write_monitoring(files: Mapping[str, str], folder: Path) -> Replaced:
    """Make the folder hold these files; the second call writes nothing."""
    content = {path: text.encode() for path, text in files.items()}
    return replace_files(folder, content, by="hubfleet monitoring render")


def read_yaml_file(path: Path, wanted: str) -> dict[str, Any]:
    """A file of Prometheus or Alertmanager; `wanted` is the key that makes it one."""
    why = f"It has no `{wanted}`."
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        if isinstance(content, dict) and isinstance(content.get(wanted), dict | list):
            return content
    except (OSError, ValueError, yaml.YAMLError) as error:
        why = " ".join(str(error).split())
    raise failure(
        "unreadable-monitoring",
        "the file cannot be checked",
        place=str(path),
        why=why,
        hint="name a file of Prometheus rules, or of Alertmanager's configuration",
    )

"""Trying changed files before anybody can see them: the fleet as it would be, in a folder aside."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from hubfleet.fleet.load import load_fleet
from hubfleet.fleet.model import Fleet

_LEFT_OUT = {".git", "__pycache__", ".venv", "node_modules"}


def fleet_with(root: Path, texts: Mapping[str, str], beside: Path) -> Fleet:
    """The fleet with these files' texts; raises `FleetErrors` as `load_fleet` does.

    `beside` is a folder on the same disk where a copy may stand for a moment. Files that do not
    change are linked and not copied.
    """
    with _copy(root, beside) as copy:
        for file, text in texts.items():
            path = copy / file
            path.unlink(missing_ok=True)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
        return load_fleet(copy)


@contextmanager
def _copy(root: Path, beside: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="hubfleet-try-", dir=beside) as folder:
        copy = Path(folder) / "fleet"
        shutil.copytree(
            root,
            copy,
            symlinks=True,
            ignore=lambda _, names: _LEFT_OUT.intersection(names),
            copy_function=_link,
        )
        yield copy


def _link(source: str, target: str) -> object:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)
    return target

"""A hub's folder with homes, for tests that need no hub."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path

from tests.places import until

Files = Mapping[str, str | bytes]


def make_homes(folder: Path, homes: Mapping[str, Files]) -> Path:
    """`user -> {path: text}`; homes are numbered from 1 in this order. Returns the hub's folder."""
    (folder / "homes").mkdir(parents=True, exist_ok=True)
    numbers = {user: number for number, user in enumerate(homes, 1)}
    (folder / "homes.json").write_text(json.dumps(numbers))
    for user, files in homes.items():
        home = folder / "homes" / str(numbers[user])
        home.mkdir(mode=0o700)
        for path, text in files.items():
            write(home / path, text)
    return folder


def write(path: Path, text: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def settled(folder: Path) -> None:
    """Wait until no file in a folder is so young that the next snapshot would not trust it."""
    newest = max(path.lstat().st_ctime_ns for path in [folder, *folder.rglob("*")])
    until(lambda: time.time_ns() - newest > 150_000_000, "the files to be a moment old")

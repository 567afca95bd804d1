"""Making a folder hold exactly the files of a rendering, and touching nothing else.

`rendered.json` lists what hubfleet wrote; only that is ever changed or deleted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hubfleet.kit.errors import HubfleetError, failure
from hubfleet.kit.files import write_atomically

LIST = "rendered.json"
_READABLE = 0o644


@dataclass(frozen=True, slots=True)
class Replaced:
    """Paths relative to the folder."""

    written: tuple[str, ...]
    removed: tuple[str, ...]


def replace_files(folder: Path, files: Mapping[str, bytes], *, by: str) -> Replaced:
    """Write what differs and remove what an earlier call wrote and this one does not.

    Raises `not-a-rendering` for a folder with something else in it. `by` is the command.
    """
    try:
        before = _listed(folder, by)
        written = [path for path, data in files.items() if _write(folder / path, data)]
        removed = [path for path in before if path not in files and _remove(folder, path)]
        _write(folder / LIST, (json.dumps(sorted(files), indent=1) + "\n").encode())
    except OSError as error:
        raise _not_writable(folder, error) from None
    return Replaced(tuple(written), tuple(removed))


def _listed(folder: Path, by: str) -> list[str]:
    """What an earlier rendering wrote; nothing for a new or empty folder."""
    if not folder.exists() or not any(folder.iterdir()):
        return []
    try:
        found: list[str] = json.loads((folder / LIST).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise failure(
            "not-a-rendering",
            f"the folder holds something that `{by}` did not write",
            place=str(folder),
            why=f"It has no list of files ({LIST}).",
            hint="name an empty folder, or one that an earlier rendering made",
        ) from None
    return [path for path in found if _is_inside(path)]


def _is_inside(path: str) -> bool:
    return not path.startswith("/") and ".." not in Path(path).parts


def _write(path: Path, data: bytes) -> bool:
    if path.is_file() and path.read_bytes() == data:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, data, mode=_READABLE)
    return True


def _remove(folder: Path, path: str) -> bool:
    target = folder / path
    if not target.is_file():
        return False
    target.unlink()
    for parent in target.parents:
        if parent == folder or any(parent.iterdir()):
            break
        parent.rmdir()
    return True


def _not_writable(folder: Path, error: OSError) -> HubfleetError:
    return failure(
        "rendering-not-written",
        "the rendered files cannot be written",
        place=str(error.filename or folder),
        why=error.strerror or str(error),
        hint="name another folder with --to, or mend its rights",
    )

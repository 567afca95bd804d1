"""Writing rendered files into a folder: what changed, what is no longer needed, and nothing else.

`rendered.json` lists what hubfleet wrote; only that is ever changed or deleted.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hubfleet.fleet.model import Fleet, Hub
from hubfleet.kit.errors import HubfleetError, failure
from hubfleet.kit.files import write_atomically
from hubfleet.platforms.kubernetes.rendering.gitops import Git, Rendering, gitops_files

LIST = "rendered.json"
_READABLE = 0o644


@dataclass(frozen=True, slots=True)
class Written:
    """Paths relative to the folder; `without_secrets` are folders of hubs that lack a
    `secrets.yaml`.
    """

    written: tuple[str, ...]
    removed: tuple[str, ...]
    without_secrets: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "written": list(self.written),
            "removed": list(self.removed),
            "without-secrets": list(self.without_secrets),
        }


def write_gitops(fleet: Fleet, hubs: Sequence[Hub], folder: Path, git: Git | None) -> Written:
    """Make the folder hold these hubs, and no longer those that it held before.

    Raises `not-a-rendering` for a folder with something else in it. The second call writes nothing.
    """
    renderings = [Rendering(hub, fleet.clusters[hub.cluster], logo_content(hub)) for hub in hubs]
    files: dict[str, bytes] = {
        path: text.encode() for path, text in gitops_files(renderings, git).items()
    }
    for one in renderings:
        if one.chart_folder is not None and one.chart.path is not None:
            files |= _copied(fleet.root / one.chart.path, one.chart_folder)
    try:
        before = _listed(folder)
        written = [path for path, data in files.items() if _write(folder / path, data)]
        removed = [path for path in before if path not in files and _remove(folder, path)]
        _write(folder / LIST, (json.dumps(sorted(files), indent=1) + "\n").encode())
    except OSError as error:
        raise _not_writable(folder, error) from None
    missing = [r.folder for r in renderings if not (folder / r.folder / "secrets.yaml").exists()]
    return Written(tuple(written), tuple(removed), tuple(missing))


def logo_content(hub: Hub) -> bytes | None:
    """The picture that the hub's pages show."""
    return None if hub.logo is None else hub.logo.path.read_bytes()


def _copied(chart: Path, to: str) -> dict[str, bytes]:
    return {
        f"{to}/{path.relative_to(chart).as_posix()}": path.read_bytes()
        for path in sorted(chart.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def _listed(folder: Path) -> list[str]:
    """What an earlier rendering wrote; nothing for a new or empty folder."""
    if not folder.exists() or not any(folder.iterdir()):
        return []
    try:
        found: list[str] = json.loads((folder / LIST).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise failure(
            "not-a-rendering",
            "the folder holds something that `hubfleet render` did not write",
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

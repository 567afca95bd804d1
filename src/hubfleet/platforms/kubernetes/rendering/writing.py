"""Writing rendered files into a folder, and which secrets are still to be supplied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hubfleet.fleet.model import Fleet, Hub
from hubfleet.kit.replacing import replace_files
from hubfleet.platforms.kubernetes.rendering.gitops import Git, Rendering, gitops_files


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
    replaced = replace_files(folder, files, by="hubfleet render")
    missing = [r.folder for r in renderings if not (folder / r.folder / "secrets.yaml").exists()]
    return Written(replaced.written, replaced.removed, tuple(missing))


def logo_content(hub: Hub) -> bytes | None:
    """The picture that the hub's pages show."""
    return None if hub.logo is None else hub.logo.path.read_bytes()


def _copied(chart: Path, to: str) -> dict[str, bytes]:
    return {
        f"{to}/{path.relative_to(chart).as_posix()}": path.read_bytes()
        for path in sorted(chart.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }

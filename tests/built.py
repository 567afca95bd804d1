"""Environments as a build leaves them on the disk, with what packages say of themselves alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from hubfleet.fleet.software import HubEnvironment
from hubfleet.platforms.local.environments import EnvironmentStore


def lay_out(folder: Path, wanted: HubEnvironment, packages: Mapping[str, str]) -> Path:
    """The environment in the store at `folder`; of each package some lines of its metadata."""
    store = EnvironmentStore(folder)
    path = store.identity(wanted)
    assert isinstance(path, Path)
    for name, said in packages.items():
        where = path / f"lib/python3.12/site-packages/{name}-1.0.dist-info"
        where.mkdir(parents=True)
        (where / "METADATA").write_text(
            f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\n{said}\n"
        )
    for file, text in ((store.record_of(path), "{}"), (store.lock_of(path), "")):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return path

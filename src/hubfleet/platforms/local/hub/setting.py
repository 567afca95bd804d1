"""What the spawners of one hub know."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hubfleet.fleet.model import HubValues
from hubfleet.kit.units import parse_memory
from hubfleet.platforms.local.sandbox import interpreter_folders
from hubfleet.platforms.local.spec import HubSpec

INSIDE = Path(__file__).with_name("inside")
"""The folder with the launcher and what belongs to it."""


@dataclass(frozen=True)
class Setting:
    """One hub: its folder, what it was told to run, and its values."""

    folder: Path
    spec: HubSpec
    values: HubValues

    @property
    def state(self) -> Path:
        """The state folder that the hub's folder lies in."""
        return self.folder.parents[2]

    @property
    def environment(self) -> Path | None:
        return None if self.spec.environment is None else Path(self.spec.environment)

    @property
    def environments(self) -> tuple[Path, ...]:
        """The default environment and the further ones, as far as there are any."""
        further = map(Path, self.spec.environments.values())
        return tuple(filter(None, (self.environment, *further)))

    @property
    def software(self) -> tuple[Path, ...]:
        """Every folder that a server must be able to read to offer its kernels."""
        folders = {path for one in (None, *self.environments) for path in interpreter_folders(one)}
        if self.spec.kernels is not None:
            folders.add(Path(self.spec.kernels))
        return tuple(sorted(folders, key=lambda folder: (len(folder.parts), folder)))

    @property
    def jupyter_path(self) -> str | None:
        """Where Jupyter finds the kernels of environments; the default one's comes first."""
        own = [str(self.environment / "share" / "jupyter")] if self.environment else []
        return ":".join([*own, *filter(None, [self.spec.kernels])]) or None

    @property
    def quota(self) -> int | None:
        """Bytes that a home may hold; None for no limit."""
        quota = self.values.storage.home_quota
        return None if quota is None else parse_memory(quota)

"""Where a hub's data is taken from: its database, people's homes, shared folders.

`Source` is the port of `replicate.export`. Hubs of this machine stand behind it here, those on
clusters in `on_cluster`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from hubfleet.fleet.model import Hub
from hubfleet.platforms.archives.tree import Sink, TreeArchive
from hubfleet.platforms.local.folders import HubFolder, StateFolder
from hubfleet.platforms.local.homes.people import numbers_of
from hubfleet.replicate.bundle.manifest import Told

SHARED = ("shared", "shared-readwrite")


@dataclass(frozen=True, slots=True)
class Contents:
    """What an archive holds: entries, and bytes of files. `notes` tell what it does not."""

    entries: int
    bytes: int
    notes: tuple[str, ...] = ()


Tree = Callable[[Sink], Contents | None]
"""Writes a tree's archive; None where there turns out to be none.

A HubfleetError says that this tree cannot be read now, a TransientError that none can.
"""


class Source(Protocol):
    """The data of one hub. Every call may raise what `Tree` raises."""

    def database(self, aside: Path) -> AbstractContextManager[Path | None]:
        """A database file that may be read while the block runs, as it is now, secrets and all.

        `aside` is a free name for one that has to be fetched. None where there is none yet.
        """
        ...

    def homes(self) -> Mapping[str, Tree | None]:
        """Everybody's home; None for whoever has none yet."""
        ...

    def shared(self) -> Mapping[str, Tree]:
        """Those of the shared folders that may be there."""
        ...

    def others(self) -> tuple[Told, ...]:
        """What else is there that may hold people's files, and is in neither."""
        ...


Sources = Callable[[Hub], Source | None]
"""The source of a hub; None for one that was never applied here."""


@dataclass(frozen=True, slots=True)
class LocalSource:
    """A hub of this machine."""

    folder: HubFolder

    def database(self, aside: Path) -> AbstractContextManager[Path | None]:
        """The hub's own file: whoever copies it gets a consistent one."""
        there = self.folder.database
        return nullcontext(there if there.exists() else None)

    def homes(self) -> Mapping[str, Tree | None]:
        numbers = numbers_of(self.folder.path)
        trees = {person: self.folder.homes / str(number) for person, number in numbers.items()}
        return {person: _tree(path) for person, path in trees.items()}

    def shared(self) -> Mapping[str, Tree]:
        found = {name: _tree(self.folder.path / name) for name in SHARED}
        return {name: tree for name, tree in found.items() if tree is not None}

    def others(self) -> tuple[Told, ...]:
        return ()


def on_this_machine(state: StateFolder | None) -> Sources:
    """Sources of the hubs that this state folder holds."""

    def source(hub: Hub) -> Source | None:
        folder = None if state is None else state.hub(hub.name)
        return LocalSource(folder) if folder is not None and folder.path.is_dir() else None

    return source


def _tree(path: Path) -> Tree | None:
    return partial(_archived, path) if path.is_dir() and not path.is_symlink() else None


def _archived(path: Path, sink: Sink) -> Contents:
    root = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        archive = TreeArchive(sink)
        archive.write(root)
    finally:
        os.close(root)
    return Contents(archive.entries, archive.read, tuple(archive.told_notes()))

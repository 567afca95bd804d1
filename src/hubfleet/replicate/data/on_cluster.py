"""The data of a hub on a cluster, as a `Source`: whoever acts there stands behind `Volumes`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from hubfleet.fleet.model import Fleet, Hub
from hubfleet.kit.errors import failure
from hubfleet.kit.files import write_atomically
from hubfleet.platforms.archives.tree import Sink
from hubfleet.platforms.local.folders import StateFolder
from hubfleet.replicate.bundle.manifest import Told
from hubfleet.replicate.data.sources import (
    SHARED,
    Contents,
    Source,
    Sources,
    Tree,
    on_this_machine,
)

if TYPE_CHECKING:
    from hubfleet.platforms.kubernetes import claims, reading_trees


class Volumes(Protocol):
    """Volumes of hubs on clusters, by the claims that lead to them."""

    def copy_database(self, hub: str) -> bytes | None:
        """A consistent copy; None while there is none yet."""
        ...

    def claims(self, hub: str) -> claims.Claimed:
        """Whose files are in which of them."""
        ...

    def read_tree(
        self, hub: str, claim: str, folder: str = "."
    ) -> Generator[bytes | reading_trees.Contents | None]:
        """An archive in pieces, and what it holds last; None alone where there is no such folder.

        Nothing stays behind for whoever closes it early.
        """
        ...


@dataclass(frozen=True, slots=True)
class ClusterSource:
    """One hub's. Nothing is held that a sink was given."""

    hub: str
    volumes: Volumes

    @contextmanager
    def database(self, aside: Path) -> Iterator[Path | None]:
        """The copy goes to `aside`, which nobody else can read."""
        data = self.volumes.copy_database(self.hub)
        if data is not None:
            write_atomically(aside, data)
        yield None if data is None else aside

    def homes(self) -> Mapping[str, Tree | None]:
        found = self.volumes.claims(self.hub).homes
        return {person: self._tree(claim) if claim else None for person, claim in found.items()}

    def shared(self) -> Mapping[str, Tree]:
        """One claim holds them; each is asked for once to see whether it is there."""
        claim = self.volumes.claims(self.hub).shared
        return {name: self._tree(claim, name) for name in SHARED} if claim else {}

    def others(self) -> tuple[Told, ...]:
        return tuple(
            Told(
                what=f"{self.hub}: the volume {claim}",
                why=why,
                cure="copy it there, if anybody needs it",
            )
            for claim, why in self.volumes.claims(self.hub).others
        )

    def _tree(self, claim: str, folder: str = ".") -> Tree:
        return partial(_archived, self.volumes, self.hub, claim, folder)


class Opened(Volumes, Protocol):
    """Whoever acts on clusters, until nobody needs them any more."""

    def end(self) -> None: ...


@contextmanager
def opened_sources(
    fleet: Fleet, state: StateFolder, opening: Callable[[], Opened | None]
) -> Iterator[Sources]:
    """Of hubs on this machine and of those on clusters, which are opened for the first of them."""
    here = on_this_machine(state)
    opened: list[Opened] = []

    def source(hub: Hub) -> Source | None:
        if fleet.clusters[hub.cluster].file.platform == "local":
            return here(hub)
        if not opened and (found := opening()) is not None:
            opened.append(found)
        return ClusterSource(hub.name, opened[0]) if opened else None

    try:
        yield source
    finally:
        for one in opened:
            one.end()


def _archived(volumes: Volumes, hub: str, claim: str, folder: str, sink: Sink) -> Contents | None:
    """Raises `archive-cut-off` for less or something else than what was sent."""
    digest, size = hashlib.sha256(), 0
    with closing(volumes.read_tree(hub, claim, folder)) as pieces:
        for piece in pieces:
            if piece is None:
                return None
            if isinstance(piece, bytes):
                digest.update(piece)
                size += len(piece)
                sink.write(piece)
            elif (piece.size, piece.sha256) == (size, digest.hexdigest()):
                return Contents(piece.entries, piece.bytes, piece.notes)
    raise failure(
        "archive-cut-off",
        f"not all of the volume {claim} of {hub} arrived",
        place=hub,
        why=f"{size} bytes came, and they are not those that were sent",
        hint="export again; if it stays, look at what is between here and the cluster",
    )

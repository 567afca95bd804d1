"""Which environments somebody still needs: hubs, people's running servers, and kept revisions."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from hubfleet.platforms.local.environments import EnvironmentStore
from hubfleet.platforms.local.folders import HubFolder, StateFolder
from hubfleet.platforms.local.servers import running_servers

_NAME = re.compile(r"env-[0-9a-f]{32}")

# People's files, which are many and name no environment, and records of servers, whose end counts.
_LEFT_OUT = frozenset({"homes", "shared", "shared-readwrite", "snapshots", "servers"})


def in_use(state: StateFolder) -> dict[Path, list[str]]:
    """The environments that may not go, with the hubs that need them.

    A hub needs what it was told to run, what it runs, what its people's servers were started with,
    and what one of its revisions would go back to.
    """
    found: dict[Path, set[str]] = {}
    for hub in _all_hubs(state):
        for name in _named_by(hub):
            found.setdefault(state.environments / name, set()).add(hub.name)
    return {path: sorted(hubs) for path, hubs in sorted(found.items())}


def _all_hubs(state: StateFolder) -> Iterator[HubFolder]:
    """Also those that a rollout is only about to create."""
    for path in sorted(state.hubs.glob("*/*/")):
        yield HubFolder(Path(path))


def _named_by(hub: HubFolder) -> set[str]:
    names: set[str] = set()
    for server in running_servers(hub.path):
        names |= {Path(path).name for path in server.environments}
    for path in _records(hub.path):
        with suppress(OSError):
            names |= set(_NAME.findall(path.read_text(encoding="utf-8", errors="replace")))
    return names


def _records(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in _LEFT_OUT]
        yield from (Path(parent, name) for name in files if name.endswith(".json"))


def collect(state: StateFolder, store: EnvironmentStore, *, dry_run: bool) -> list[Path]:
    """Delete what nobody needs; hold the lease of rollouts, which build what they will use."""
    return store.remove_unused(in_use(state), dry_run=dry_run)

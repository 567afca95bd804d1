"""Which environments somebody still needs: hubs, people's running servers, and kept revisions."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

from hubfleet.platforms.local.environments import EnvironmentStore
from hubfleet.platforms.local.folders import HubFolder, StateFolder
from hubfleet.platforms.local.servers import running_servers

_NAME = re.compile(r"env-[0-9a-f]{32}")
_A_WEEK = 7 * 86400
_COMMIT = re.compile(r"\b[0-9a-f]{40}\b")

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


def named_in(folder: Path) -> set[str]:
    """Environments and commits of repositories that a hub's folder names; one that was set aside,
    too.
    """
    found: set[str] = set()
    for path in _records(folder):
        with suppress(OSError):
            text = path.read_text(encoding="utf-8", errors="replace")
            found |= {*_NAME.findall(text), *_COMMIT.findall(text)}
    return found


def commits_in_use(state: StateFolder) -> frozenset[str]:
    """The commits of repositories that a hub or one of its revisions names."""
    found: set[str] = set()
    for hub in _all_hubs(state):
        for path in _records(hub.path):
            with suppress(OSError):
                found |= set(_COMMIT.findall(path.read_text(encoding="utf-8", errors="replace")))
    return frozenset(found)


def collect(state: StateFolder, store: EnvironmentStore, *, dry_run: bool) -> list[Path]:
    """Delete what nobody needs; hold the lease of rollouts, which build what they will use.

    Environments first, then what belonged to them alone: kernels, logs, fetched repositories.
    """
    needed = in_use(state)
    removed = store.remove_unused(needed, dry_run=dry_run)
    gone = {path.name for path in removed}
    left = leftovers(store.folder, gone, {path.name for path in needed}, commits_in_use(state))
    if not dry_run:
        for path in left:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    return [*removed, *left]


def leftovers(
    folder: Path, gone: Collection[str], needed: Collection[str], commits: Collection[str]
) -> list[Path]:
    """What lies beside the environments of a store and serves none any more.

    A folder of kernels goes with the first of its environments that goes. Logs of builds that
    failed are kept for a week: they are what an error named.
    """
    there = {path.name for path in folder.glob("env-*")} - set(gone)
    found = [
        path
        for path in sorted(folder.glob("kernels-*"))
        if not _environments_of(path) <= (there & set(needed))
    ]
    for path in sorted((folder / "logs").glob("*.log")):
        name = path.name.partition(".")[0]
        if name in gone or (name not in there and _is_old(path)):
            found.append(path)
    for path in sorted((folder / "repositories").glob("*")):
        commit = path.name.rpartition("-")[2]
        half = path.name.startswith(".fetching-")
        if _is_old(path) if half else commit not in commits:
            found.append(path)
    found += [path for path in sorted((folder / "scratch").glob("*")) if _is_old(path)]
    return found


def _environments_of(kernels: Path) -> set[str]:
    texts = (path.read_text(errors="replace") for path in kernels.glob("kernels/*/kernel.json"))
    return {name for text in texts for name in _NAME.findall(text)}


def _is_old(path: Path) -> bool:
    with suppress(OSError):
        return time.time() - path.stat().st_mtime > _A_WEEK
    return False

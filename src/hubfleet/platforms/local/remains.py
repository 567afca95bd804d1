"""What a removed hub leaves on this machine, by kind of data; and deleting it.

`removing` keeps a hub's folder aside because people's files must never go by mistake. `look` counts
what is there; `erase` deletes it, and what of the hub was left elsewhere. Whoever erased looks
again: only that second look is evidence.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hubfleet.kit.errors import failure
from hubfleet.platforms.local.environment_use import (
    collect,
    commits_in_use,
    in_use,
    named_in,
)
from hubfleet.platforms.local.environments import EnvironmentStore
from hubfleet.platforms.local.folders import StateFolder
from hubfleet.platforms.local.ports import release_port

HOMES, HOME_SNAPSHOTS, SHARED = "home-directories", "home-snapshots", "shared-folders"
DATABASE, SNAPSHOTS = "hub-database", "revision-snapshots"
SERVERS, LOGS, IDENTITIES = "server-records", "logs", "identities"
SECRETS, RECORD, ENVIRONMENTS, PORTS = "secrets", "hub-record", "environments", "addresses"

PEOPLES_DATA = (HOMES, HOME_SNAPSHOTS, SHARED, DATABASE, SNAPSHOTS)
"""What a community takes along, or says that it does not need."""

KINDS = (*PEOPLES_DATA, SERVERS, LOGS, IDENTITIES, SECRETS, RECORD, ENVIRONMENTS, PORTS)

_KIND_OF: tuple[tuple[str, str], ...] = (
    (r"homes", HOMES),
    (r"snapshots", HOME_SNAPSHOTS),
    (r"shared(-readwrite)?", SHARED),
    (r"\.?hub\.sqlite.*", DATABASE),
    (r"revisions", SNAPSHOTS),
    (r"servers", SERVERS),
    (r"hub\.log.*", LOGS),
    (r"identities\.json", IDENTITIES),
    (r"secrets\.json|metrics-token", SECRETS),
)
"""Entries of a hub's folder; what fits none belongs to the hub's record."""

_MOMENT = re.compile(r"\d{8}T\d{6}Z")


@dataclass(frozen=True, slots=True)
class Found:
    """Of one kind: how much, and where was looked (paths below the state folder)."""

    count: int = 0
    size: int = 0
    places: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Remains:
    """`lives`: the hub was not removed; its folder is its own."""

    hub: str
    lives: bool
    folders: tuple[str, ...]
    found: Mapping[str, Found]

    @property
    def count(self) -> int:
        return sum(found.count for found in self.found.values())

    @property
    def size(self) -> int:
        return sum(found.size for found in self.found.values())


def look(state: StateFolder, hub: str, environments: Iterable[str] = ()) -> Remains:
    """Count what is there. `environments` are names that an earlier look found: the folders that
    name them may be gone since.
    """
    folder = state.hub(hub)
    folders = [*([folder.path] if folder.path.exists() else []), *set_aside(state, hub)]
    sums = {kind: [0, 0] for kind in KINDS}
    once: set[tuple[int, int]] = set()
    for path in folders:
        for entry in _entries(path):
            count, size = _measure(entry, once)
            kind = _kind(entry.name)
            sums[kind][0] += count
            sums[kind][1] += size
    asked = tuple(_below(state, path) for path in folders) or (_pattern(hub),)
    found = {kind: Found(count, size, asked) for kind, (count, size) in sums.items()}
    found[ENVIRONMENTS] = _environments(state, folders, environments)
    found[PORTS] = _ports(state, hub)
    shown = tuple(_below(state, path) for path in folders)
    return Remains(hub, folder.spec.exists(), shown, found)


def set_aside(state: StateFolder, hub: str) -> list[Path]:
    """The folders of a hub that was removed, once for each time; oldest first."""
    community, short = hub.split("/")
    with suppress(FileNotFoundError):
        return sorted(
            path
            for path in (state.removed / community).iterdir()
            # `prod-2` is another hub than `prod`: only a time may follow.
            if path.name.startswith(f"{short}-")
            and _MOMENT.fullmatch(path.name.removeprefix(f"{short}-"))
            and not path.is_symlink()
        )
    return []


def erase(state: StateFolder, hub: str) -> None:
    """Delete all that `look` finds, and environments that nobody needs; the second call goes on.

    Hold the lease of rollouts meanwhile. Raises `hub-still-there`.
    """
    if state.hub(hub).spec.exists():
        raise failure(
            "hub-still-there",
            f"{hub} was not removed",
            place=str(state.hub(hub).path),
            why="people may be working on it",
            hint="take it out of the declaration and run `hubfleet apply --allow-removals`",
        )
    for path in (state.hub(hub).path, *set_aside(state, hub)):
        _delete(path)
    release_port(state, hub)
    if state.environments.is_dir():
        collect(state, EnvironmentStore(state.environments), dry_run=False)
    community = hub.partition("/")[0]
    for empty in (state.removed / community, state.hubs / community):
        with suppress(OSError):
            empty.rmdir()


def _environments(state: StateFolder, folders: Iterable[Path], names: Iterable[str]) -> Found:
    """Environments and fetched repositories that no other hub needs."""
    store = state.environments
    wanted = set(names).union(*(named_in(path) for path in folders))
    own = sorted(wanted - {path.name for path in in_use(state)} - commits_in_use(state))
    there = [name for name in own if (store / name).exists()]
    there += [name for name in own if any(store.glob(f"repositories/*-{name}"))]
    return Found(len(there), 0, tuple(own))


def _ports(state: StateFolder, hub: str) -> Found:
    path = state.proxy / "ports.json"
    with suppress(OSError, ValueError):
        if hub in json.loads(path.read_text(encoding="utf-8")):
            return Found(1, 0, (_below(state, path),))
    return Found(0, 0, (_below(state, path),))


def _kind(name: str) -> str:
    return next((kind for pattern, kind in _KIND_OF if re.fullmatch(pattern, name)), RECORD)


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    with suppress(FileNotFoundError), os.scandir(folder) as found:
        yield from found


def _measure(entry: os.DirEntry[str], once: set[tuple[int, int]]) -> tuple[int, int]:
    """Files and bytes; links are not followed, and of one file under several names the bytes count
    once.
    """
    if not entry.is_dir(follow_symlinks=False):
        status = entry.stat(follow_symlinks=False)
        key = (status.st_dev, status.st_ino)
        known = status.st_nlink > 1 and key in once
        if status.st_nlink > 1:
            once.add(key)
        return 1, 0 if known else status.st_size
    count = size = 0
    waiting = [entry.path]
    while waiting:
        try:
            inner = list(os.scandir(waiting.pop()))
        except PermissionError:
            # Something is in there that only erasing will open.
            count += 1
            continue
        for one in inner:
            if one.is_dir(follow_symlinks=False):
                waiting.append(one.path)
            else:
                files, amount = _measure(one, once)
                count, size = count + files, size + amount
    return count, size


def _delete(path: Path) -> None:
    """A folder with all that is in it, also what its owner made unreadable."""
    if not path.exists():
        return
    _open(path)
    for folder, names, _ in os.walk(path):
        for name in names:
            _open(Path(folder, name))
    shutil.rmtree(path)


def _open(folder: Path) -> None:
    """`os.walk` looks into a folder only after this, and never through a link."""
    mode = folder.lstat().st_mode
    if stat.S_ISDIR(mode) and mode & 0o700 != 0o700:
        folder.chmod(0o700)


def _below(state: StateFolder, path: Path) -> str:
    return path.relative_to(state.path).as_posix()


def _pattern(hub: str) -> str:
    return f"hubs/{hub}, removed/{hub}-*"

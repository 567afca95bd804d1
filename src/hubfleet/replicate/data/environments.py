"""The software of a hub for its bundle: reviewed or built locks, and repositories."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from hubfleet.fleet.lockfile import read_lock, versions_of, write_lock
from hubfleet.fleet.software import HubEnvironment, Lock, own_python
from hubfleet.kit.errors import HubfleetError
from hubfleet.platforms.local.environments import EnvironmentStore

_NOT_TAKEN = frozenset({".git", "__pycache__", ".ipynb_checkpoints"})


def lock_text(root: Path, store: EnvironmentStore | None, wanted: HubEnvironment) -> str | None:
    """The reviewed lock as it stands, else one of what was built here; None where neither is."""
    if wanted.lock is not None:
        return (root / wanted.lock_file).read_text(encoding="utf-8")
    built = built_path(store, wanted)
    if store is None or built is None:
        return None
    resolved = store.lock_of(built).read_text(encoding="utf-8")
    python = (wanted.recipe.python if wanted.recipe else None) or own_python()
    text = write_lock(
        resolved,
        basis=wanted.lock_basis,
        python=python,
        command="hubfleet replicate export",
    )
    return text if isinstance(read_lock(text, wanted.lock_file), Lock) else None


def built_path(store: EnvironmentStore | None, wanted: HubEnvironment) -> Path | None:
    """Where the environment stands on this machine, if it does."""
    if store is None:
        return None
    try:
        path = store.existing(wanted)
    except HubfleetError:
        return None
    return path if path is not None and store.lock_of(path).is_file() else None


def requirements_of(lock: str) -> str:
    """The lock's exact versions with their hashes, as pip takes them."""
    lines = [line for line in lock.splitlines() if line.strip() and not line.startswith("#")]
    return "\n".join(lines) + "\n"


def runtime_of(lock: str) -> dict[str, str]:
    """The Python of the lock, in the file that repo2docker and `make_environments.py` read."""
    found = read_lock(lock, "")
    return {"runtime.txt": f"python-{found.python}\n"} if isinstance(found, Lock) else {}


def packages_of(lock: str | None) -> dict[str, str]:
    """Names and versions."""
    return dict(sorted(versions_of(lock).items())) if lock else {}


def files_of(folder: Path, below: str = "") -> Iterator[tuple[str, bytes, bool]]:
    """Path, content and whether it may be run, of every file of a repository; no link is
    followed, which the checks of the declaration refuse anyway.
    """
    with os.scandir(folder / below) as entries:
        listed = sorted(entries, key=lambda entry: entry.name)
    for entry in listed:
        name = f"{below}{entry.name}"
        if entry.name in _NOT_TAKEN or entry.is_symlink():
            continue
        if entry.is_dir():
            yield from files_of(folder, f"{name}/")
        elif entry.is_file():
            descriptor = os.open(folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            with os.fdopen(descriptor, "rb") as file:
                mode = os.fstat(descriptor).st_mode
                yield name, file.read(), bool(mode & stat.S_IXUSR)

"""Writing the reviewed lock of an environment into the fleet."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hubfleet.fleet.lockfile import changes, versions_of, write_lock
from hubfleet.fleet.software import HubEnvironment
from hubfleet.kit.files import write_atomically
from hubfleet.platforms.local.environments import EnvironmentStore, locked_versions

Change = tuple[str, str | None, str | None]


def raise_lock(
    store: EnvironmentStore,
    root: Path,
    wanted: HubEnvironment,
    report: Callable[[str], None],
    *,
    command: str,
    keep: bool,
) -> list[Change]:
    """Write the lock and return what differs from the last one, as (name, old, new).

    With `keep` versions stay where they still fit. Without a lock in the fleet the versions that
    the environment was built from count as the old ones.
    """
    target = root / wanted.lock_file
    previous = _previous(store, target, wanted)
    resolved, python = store.resolve(wanted, report, previous=previous if keep else "")
    text = write_lock(resolved, basis=wanted.lock_basis, python=python, command=command)
    write_atomically(target, text, mode=0o644)
    return changes(versions_of(previous), versions_of(resolved))


def _previous(store: EnvironmentStore, target: Path, wanted: HubEnvironment) -> str:
    """Names and versions only: that is all that the resolver takes from an old answer."""
    if target.is_file():
        found = versions_of(target.read_text(encoding="utf-8", errors="replace"))
    else:
        path = store.existing(wanted)
        found = locked_versions(store, path) if path is not None else {}
    return "".join(f"{name}=={version}\n" for name, version in found.items())

"""Whose home is where: the map that `servers.home_number` writes, read only."""

from __future__ import annotations

import json
from pathlib import Path

from hubfleet.fleet.model import Snapshots
from hubfleet.kit.errors import failure
from hubfleet.kit.units import parse_memory
from hubfleet.platforms.local.folders import HubFolder, StateFolder
from hubfleet.platforms.local.spec import HubSpec


def find_hub(state: StateFolder, name: str) -> HubFolder:
    """The folder of a hub that was created here; raises `no-such-hub`."""
    known = [folder.name for folder in state.known_hubs()]
    if name not in known:
        raise failure(
            "no-such-hub",
            f"no hub called {name!r} was created here",
            place=str(state.path),
            why=f"there are: {', '.join(known)}" if known else "there is none yet",
            hint="`hubfleet status` lists the hubs, `hubfleet apply` creates them",
        )
    return state.hub(name)


def quota_of(folder: HubFolder) -> int | None:
    """Bytes that a home of this hub may hold, as last applied; None for no limit."""
    storage = HubSpec.read(folder.spec).values.get("storage") or {}
    quota = storage.get("home_quota")
    return None if quota is None else parse_memory(quota)


def kept_of(folder: HubFolder) -> Snapshots:
    """How long this hub's snapshots of homes are kept, as last applied."""
    storage = HubSpec.read(folder.spec).values.get("storage") or {}
    return Snapshots.model_validate(storage.get("snapshots") or {})


def numbers_of(folder: Path) -> dict[str, int]:
    """Person -> number of their home, in order of number; raises `homes-map-damaged`."""
    path = folder / "homes.json"
    try:
        numbers = json.loads(path.read_text(encoding="utf-8"))
        return dict(
            sorted(((str(u), int(n)) for u, n in numbers.items()), key=lambda pair: pair[1])
        )
    except FileNotFoundError:
        return {}
    except (ValueError, AttributeError, TypeError, OSError) as error:
        raise failure(
            "homes-map-damaged",
            "it cannot be read whose home is which",
            place=str(path),
            why=str(error),
            hint="put the file back from a backup before anybody starts a server",
        ) from None


def number_of(folder: Path, user: str) -> int:
    """The number of one person's home; raises `no-such-person`."""
    numbers = numbers_of(folder)
    if user not in numbers:
        raise failure(
            "no-such-person",
            f"nobody called {user!r} has a home here",
            place=str(folder / "homes.json"),
            hint="`hubfleet home list HUB` shows who has; names are in lower case",
        )
    return numbers[user]


def home_numbers(folder: Path) -> list[int]:
    """Every home there is, also those that the map does not know."""
    try:
        names = [entry.name for entry in (folder / "homes").iterdir()]
    except FileNotFoundError:
        return []
    return sorted(int(name) for name in names if name.isdecimal() and str(int(name)) == name)

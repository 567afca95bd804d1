"""How much is stored on a hub of this machine, as the platform measured it last."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from hubfleet.fleet.fields import PROBE_USER
from hubfleet.platforms.local.folders import StateFolder
from hubfleet.platforms.local.homes.usage import stored_usage
from hubfleet.replicate.bundle.use import OfHub, Stored, Use


def with_stored(use: Use, names: Sequence[str], state: StateFolder) -> Use:
    """The same use with what all homes of each hub held together; nothing is measured anew."""
    hubs = dict(use.hubs)
    for name in names:
        found = _stored(state, name)
        if found is not None:
            short = name.partition("/")[2]
            hubs[short] = hubs.get(short, OfHub()).model_copy(update={"stored": found})
    return use.model_copy(update={"hubs": hubs})


def _stored(state: StateFolder, name: str) -> Stored | None:
    measured = stored_usage(state.hub(name).path)
    if measured is None:
        return None
    try:
        at = date.fromisoformat(measured.at[:10])
    except ValueError:
        return None
    homes = [home for person, home in measured.homes.items() if person != PROBE_USER]
    return Stored(bytes=sum(home.bytes for home in homes), homes=len(homes), at=at)

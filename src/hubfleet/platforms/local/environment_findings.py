"""What `validate` can say of repositories behind addresses, without asking anybody for them."""

from __future__ import annotations

from hubfleet.fleet.load import FleetErrors
from hubfleet.fleet.model import Fleet
from hubfleet.kit.errors import Problem, in_reading_order
from hubfleet.platforms.local.environments import EnvironmentStore
from hubfleet.platforms.local.folders import StateFolder


def check_fetched_repositories(fleet: Fleet, state: StateFolder) -> list[str]:
    """Look at repositories behind addresses as far as they were fetched here before.

    Raises `FleetErrors` with what is wrong with them; returns a note for each that was not.
    """
    wanted = {
        (one.url, one.ref, one.subfolder): one
        for hub in fleet.hubs.values()
        if fleet.clusters[hub.cluster].file.platform == "local"
        for one in hub.environments
        if one.url is not None
    }
    store = EnvironmentStore(state.environments)
    problems: list[Problem] = []
    notes = []
    for one in wanted.values():
        found = store.findings(one)
        if found is None:
            notes.append(
                f"{one.url} was not fetched here yet ({one.place}): what it asks for is checked "
                "when it is, before any hub is touched"
            )
        problems += found or []
    if problems:
        counts = {"hubs": len(fleet.hubs), "clusters": len(fleet.clusters)}
        told = in_reading_order(problems)
        raise FleetErrors(told, **counts, communities=len(fleet.communities))
    return notes

"""Looking at many clusters at once, of which some may be away."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from hubfleet.kit.errors import HubfleetError, Problem
from hubfleet.planning.observation import Observation
from hubfleet.platforms.platform import Platform

AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen, and why nothing is known of the other clusters, by name."""

    observations: tuple[Observation, ...] = ()
    away: Mapping[str, Problem] = field(default_factory=dict)


def look(platforms: Mapping[str, Platform]) -> Seen:
    """Observe each cluster on its platform; one that cannot be observed keeps no other waiting."""
    if not platforms:
        return Seen()
    with ThreadPoolExecutor(min(AT_ONCE, len(platforms))) as crew:
        answers = list(crew.map(_one, platforms, platforms.values()))
    found = tuple(one for one in answers if isinstance(one, Observation))
    away = {
        name: one for name, one in zip(platforms, answers, strict=True) if isinstance(one, Problem)
    }
    return Seen(found, away)


def _one(cluster: str, platform: Platform) -> Observation | Problem:
    try:
        return platform.observe(cluster)
    except HubfleetError as error:
        return error.problems[0]


def away_note(problem: Problem, hubs: int) -> str:
    """One sentence for people about a cluster with so many hubs."""
    why = f" ({problem.why})" if problem.why else ""
    told = "Its hub is left as it is." if hubs == 1 else f"Its {hubs} hubs are left as they are."
    return f"{problem.what[0].upper()}{problem.what[1:]}{why}. {told}"

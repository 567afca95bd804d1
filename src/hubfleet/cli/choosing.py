"""Turning what a person typed into declared hubs."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from hubfleet.fleet.model import Fleet, Hub
from hubfleet.kit.errors import HubfleetError, failure
from hubfleet.planning.plan import Plan, matches
from hubfleet.planning.steps import hub_name


def declared_hub(fleet: Fleet, name: str) -> Hub:
    """The hub `community/hub`; raises `unknown-hub` with the nearest name."""
    hub = fleet.hubs.get(name)
    if hub is None:
        raise _unknown(fleet, name)
    return hub


def declared_hubs(fleet: Fleet, patterns: Sequence[str]) -> list[str]:
    """Names of all hubs, or of those that match; a pattern that matches none is an error."""
    if not patterns:
        return list(fleet.hubs)
    for pattern in patterns:
        if not any(matches(name, [pattern]) for name in fleet.hubs):
            raise _unknown(fleet, pattern)
    return [name for name in fleet.hubs if matches(name, patterns)]


def known_patterns(fleet: Fleet, plan: Plan, patterns: Sequence[str]) -> Sequence[str]:
    """The patterns as they are; one that means no declared and no existing hub is an error."""
    names = {*fleet.hubs, *(hub_name(step) for step in plan.steps)}
    for pattern in patterns:
        if not any(matches(name, [pattern]) for name in names):
            raise _unknown(fleet, pattern)
    return patterns


def _unknown(fleet: Fleet, name: str) -> HubfleetError:
    near = get_close_matches(name, fleet.hubs, 1) or get_close_matches(name, fleet.communities, 1)
    hint = f"did you mean {near[0]}?" if near else "`hubfleet status` lists the hubs"
    return failure("unknown-hub", f"no hub is called {name!r}", place=str(fleet.root), hint=hint)

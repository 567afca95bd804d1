"""Short ways to act on a cluster's hubs."""

from __future__ import annotations

from typing import Any

import pytest

from hubfleet.fleet.model import Fleet
from hubfleet.kit.errors import HubfleetError, Problem
from hubfleet.planning.observation import ObservedHub
from hubfleet.planning.plan import make_plan
from hubfleet.planning.steps import CreateHub, UpdateHub
from hubfleet.platforms.kubernetes.platform import KubernetesPlatform
from hubfleet.platforms.platform import Outcome

HUB = "ant/prod"
NOT_READY = {"hub": {"annotations": {"hubfleet.test/unready": "true"}}}


def nothing(*_: str) -> None: ...


def bring_up(platform: KubernetesPlatform, fleet: Fleet) -> None:
    """Carry out the plan."""
    platform.prepare(list(fleet.hubs.values()), nothing)
    for step in make_plan(fleet, [platform.observe("reef")]).steps:
        platform.perform(step, nothing)


def create(platform: KubernetesPlatform, fleet: Fleet) -> Outcome:
    return platform.perform(CreateHub(fleet.hubs[HUB], ()), nothing)


def update(platform: KubernetesPlatform, fleet: Fleet) -> Outcome:
    return platform.perform(UpdateHub(fleet.hubs[HUB], ()), nothing)


def seen(platform: KubernetesPlatform) -> ObservedHub:
    return platform.observe("reef").hubs[HUB]


def keys_of_plan(platform: KubernetesPlatform, fleet: Fleet) -> list[str]:
    """What a plan would change, and why."""
    steps = make_plan(fleet, [platform.observe("reef")]).steps
    return [reason.key for step in steps for reason in step.reasons]


def refusal(act: Any, *arguments: Any) -> Problem:
    """The one problem that an act ends with."""
    with pytest.raises(HubfleetError) as caught:
        act(*arguments)
    (problem,) = caught.value.problems
    assert problem.hint, problem
    return problem

"""When each step begins: groups, waves, gates, and the laws that hold for all of them."""

from __future__ import annotations

from collections import Counter
from math import ceil

from hypothesis import given
from hypothesis import strategies as st

from hubfleet.fleet.model import Rollout
from hubfleet.planning.explain import schedule_as_json
from hubfleet.planning.plan import make_plan
from hubfleet.planning.schedule import schedule
from hubfleet.planning.steps import RemoveHub, StartHub
from tests.unit.planning.worlds import a_fleet, a_hub, a_world, hubs, observed_hubs, seen

ALL = ["dune", "reef"]
policies = st.builds(
    Rollout,
    waves=st.sampled_from([("100%",), ("1", "25%", "100%"), ("1", "2", "50%", "100%")]),
    canaries=st.sampled_from([(), ("ant/a",), ("ant/a", "bee/b")]),
)


def waves_of(fleet, world=None):
    made = schedule(make_plan(fleet, world or a_world(clusters=ALL)), fleet.rollout)
    return [
        (title, [item.hub for item in made.steps if item.wave == number])
        for number, title in enumerate(made.waves)
    ]


def test_a_wave_is_a_number_or_a_share_of_each_cluster_and_of_the_fleet():
    reef = [a_hub(f"ant/h{n}") for n in range(8)]
    dune = [a_hub(f"bee/h{n}", "dune") for n in range(4)]
    assert [(title, len(names)) for title, names in waves_of(a_fleet(*reef, *dune))] == [
        ("wave 1 of 3", 1),
        ("wave 2 of 3", 2),
        ("wave 3 of 3", 9),
    ]


def test_groups_follow_each_other():
    running, gone, down = a_hub("bee/new"), a_hub("cat/gone"), a_hub("dog/down")
    fleet = a_fleet(
        a_hub("ant/stage", stage="staging"),
        a_hub("ant/prod", gate="ant/stage"),
        a_hub("zoo/first"),
        running,
        down,
        canaries=("zoo/first",),
        waves=("100%",),
    )
    world = a_world(seen(gone), seen(down, state="stopped"), clusters=ALL)
    assert waves_of(fleet, world) == [
        ("starts", ["dog/down"]),
        ("staging", ["ant/stage"]),
        ("canaries", ["zoo/first"]),
        ("wave 1 of 1", ["ant/prod", "bee/new"]),
        ("removals", ["cat/gone"]),
    ]


def test_what_each_hub_waits_for_is_said():
    fleet = a_fleet(a_hub("ant/stage", stage="staging"), a_hub("ant/prod", gate="ant/stage"))
    made = schedule(make_plan(fleet, a_world(clusters=ALL)), fleet.rollout)
    assert schedule_as_json(made) == {
        "waves": [
            {"wave": "staging", "hubs": [{"hub": "ant/stage", "gates": [], "why": ""}]},
            {
                "wave": "wave 1 of 1",
                "hubs": [
                    {
                        "hub": "ant/prod",
                        "gates": ["ant/stage"],
                        "why": "after staging and its gate ant/stage",
                    }
                ],
            },
        ],
        "checks": [],
    }


def test_a_gate_that_the_plan_does_not_change_is_checked_first():
    stage = a_hub("ant/stage", stage="staging")
    fleet = a_fleet(stage, a_hub("ant/prod", gate="ant/stage"))
    made = schedule(make_plan(fleet, a_world(seen(stage))), fleet.rollout)
    assert made.checks == ("ant/stage",)


@given(hubs(), observed_hubs(), policies, st.randoms(use_true_random=False))
def test_laws_of_the_schedule(declared, observed, policy, random):
    policy = known_canaries(declared, policy)
    plan = make_plan(a_fleet(*declared), a_world(*observed, clusters=ALL))
    made = schedule(plan, policy)
    steps = list(plan.steps)
    random.shuffle(steps)
    again = schedule(type(plan)(tuple(steps), plan.existing), policy)
    assert again == made, "the order of the steps does not matter"
    assert Counter(item.step.__class__ for item in made.steps) == Counter(
        step.__class__ for step in plan.steps
    )
    wave = {item.hub: item.wave for item in made.steps}
    for item in made.steps:
        for gate in item.gates:
            assert gate in made.checks or wave[gate] <= item.wave
            assert gate != item.hub
    staging = [i.wave for i in made.steps if made.waves[i.wave] == "staging"]
    later = [
        i.wave
        for i in made.steps
        if not isinstance(i.step, RemoveHub | StartHub) and i.step.hub.stage == "production"
    ]
    assert not staging or all(number > max(staging) for number in later)


@given(hubs(), policies)
def test_no_wave_is_larger_than_the_policy_says(declared, policy):
    policy = known_canaries(declared, policy)
    made = schedule(make_plan(a_fleet(*declared), a_world(clusters=ALL)), policy)
    waves = [number for number, title in enumerate(made.waves) if title.startswith("wave")]
    for cluster in (None, *ALL):
        mine = [i for i in made.steps if i.wave in waves and cluster in (None, i.cluster)]
        # A size that adds nobody makes no wave; so the n-th wave has the n-th size or a later one.
        largest = [_amount(size, len(mine)) for size in policy.waves]
        reached = [sum(item.wave <= number for item in mine) for number in waves]
        assert not mine or reached[-1] == len(mine)
        skipped = len(policy.waves) - len(waves)
        for number, changed in enumerate(reached):
            # In a small fleet a later share may be fewer hubs than an earlier number.
            assert changed <= max(largest[: number + skipped + 1])


def known_canaries(declared, policy):
    """What the checks of a declaration make sure of: canaries are hubs and wait for nobody."""
    free = {hub.name for hub in declared if hub.gate is None}
    canaries = tuple(name for name in policy.canaries if name in free)
    return policy.model_copy(update={"canaries": canaries})


def _amount(size, of):
    return ceil(int(size[:-1]) * of / 100) if size.endswith("%") else int(size)

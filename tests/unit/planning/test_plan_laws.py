"""The laws of planning (design of the product §8) over random fleets and worlds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hubfleet.planning.plan import make_plan
from hubfleet.planning.steps import RemoveHub, hub_name
from tests.unit.planning.worlds import a_fleet, a_world, hubs, obey, observed_hubs

ALL = ["dune", "reef"]


@given(hubs(), observed_hubs())
def test_a_plan_against_its_own_result_is_empty(declared, observed):
    world = a_world(*observed, clusters=ALL)
    plan = make_plan(a_fleet(*declared), world)
    after = obey(world, plan.steps, ALL)
    assert make_plan(a_fleet(*declared), after).steps == ()


@given(hubs(), observed_hubs(), st.randoms(use_true_random=False))
def test_planning_does_not_depend_on_the_order_of_its_input(declared, observed, random):
    first = make_plan(a_fleet(*declared), a_world(*observed, clusters=ALL))
    random.shuffle(declared)
    random.shuffle(observed)
    world = a_world(*observed, clusters=ALL)
    random.shuffle(world)
    second = make_plan(a_fleet(*declared), world)
    assert second == first
    assert second.fingerprint == first.fingerprint


@given(hubs(), observed_hubs())
def test_no_step_is_without_a_reason_and_no_reason_without_a_difference(declared, observed):
    plan = make_plan(a_fleet(*declared), a_world(*observed, clusters=ALL))
    for step in plan.steps:
        assert step.reasons
        for reason in step.reasons:
            assert reason.old != reason.new


@given(hubs(), observed_hubs())
def test_every_hub_has_at_most_one_step_and_removals_are_of_undeclared_hubs(declared, observed):
    fleet = a_fleet(*declared)
    plan = make_plan(fleet, a_world(*observed, clusters=ALL))
    names = [hub_name(step) for step in plan.steps]
    assert len(names) == len(set(names))
    assert {n for n in names if n not in fleet.hubs} == {
        step.name for step in plan.steps if isinstance(step, RemoveHub)
    }


@given(hubs(), observed_hubs())
def test_staging_precedes_production_and_removals_come_last(declared, observed):
    plan = make_plan(a_fleet(*declared), a_world(*observed, clusters=ALL))
    kinds = [
        2 if isinstance(step, RemoveHub) else step.hub.stage == "production" for step in plan.steps
    ]
    assert kinds == sorted(kinds)

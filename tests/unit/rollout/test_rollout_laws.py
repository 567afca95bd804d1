"""The laws of rollouts (design of the product §8) over random fleets, policies and failures."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from hubfleet.fleet.model import Rollout
from hubfleet.planning.plan import make_plan
from hubfleet.planning.schedule import schedule
from hubfleet.planning.steps import RemoveHub, StartHub
from hubfleet.platforms.simulated_script import HubScript
from hubfleet.platforms.simulated_world import SimulatedHub
from tests.unit.planning.test_schedule import known_canaries
from tests.unit.planning.worlds import a_fleet, hubs, names, observed_hubs
from tests.unit.rollout.stages import CLUSTERS, Stage, fates

scripts = st.builds(
    HubScript,
    act=st.sampled_from([0.0, 1.0, 7.0]),
    act_fails=st.booleans(),
    snapshot_fails=st.booleans(),
    transient=st.integers(0, 4),
    cold=st.integers(0, 4),
    verdict=st.sampled_from(["healthy", "healthy", "degraded", "failed"]),
)
policies = st.fixed_dictionaries(
    {
        "max_parallel": st.integers(1, 5),
        "per_cluster": st.integers(1, 3),
        "stop_after_failures": st.integers(1, 9),
        "waves": st.sampled_from([("100%",), ("1", "50%", "100%")]),
        "on_degraded": st.sampled_from(["go", "stop"]),
        "canaries": st.sampled_from([(), ("ant/a",)]),
    }
)
FATES = {"done", "rolled-back", "failed", "held"}


def staged(observed):
    stage = Stage()
    for hub in observed:
        stage.world.hubs[hub.name] = SimulatedHub(
            hub.cluster, hub.state, hub.values, hub.software, hub.revision
        )
    return stage


@settings(max_examples=150, deadline=None)
@given(hubs(fewest=3), observed_hubs(), policies, st.dictionaries(names, scripts))
def test_laws_of_a_rollout(declared, observed, policy, told):
    fleet = a_fleet(*declared)
    fleet = replace(fleet, rollout=known_canaries(declared, Rollout(**policy)))
    stage = staged(observed)
    before = [stage.platform_of().observe(name) for name in CLUSTERS]
    plan = make_plan(fleet, before)
    made = schedule(plan, fleet.rollout)
    report = stage.run(fleet, told)
    ended = fates(report)

    assert {item.hub for item in made.steps} <= set(ended), "every step has a fate"
    assert set(ended.values()) <= FATES
    begun = stage.phases("begun")
    assert len(begun) == len(set(begun)), "nothing is begun twice"
    for item in made.steps:
        if item.hub not in begun:
            continue
        for gate in item.gates:
            assert ended[gate] == "done", "no hub changes before its gate is healthy"
            assert stage.at(gate, "done") < stage.at(item.hub, "begun")
    _waves_are_respected(made, stage, begun)
    _limits_are_kept(stage, policy)
    _a_failure_holds_only_its_dependants(made, ended, policy)
    for item in made.steps:
        now = stage.world.hubs.get(item.hub)
        if isinstance(item.step, RemoveHub):
            assert (now is None) == (ended[item.hub] == "done")
        elif ended[item.hub] == "done":
            assert now is not None
            assert now.values == item.step.hub.flat(), "what is done is as declared"
        elif ended[item.hub] in ("held", "rolled-back") and now is not None:
            was = next(o.hubs[item.hub] for o in before if item.hub in o.hubs)
            assert now.values == was.values, "what is not done is as it was"
    if report.ok:
        after = [stage.platform_of().observe(name) for name in CLUSTERS]
        left = make_plan(fleet, after).steps
        assert left == (), "a finished rollout equals the declaration"


def _waves_are_respected(made, stage, begun):
    wave = {item.hub: item.wave for item in made.steps}
    ends = {e.hub: n for n, e in enumerate(stage.events) if e.phase in FATES}
    for hub in begun:
        for other, number in wave.items():
            if number < wave.get(hub, 0):
                assert ends[other] < stage.at(hub, "begun"), "a wave waits for the one before"


def _limits_are_kept(stage, policy):
    running: dict[str, str] = {}
    for event in stage.events:
        if event.phase == "begun" and event.hub:
            running[event.hub] = event.cluster
        elif event.phase in FATES:
            running.pop(event.hub, None)
        assert len(running) <= policy["max_parallel"]
        for cluster in CLUSTERS:
            assert list(running.values()).count(cluster) <= policy["per_cluster"]


def _a_failure_holds_only_its_dependants(made, ended, policy):
    failures = sum(ended[item.hub] in ("failed", "rolled-back") for item in made.steps)
    if failures >= policy["stop_after_failures"]:
        return
    for item in made.steps:
        if ended[item.hub] == "held":
            assert any(ended[gate] != "done" for gate in item.gates)
        assert not isinstance(item.step, StartHub) or ended[item.hub] != "held"

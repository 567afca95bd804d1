"""The walk over a plan: order, limits, failures, the journal."""

from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import strategies as st

from hubfleet.planning.plan import make_plan
from hubfleet.planning.steps import RemoveHub, hub_name
from hubfleet.rollout import engine
from tests.unit.planning.worlds import a_fleet, a_hub, a_world, hubs, observed_hubs, seen
from tests.unit.rollout.stages import ListJournal, PretendPlatform

CLUSTERS = ["dune", "reef"]


def walk(fleet, world, platform, journal=None, listen=lambda name, phase: None):
    plan = make_plan(fleet, world)
    platforms = dict.fromkeys(CLUSTERS, platform)
    return engine.run(plan, platforms, fleet.rollout, journal or ListJournal(), listen)


def fates(report):
    return {hub_name(result.step): result.fate for result in report.results}


def test_a_production_hub_waits_for_its_gate():
    fleet = a_fleet(
        a_hub("ant/prod", gate="ant/stage"), a_hub("ant/stage", stage="staging"), max_parallel=4
    )
    platform = PretendPlatform()
    report = walk(fleet, a_world(clusters=CLUSTERS), platform)
    assert report.ok
    assert platform.acts.index(("end", "ant/stage")) < platform.acts.index(("begin", "ant/prod"))


def test_a_failed_gate_holds_only_the_hubs_that_depend_on_it():
    fleet = a_fleet(
        a_hub("ant/stage", stage="staging"),
        a_hub("ant/prod", gate="ant/stage"),
        a_hub("ant/last", gate="ant/prod"),
        a_hub("bee/prod"),
        stop_after_failures=9,
    )
    report = walk(fleet, a_world(clusters=CLUSTERS), PretendPlatform({"ant/stage"}))
    assert fates(report) == {
        "ant/stage": "failed",
        "ant/prod": "held",
        "ant/last": "held",
        "bee/prod": "done",
    }
    (held,) = [result for result in report.results if hub_name(result.step) == "ant/prod"]
    assert str(held.problems[0]) == (
        "error[gate-failed]: ant/prod was left as it is\n"
        "  why: its gate ant/stage is not healthy\n"
        "  hint: mend ant/stage, then run `hubfleet apply` again"
    )


def test_after_too_many_failures_nothing_new_begins():
    fleet = a_fleet(*(a_hub(f"ant/h{n}") for n in range(5)), max_parallel=1, stop_after_failures=2)
    platform = PretendPlatform({"ant/h0", "ant/h1"})
    report = walk(fleet, a_world(clusters=CLUSTERS), platform)
    assert fates(report) == {
        "ant/h0": "failed",
        "ant/h1": "failed",
        "ant/h2": "held",
        "ant/h3": "held",
        "ant/h4": "held",
    }
    assert str(report.of("held")[0].problems[0]) == (
        "error[not-begun]: ant/h2 was left as it is\n"
        "  why: the rollout stopped after 2 failed\n"
        "  hint: run `hubfleet apply` again to go on"
    )


def test_a_bug_in_one_step_is_a_failure_of_that_hub_alone():
    fleet = a_fleet(a_hub("ant/a"), a_hub("ant/b"), stop_after_failures=5)
    report = walk(fleet, a_world(clusters=CLUSTERS), PretendPlatform(bug={"ant/a"}))
    assert fates(report) == {"ant/a": "failed", "ant/b": "done"}
    assert "ZeroDivisionError('a bug')" in report.results[0].problems[0].what


def test_every_intention_is_journalled_before_its_act_and_every_outcome_after():
    journal, order = ListJournal(), []

    class Watching(PretendPlatform):
        def perform(self, step, report):
            order.append([entry["kind"] for entry in journal.entries])
            return super().perform(step, report)

    fleet = a_fleet(a_hub("ant/a"), max_parallel=1)
    walk(fleet, a_world(clusters=CLUSTERS), Watching(), journal)
    assert order == [["rollout", "intent"]]
    assert [entry["kind"] for entry in journal.entries] == ["rollout", "intent", "outcome", "end"]


def test_ctrl_c_finishes_what_is_under_way_and_begins_nothing_new(monkeypatch):
    fleet = a_fleet(a_hub("ant/a"), a_hub("ant/b"), max_parallel=1)
    go_on = threading.Event()

    class Slow(PretendPlatform):
        def perform(self, step, report):
            assert go_on.wait(10)
            return super().perform(step, report)

    real_wait = engine.wait

    def wait_then_interrupt(*args, **options):
        if not go_on.is_set():
            go_on.set()
            raise KeyboardInterrupt
        return real_wait(*args, **options)

    monkeypatch.setattr(engine, "wait", wait_then_interrupt)
    report = walk(fleet, a_world(clusters=CLUSTERS), Slow())
    assert report.interrupted
    assert not report.ok
    assert fates(report) == {"ant/a": "done", "ant/b": "held"}


@given(hubs(), observed_hubs(), st.sets(st.integers(0, 12)), st.integers(1, 4))
def test_laws_of_the_walk(declared, observed, broken_at, parallel):
    fleet = a_fleet(*declared, max_parallel=parallel, stop_after_failures=3)
    world = a_world(*observed, clusters=CLUSTERS)
    plan = make_plan(fleet, world)
    broken = {hub_name(step) for n, step in enumerate(plan.steps) if n in broken_at}
    platform = PretendPlatform(broken)
    report = walk(fleet, world, platform)
    told = fates(report)

    assert set(told) == {hub_name(step) for step in plan.steps}, "every step has a fate"
    assert platform.most_at_once <= parallel
    begun = [name for kind, name in platform.acts if kind == "begin"]
    assert len(begun) == len(set(begun)), "nothing is done twice"
    for step in plan.steps:
        name = hub_name(step)
        if isinstance(step, RemoveHub):
            continue
        gate = step.hub.gate
        if gate in told and name in begun:
            assert told[gate] == "done"
            end = platform.acts.index(("end", gate))
            assert end < platform.acts.index(("begin", name)), "a gate comes first"


def test_removals_wait_for_everything_else():
    fleet = a_fleet(a_hub("ant/a"), max_parallel=4)
    world = a_world(seen(a_hub("aaa/old")), clusters=CLUSTERS)
    platform = PretendPlatform()
    walk(fleet, world, platform)
    assert [name for kind, name in platform.acts if kind == "begin"] == ["ant/a", "aaa/old"]

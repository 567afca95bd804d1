"""The plan: what it holds, in which order, and what it refuses."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hubfleet.kit.errors import Place
from hubfleet.planning.explain import explain, plan_as_json, summary
from hubfleet.planning.plan import Allowance, Plan, make_plan, refusals
from hubfleet.planning.steps import CreateHub, Reason, RemoveHub, StartHub, UpdateHub, hub_name
from tests.unit.planning.worlds import SOFTWARE, a_fleet, a_hub, a_world, seen


def test_a_hub_that_nobody_has_yet_is_created_with_all_that_was_declared():
    hub = a_hub("ant/prod", memory="2G")
    plan = make_plan(a_fleet(hub), a_world(clusters=["reef"]))
    (step,) = plan.steps
    assert isinstance(step, CreateHub)
    keys = [reason.key for reason in step.reasons]
    assert keys == ["cluster", "memory", "stage"], "product defaults are no reason"
    assert Reason("memory", None, "2G", hub.effective["memory"].place) in step.reasons


def test_a_changed_value_updates_and_names_its_line():
    hub = a_hub("ant/prod", memory="2G")
    plan = make_plan(a_fleet(hub), a_world(seen(hub, values={**hub.flat(), "memory": "1G"})))
    place = Place("communities/ant/hubs/prod.yaml", 4, 1)
    assert plan.steps == (UpdateHub(hub, (Reason("memory", "1G", "2G", place),)),)


def test_a_value_that_is_no_longer_declared_falls_back_and_names_the_hub_file():
    hub = a_hub("ant/prod")
    plan = make_plan(a_fleet(hub), a_world(seen(hub, values={**hub.flat(), "title": "Old"})))
    assert plan.steps == (UpdateHub(hub, (Reason("title", "Old", None, hub.place),)),)


@pytest.mark.parametrize("state", ["hanging", "stopped", "crashed"])
def test_a_hub_that_does_not_run_is_started(state):
    hub = a_hub("ant/prod")
    plan = make_plan(a_fleet(hub), a_world(seen(hub, state=state)))
    assert plan.steps == (StartHub(hub, (Reason("state", state, "running"),)),)


def test_a_hub_that_is_starting_is_left_alone():
    hub = a_hub("ant/prod")
    assert make_plan(a_fleet(hub), a_world(seen(hub, state="starting"))).steps == ()


def test_other_software_is_a_reason_to_update():
    hub = a_hub("ant/prod")
    old = seen(hub, software={**SOFTWARE, "jupyterhub": "5"})
    (step,) = make_plan(a_fleet(hub), a_world(old)).steps
    assert step == UpdateHub(hub, (Reason("software.jupyterhub", "5", "6"),))


def test_a_hub_that_people_would_not_find_any_more_is_updated():
    hub = a_hub("ant/prod")
    here = seen(hub, url="http://prod-ant.localhost:8000/")
    worlds = {port: [replace(w, port=port) for w in a_world(here)] for port in (8000, 9000)}
    assert make_plan(a_fleet(hub), worlds[8000]).steps == ()
    (step,) = make_plan(a_fleet(hub), worlds[9000]).steps
    assert step == UpdateHub(hub, (Reason("port", 8000, 9000),))


def test_a_moved_hub_is_updated_not_removed_and_created():
    hub = a_hub("ant/prod", "dune")
    before = seen(a_hub("ant/prod", "reef"))
    (step,) = make_plan(a_fleet(hub), a_world(before, clusters=["dune", "reef"])).steps
    assert isinstance(step, UpdateHub)
    assert [(r.key, r.old, r.new) for r in step.reasons] == [("cluster", "reef", "dune")]


def test_what_nobody_declares_is_removed_from_where_it_is():
    gone = seen(a_hub("bee/prod", "dune"))
    (step,) = make_plan(a_fleet(), a_world(gone)).steps
    assert step == RemoveHub("bee/prod", "dune", (Reason("hub", "declared", None),))


def test_staging_comes_first_and_removals_last():
    fleet = a_fleet(
        a_hub("ant/prod", gate="ant/stage"),
        a_hub("bee/free"),
        a_hub("zoo/stage", "zebra", stage="staging"),
        a_hub("ant/stage", stage="staging"),
    )
    plan = make_plan(fleet, a_world(seen(a_hub("aaa/old")), clusters=["reef", "zebra"]))
    order = [hub_name(step) for step in plan.steps]
    assert order == ["ant/stage", "zoo/stage", "bee/free", "ant/prod", "aaa/old"]


def test_only_narrows_by_hub_community_or_pattern():
    fleet = a_fleet(a_hub("ant/a"), a_hub("ant/b"), a_hub("bee/a"))
    plan = make_plan(fleet, a_world(clusters=["reef"]))

    def left(*patterns):
        return [hub_name(step) for step in plan.only(patterns).steps]

    assert left("ant/a") == ["ant/a"]
    assert left("ant") == ["ant/a", "ant/b"]
    assert left("*/a") == ["ant/a", "bee/a"]
    assert left() == ["ant/a", "ant/b", "bee/a"]


def test_removals_are_refused_until_they_are_allowed():
    plan = make_plan(a_fleet(), a_world(seen(a_hub("ant/a")), seen(a_hub("ant/b"))))
    (problem,) = refusals(plan)
    assert str(problem) == (
        "error[removal-not-allowed]: the plan removes 2 hubs: ant/a, ant/b\n"
        "  why: they exist, but the fleet no longer declares them\n"
        "  hint: add --allow-removals, or declare them again; "
        "people's files are kept in the state folder"
    )
    assert refusals(plan, Allowance(removals=True)) == ()


def many(count, changed):
    hubs = [a_hub(f"ant/h{number}", memory="2G") for number in range(count)]
    observed = [
        seen(hub, values={**hub.flat(), "memory": "1G" if number < changed else "2G"})
        for number, hub in enumerate(hubs)
    ]
    return make_plan(a_fleet(*hubs), a_world(*observed))


def test_a_plan_that_changes_too_much_is_refused_with_its_numbers():
    (problem,) = refusals(many(10, 4))
    assert str(problem) == (
        "error[too-much-change]: the plan changes 4 of 10 hubs (40%)\n"
        "  why: more than 30% at once is often a mistake in a shared layer\n"
        "  hint: look at the plan; narrow it with --only, or add --force if it is meant"
    )
    assert refusals(many(10, 4), Allowance(force=True)) == ()


def test_a_change_of_a_few_hubs_or_of_a_small_fleet_is_not_refused():
    assert refusals(many(10, 3)) == ()
    assert refusals(many(9, 9)) == ()


def test_the_fingerprint_stands_for_changes_not_for_lines():
    hub = a_hub("ant/prod", memory="2G")
    world = a_world(seen(hub, values={**hub.flat(), "memory": "1G"}))
    first = make_plan(a_fleet(hub), world)
    effective = {
        key: replace(value, place=value.place and replace(value.place, line=99))
        for key, value in hub.effective.items()
    }
    moved = make_plan(a_fleet(replace(hub, effective=effective)), world)
    assert moved.fingerprint == first.fingerprint
    assert len(first.fingerprint) == 16
    other = make_plan(a_fleet(a_hub("ant/prod", memory="3G")), world)
    assert other.fingerprint != first.fingerprint


def test_the_json_has_the_keys_that_scripts_rely_on():
    hub = a_hub("ant/prod", memory="2G")
    plan = make_plan(a_fleet(hub), a_world(seen(hub, values={**hub.flat(), "memory": "1G"})))
    assert plan_as_json(plan) == {
        "fingerprint": plan.fingerprint,
        "steps": [
            {
                "hub": "ant/prod",
                "cluster": "reef",
                "action": "update",
                "reasons": [
                    {
                        "key": "memory",
                        "old": "1G",
                        "new": "2G",
                        "place": "communities/ant/hubs/prod.yaml:4:1",
                    }
                ],
            }
        ],
        "refusals": [],
    }


def test_steps_and_plans_are_said_in_words():
    hub = a_hub("ant/prod")
    assert explain(CreateHub(hub, ())) == "create ant/prod on reef (production)"
    assert explain(UpdateHub(hub, ())) == "update ant/prod on reef (production)"
    assert explain(StartHub(hub, ())) == "start ant/prod on reef (production)"
    removal = RemoveHub("ant/prod", "reef", ())
    assert explain(removal) == "remove ant/prod from reef; people's files are kept"
    assert summary(Plan((CreateHub(hub, ()), removal))) == "1 to create, 1 to remove"
    assert summary(Plan(())) == "nothing to do: every hub is as declared"


def test_a_gate_or_a_stage_is_nothing_that_a_running_hub_must_know():
    before, after = a_hub("ant/prod", gate="ant/stage"), a_hub("ant/prod", stage="staging")
    assert make_plan(a_fleet(after), a_world(seen(before))).steps == ()


def test_a_start_that_migrates_the_database_is_a_change_with_a_reason():
    hub = a_hub("ant/prod")
    world = a_world(seen(hub, state="stopped", migration=("old", "new")))
    (step,) = make_plan(a_fleet(hub), world).steps
    assert isinstance(step, UpdateHub)
    assert [(reason.key, reason.old, reason.new) for reason in step.reasons] == [
        ("database schema", "old", "new"),
        ("state", "stopped", "running"),
    ]


def test_a_hub_that_closes_and_is_declared_again_is_opened_again():
    hub = a_hub("ant/prod")
    (step,) = make_plan(a_fleet(hub), a_world(seen(hub, closing="2026-03-01T12:10:00Z"))).steps
    assert isinstance(step, StartHub)
    assert step.reasons[0].old == "closing at 2026-03-01T12:10:00Z"

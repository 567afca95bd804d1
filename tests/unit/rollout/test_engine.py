"""The walk over a schedule: order, limits, gates, rollback, failures, the journal."""

from __future__ import annotations

import pytest

from hubfleet.kit.errors import HubfleetError, Problem, TransientError, failure
from hubfleet.platforms.simulated import SimulatedPlatform
from hubfleet.platforms.simulated_script import HubScript
from hubfleet.rollout.journal import MemoryJournal
from hubfleet.rollout.ports import ActEnded, ActIntended, GateJudged, RevisionMade
from hubfleet.rollout.stop import Stop
from tests.unit.planning.worlds import SOFTWARE, a_fleet, a_hub
from tests.unit.rollout.stages import FAILS, SICK, Stage, fates


def pair(**values):
    """A staging hub and the production hub behind it."""
    return (
        a_hub("ant/prod", gate="ant/stage", **values),
        a_hub("ant/stage", stage="staging", **values),
    )


def test_a_production_hub_waits_until_its_gate_is_healthy():
    stage = Stage()
    report = stage.run(a_fleet(*pair(), max_parallel=4))
    assert report.ok
    assert stage.at("ant/stage", "done") < stage.at("ant/prod", "begun")
    assert stage.at("ant/stage", "probing") < stage.at("ant/stage", "done")


def test_a_failed_gate_holds_only_the_hubs_that_depend_on_it():
    fleet = a_fleet(
        a_hub("ant/stage", stage="staging"),
        a_hub("ant/prod", gate="ant/stage"),
        a_hub("ant/last", gate="ant/prod"),
        a_hub("bee/prod"),
        stop_after_failures=9,
    )
    report = Stage().run(fleet, {"ant/stage": FAILS})
    assert fates(report) == {
        "ant/stage": "failed",
        "ant/prod": "held",
        "ant/last": "held",
        "bee/prod": "done",
    }
    (held,) = [result for result in report.results if result.hub == "ant/prod"]
    assert str(held.problems[0]) == (
        "error[gate-failed]: ant/prod was left as it is\n"
        "  why: its gate ant/stage is not healthy\n"
        "  hint: mend ant/stage, then run `hubfleet apply` again"
    )


def test_a_production_hub_may_be_the_gate_of_another_in_its_wave():
    stage = Stage()
    fleet = a_fleet(a_hub("ant/z"), a_hub("ant/b", gate="ant/z"), waves=("100%",))
    assert stage.run(fleet).ok
    assert stage.at("ant/z", "done") < stage.at("ant/b", "begun")


def test_a_gate_outside_of_the_plan_is_probed_before_anything_waits_for_it():
    stage = Stage()
    assert stage.run(a_fleet(*pair())).ok
    changed = a_fleet(a_hub("ant/prod", gate="ant/stage", memory="2G"), pair()[1])
    report = stage.run(changed, {"ant/stage": HubScript(verdict="failed", always=True)})
    assert fates(report) == {"ant/stage": "failed", "ant/prod": "held"}
    assert not report.ok
    assert "memory" not in stage.world.hubs["ant/prod"].values


def test_canaries_gate_every_production_hub_without_a_gate():
    stage = Stage()
    fleet = a_fleet(a_hub("ant/prod"), a_hub("zoo/prod"), canaries=("zoo/prod",))
    report = stage.run(fleet, {"zoo/prod": SICK})
    assert fates(report) == {"zoo/prod": "failed", "ant/prod": "held"}
    assert Stage().run(fleet).ok


def test_after_too_many_failures_later_hubs_are_held():
    fleet = a_fleet(*(a_hub(f"ant/h{n}") for n in range(5)), max_parallel=1, stop_after_failures=2)
    report = Stage().run(fleet, {"ant/h0": FAILS, "ant/h1": FAILS})
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


def changed_pair(stage):
    assert stage.run(a_fleet(*pair(memory="1G"))).ok
    return a_fleet(*pair(memory="2G"))


def test_a_hub_that_comes_up_but_whose_spawns_fail_goes_back_to_its_snapshot():
    stage = Stage()
    report = stage.run(changed_pair(stage), {"ant/stage": SICK})
    assert fates(report) == {"ant/stage": "rolled-back", "ant/prod": "held"}
    back = stage.world.hubs["ant/stage"]
    assert (back.values["memory"], back.state, back.revision) == ("1G", "running", 3)
    (result,) = report.of("rolled-back")
    assert str(result.problems[0]).startswith(
        "error[gate-not-passed]: ant/stage is failed: it was probed 3 times\n  why: spawner: "
    )
    revisions = [e for e in stage.journal.entries if isinstance(e, RevisionMade)]
    told = [(e.hub, e.revision, e.action, e.values["memory"]) for e in revisions[-2:]]
    assert told == [("ant/stage", 2, "update", "2G"), ("ant/stage", 3, "roll-back", "1G")]
    assert revisions[-1].who == "ada"
    assert revisions[-1].why == "a reason"


def test_an_act_that_fails_is_rolled_back_too():
    stage = Stage()
    report = stage.run(changed_pair(stage), {"ant/stage": FAILS})
    assert fates(report)["ant/stage"] == "rolled-back"
    assert stage.world.hubs["ant/stage"].state == "running"


def test_without_a_snapshot_nothing_is_changed():
    stage = Stage()
    before = None
    fleet = changed_pair(stage)
    before = dict(stage.world.hubs)
    report = stage.run(fleet, {"ant/stage": HubScript(snapshot_fails=True)})
    assert fates(report) == {"ant/stage": "failed", "ant/prod": "held"}
    assert stage.world.hubs == before
    assert report.of("failed")[0].problems[0].code == "snapshot-not-written"


def test_a_cold_start_is_told_from_a_failure():
    stage = Stage()
    report = stage.run(a_fleet(a_hub("ant/prod")), {"ant/prod": HubScript(cold=2)})
    assert report.ok
    assert report.results[0].attempts == 3
    assert report.results[0].note == "cold start: healthy at attempt 3"


@pytest.mark.parametrize(("policy", "fate"), [("go", "done"), ("stop", "failed")])
def test_whether_a_degraded_hub_passes_is_the_operators_choice(policy, fate):
    fleet = a_fleet(a_hub("ant/prod"), on_degraded=policy)
    report = Stage().run(fleet, {"ant/prod": HubScript(verdict="degraded")})
    assert fates(report) == {"ant/prod": fate}


def test_only_a_failure_that_may_go_away_is_tried_again():
    stage = Stage()
    assert stage.run(a_fleet(a_hub("ant/prod")), {"ant/prod": HubScript(transient=2)}).ok
    worse = Stage().run(a_fleet(a_hub("ant/prod")), {"ant/prod": HubScript(transient=3)})
    assert fates(worse) == {"ant/prod": "failed"}


def test_what_a_try_did_that_broke_off_counts_as_done():
    stage = Stage()

    class BreaksOff(SimulatedPlatform):
        tries = 0

        def perform(self, step, report):
            done = super().perform(step, report)
            self.tries += 1
            if self.tries == 1:
                raise TransientError(Problem("keeper-gone", "the keeper ended"))
            return done

    stage.platform = BreaksOff(stage.world, None, stage.crew.sleep, SOFTWARE)
    assert stage.run(a_fleet(a_hub("ant/prod"))).ok
    made = [entry for entry in stage.journal.entries if isinstance(entry, RevisionMade)]
    assert [(entry.hub, entry.revision) for entry in made] == [("ant/prod", 1)]


def test_an_act_over_its_limit_is_given_up_and_holds_its_dependants():
    stage = Stage()
    fleet = a_fleet(*pair(), a_hub("bee/prod"), act_limit="60s", stop_after_failures=5)
    report = stage.run(fleet, {"ant/stage": HubScript(act=100000)})
    assert fates(report) == {"ant/stage": "failed", "ant/prod": "held", "bee/prod": "done"}
    assert report.of("failed")[0].problems[0].code == "act-too-slow"
    assert report.seconds < 120


def test_every_intention_is_journalled_before_its_act_and_every_outcome_after():
    stage = Stage()
    order = []

    class Watching(SimulatedPlatform):
        def perform(self, step, report):
            order.append([type(entry) for entry in stage.journal.entries][-1])
            return super().perform(step, report)

    stage.platform = Watching(stage.world, None, stage.crew.sleep, {})
    stage.run(a_fleet(a_hub("ant/a")), probes=False)
    assert order == [ActIntended]
    kinds = [type(entry).__name__ for entry in stage.journal.entries]
    assert kinds == [
        "RolloutBegun",
        "ActIntended",
        "ActEnded",
        "RevisionMade",
        "HubSettled",
        "RolloutEnded",
    ]


def test_a_bug_in_one_step_is_a_failure_of_that_hub_alone():
    stage = Stage()

    class Buggy(SimulatedPlatform):
        def perform(self, step, report):
            if step.hub.name == "ant/a":
                raise ZeroDivisionError("a bug")
            return super().perform(step, report)

    stage.platform = Buggy(stage.world, None, stage.crew.sleep, {})
    report = stage.run(a_fleet(a_hub("ant/a"), a_hub("ant/b"), stop_after_failures=5))
    assert fates(report) == {"ant/a": "failed", "ant/b": "done"}
    assert "ZeroDivisionError('a bug')" in report.results[0].problems[0].what


def test_a_stop_finishes_what_is_under_way_and_begins_nothing_new():
    stage = Stage()

    class Stopping(SimulatedPlatform):
        def perform(self, step, report):
            stage.stop.request()
            return super().perform(step, report)

    stage.platform = Stopping(stage.world, None, stage.crew.sleep, {})
    report = stage.run(a_fleet(a_hub("ant/a"), a_hub("ant/b"), max_parallel=1))
    assert report.interrupted
    assert not report.ok
    assert fates(report) == {"ant/a": "done", "ant/b": "held"}
    assert stage.journal.cut_off() is None, "a person wanted this end"


def test_a_second_stop_leaves_at_once():
    stop = Stop()
    stop.request()
    with pytest.raises(KeyboardInterrupt):
        stop.request()


def test_a_journal_that_refuses_means_that_nothing_is_done():
    class Full(MemoryJournal):
        def write(self, entry):
            raise failure("journal-not-written", "the journal cannot be written")

    stage = Stage(journal=Full())
    with pytest.raises(HubfleetError, match="journal-not-written"):
        stage.run(a_fleet(a_hub("ant/a")))
    assert stage.world.hubs == {}


def test_a_journal_that_fails_half_way_stops_what_has_not_begun():
    class Filling(MemoryJournal):
        def write(self, entry):
            if isinstance(entry, GateJudged):
                raise failure("journal-not-written", "the journal cannot be written")
            super().write(entry)

    stage = Stage(journal=Filling())
    report = stage.run(a_fleet(a_hub("ant/a"), a_hub("ant/b"), max_parallel=1))
    assert not report.ok
    assert fates(report) == {"ant/a": "failed", "ant/b": "held"}
    assert [e for e in stage.journal.entries if isinstance(e, ActEnded)]


def test_removals_wait_for_everything_else():
    stage = Stage()
    assert stage.run(a_fleet(a_hub("aaa/old"))).ok
    stage.events.clear()
    stage.run(a_fleet(a_hub("ant/a"), max_parallel=4))
    assert stage.phases("begun") == ["ant/a", "aaa/old"]


def test_a_pause_between_waves_is_kept():
    fleet = a_fleet(*(a_hub(f"ant/h{n}") for n in range(3)), pause_between="10m")
    assert Stage().run(fleet).seconds > 600

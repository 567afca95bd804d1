"""A hub that is removed: people are told and waited for, and the wait can be cut off."""

from __future__ import annotations

import pytest

from hubfleet.platforms.simulated import SimulatedPlatform
from hubfleet.platforms.simulated_script import HubScript, Script
from hubfleet.rollout.journal import MemoryJournal
from hubfleet.rollout.ports import ActEnded, ActIntended, HubSettled, RevisionMade
from hubfleet.rollout.stop import Stop
from tests.unit.planning.worlds import SOFTWARE, a_fleet, a_hub
from tests.unit.rollout.stages import Stage, fates

STAY = HubScript(people=2, stay=True, act=0)


def a_stage() -> Stage:
    stage = Stage()
    assert stage.run(a_fleet(a_hub("ant/old"), a_hub("ant/new"))).ok
    stage.journal.entries.clear()
    stage.events.clear()
    return stage


def removing(**policy):
    return a_fleet(a_hub("ant/new"), **policy)


def said(stage):
    phases = [event.phase for event in stage.events if event.hub == "ant/old"]
    return phases[phases.index("begun") :]


def test_the_hub_goes_as_soon_as_the_last_person_has_left():
    stage = a_stage()
    report = stage.run(removing(), {"ant/old": HubScript(people=2, act=0)})
    assert fates(report) == {"ant/old": "done"}
    assert report.seconds == 4
    assert said(stage) == [
        "begun",
        "draining: 2 still there (person-1, person-2)",
        "draining: 1 still there (person-1)",
        "stopping the hub",
        "done",
    ]
    assert "ant/old" not in stage.world.hubs


@pytest.mark.parametrize(("drain", "seconds"), [("90s", 90), ("0s", 0)])
def test_who_stays_is_waited_for_as_long_as_was_promised(drain, seconds):
    stage = a_stage()
    report = stage.run(removing(drain=drain, act_limit="10s"), {"ant/old": STAY})
    assert fates(report) == {"ant/old": "done"}, "the limit of acts does not count the wait"
    assert report.seconds == seconds


def test_a_removal_is_the_last_revision_of_the_history():
    stage = a_stage()
    stage.run(removing())
    (made,) = [entry for entry in stage.journal.entries if isinstance(entry, RevisionMade)]
    assert (made.hub, made.action, made.revision, dict(made.values)) == ("ant/old", "remove", 2, {})


class Interrupting(SimulatedPlatform):
    """Somebody presses Ctrl-C at the first look at who is there."""

    stop: Stop | None = None

    def people(self, hub):
        if self.stop and not self.stop.requested:
            self.stop.request()
        return super().people(hub)


def test_ctrl_c_opens_the_hub_again_and_holds_it():
    stage = a_stage()
    stage.platform = Interrupting(
        stage.world, Script(HubScript(), {"ant/old": STAY}), stage.crew.sleep, SOFTWARE
    )
    stage.platform.stop = stage.stop
    report = stage.run(removing())
    assert fates(report) == {"ant/old": "held"}
    assert report.interrupted
    assert stage.world.hubs["ant/old"].closing == ""
    intended, ended, settled = stage.journal.entries[1:4]
    assert isinstance(intended, ActIntended)
    assert isinstance(ended, ActEnded)
    assert not ended.ok
    assert isinstance(settled, HubSettled)
    assert settled.fate == "held"


def test_a_drain_that_was_cut_off_goes_on_and_the_hub_goes():
    stage = a_stage()
    stage.run(removing(), {"ant/old": STAY}, probes=False)
    cut = MemoryJournal()
    for entry in stage.journal.entries:
        cut.entries.append(entry)
        if isinstance(entry, ActIntended):
            break
    again = a_stage()
    again.journal = cut
    again.world.close("ant/old", "2026-01-01T00:00:00Z")
    assert fates(again.run(removing(), {"ant/old": STAY})) == {"ant/old": "done"}
    assert "ant/old" not in again.world.hubs


def test_a_removal_that_was_done_and_not_written_down_is_settled():
    stage = a_stage()
    stage.run(removing())
    while not isinstance(stage.journal.entries[-1], ActIntended):
        stage.journal.entries.pop()
    assert stage.run(removing()).ok
    (settled,) = [entry for entry in stage.journal.entries if isinstance(entry, HubSettled)]
    assert (settled.hub, settled.fate) == ("ant/old", "done")
    assert isinstance(stage.journal.entries[-3], RevisionMade)
    assert settled.why == "it was gone when the rollout went on"


def test_a_hub_that_is_declared_again_while_it_closes_is_opened_again():
    stage = a_stage()
    stage.world.close("ant/old", "2026-01-01T00:00:00Z")
    both = a_fleet(a_hub("ant/old"), a_hub("ant/new"))
    assert fates(stage.run(both)) == {"ant/old": "done"}
    assert stage.world.hubs["ant/old"].closing == ""
    assert stage.run(both).results == ()

"""Going on after a crash, and what stands in the way of it: leases, journals, declarations."""

from __future__ import annotations

import pytest

from hubfleet.kit.errors import HubfleetError
from hubfleet.platforms.simulated import SimulatedPlatform
from hubfleet.rollout.journal import FileJournal, MemoryJournal
from hubfleet.rollout.lease import RecordedLease
from hubfleet.rollout.ports import (
    ActIntended,
    LeaseLostError,
    RevisionMade,
    RolloutBegun,
    RolloutEnded,
)
from tests.unit.planning.worlds import SOFTWARE, a_fleet, a_hub
from tests.unit.rollout.stages import SICK, Stage, fates


def until_the_last(kind):
    """The entries of a rollout up to the first of this kind: what a crash leaves."""

    def cut(journal):
        kept = MemoryJournal()
        for entry in journal.entries:
            kept.entries.append(entry)
            if isinstance(entry, kind):
                break
        return kept

    return cut


def test_a_hub_that_was_touched_and_never_judged_is_judged_and_can_still_go_back():
    stage = Stage()
    assert stage.run(a_fleet(a_hub("ant/a", memory="1G"))).ok
    stage.journal.entries.clear()
    changed = a_fleet(a_hub("ant/a", memory="2G"))
    stage.run(changed, probes=False)
    stage.journal = until_the_last(ActIntended)(stage.journal)
    report = stage.run(changed, {"ant/a": SICK})
    assert fates(report) == {"ant/a": "rolled-back"}
    assert stage.world.hubs["ant/a"].values["memory"] == "1G"


@pytest.mark.parametrize("last", [ActIntended, RevisionMade])
def test_a_revision_is_written_down_once_whenever_the_run_was_killed(last):
    stage = Stage()
    fleet = a_fleet(a_hub("ant/a"))
    assert stage.run(fleet).ok
    stage.journal = until_the_last(last)(stage.journal)
    assert stage.run(fleet).ok
    made = [entry for entry in stage.journal.entries if isinstance(entry, RevisionMade)]
    assert [(entry.hub, entry.revision, entry.action) for entry in made] == [("ant/a", 1, "create")]


def test_a_fate_that_is_written_down_is_not_tried_again_in_the_same_rollout():
    stage = Stage()
    fleet = a_fleet(a_hub("ant/a"), a_hub("ant/b"), stop_after_failures=9)
    assert fates(stage.run(fleet, {"ant/a": SICK})) == {"ant/a": "failed", "ant/b": "done"}
    stage.journal.entries.pop()
    stage.world.hubs.clear()
    stage.events.clear()
    report = stage.run(fleet)
    assert fates(report) == {"ant/a": "failed", "ant/b": "done"}
    assert stage.phases("begun") == ["ant/b"]
    begun = [entry for entry in stage.journal.entries if isinstance(entry, RolloutBegun)]
    assert begun[0].rollout == begun[1].rollout
    assert begun[1].resumed
    assert stage.run(fleet).ok, "the next apply is a new rollout and tries it again"


def test_another_declaration_begins_another_rollout():
    stage = Stage()
    stage.run(a_fleet(a_hub("ant/a", memory="1G")), {"ant/a": SICK})
    stage.journal.entries.pop()
    assert stage.run(a_fleet(a_hub("ant/a", memory="2G"))).ok
    ended = [entry for entry in stage.journal.entries if isinstance(entry, RolloutEnded)]
    assert [entry.abandoned for entry in ended] == [True, False]


def a_lease(tmp_path, owner, wall, clock=None, seconds=60.0):
    tick = clock or wall
    return RecordedLease(
        tmp_path / "lease.json", owner, seconds=seconds, clock=lambda: tick[0], wall=lambda: wall[0]
    )


def test_a_lease_is_taken_over_after_its_expiry_and_the_first_is_refused(tmp_path):
    wall = [1000.0]
    first = a_lease(tmp_path, "ada", wall)
    with pytest.raises(HubfleetError, match="the fleet is being changed by ada"):
        a_lease(tmp_path, "bo", wall)
    wall[0] += 61
    second = a_lease(tmp_path, "bo", wall)
    assert second.epoch == first.epoch + 1
    second.check()
    with pytest.raises(LeaseLostError):
        first.check()
    with pytest.raises(LeaseLostError):
        first.renew()
    first.let_go()
    second.check()


def test_the_epoch_refuses_a_holder_whose_own_clock_stood_still(tmp_path):
    wall, still = [1000.0], [0.0]
    first = a_lease(tmp_path, "ada", wall, still)
    first.check()
    wall[0] += 61
    a_lease(tmp_path, "bo", wall)
    with pytest.raises(LeaseLostError, match="bo took it over"):
        first.check()


def test_a_wall_clock_that_jumps_does_not_take_the_lease_from_who_renews_it(tmp_path):
    wall, clock = [1000.0], [0.0]
    lease = a_lease(tmp_path, "ada", wall, clock)
    wall[0] += 100_000
    clock[0] += 20
    lease.renew()
    lease.check()
    wall[0] -= 500_000
    clock[0] += 61
    with pytest.raises(LeaseLostError, match="not renewed in time"):
        lease.check()


def test_a_lease_that_is_lost_half_way_stops_the_rollout_and_writes_nothing_more(tmp_path):
    wall = [1000.0]
    stage = Stage(lease=a_lease(tmp_path, "ada", wall))

    class Losing(SimulatedPlatform):
        def perform(self, step, report):
            done = super().perform(step, report)
            wall[0] += 61
            a_lease(tmp_path, "bo", wall)
            return done

    stage.platform = Losing(stage.world, None, stage.crew.sleep, SOFTWARE)
    fleet = a_fleet(a_hub("ant/a"), a_hub("ant/b"), max_parallel=1)
    report = stage.run(fleet)
    assert not report.ok
    assert [problem.code for problem in report.problems] == ["lease-lost"]
    assert fates(report) == {"ant/a": "failed", "ant/b": "held"}
    assert isinstance(stage.journal.entries[-1], ActIntended)
    assert "ant/b" not in stage.world.hubs


def test_a_journal_reads_back_what_it_wrote_and_leaves_out_a_line_cut_in_two(tmp_path):
    stage = Stage(journal=FileJournal(tmp_path / "journal.jsonl"))
    assert stage.run(a_fleet(a_hub("ant/a"))).ok
    entries = FileJournal(tmp_path / "journal.jsonl").read()
    with (tmp_path / "journal.jsonl").open("a") as file:
        file.write('{"kind": "settl')
    again = FileJournal(tmp_path / "journal.jsonl")
    assert again.read() == entries
    again.write(entries[0])
    assert again.read() == [*entries, entries[0]]
    assert again.cut_off() is not None


def test_a_damaged_journal_names_the_line_and_the_way_out(tmp_path):
    path = tmp_path / "journal.jsonl"
    path.write_text('{"kind": "nonsense"}\n')
    with pytest.raises(HubfleetError) as caught:
        FileJournal(path).cut_off()
    assert str(caught.value) == (
        "error[journal-damaged]: the journal holds a line that is no entry, so it is not known "
        "what was cut off\n"
        f"  --> {path}:1\n"
        "  why: 'nonsense'\n"
        "  hint: look at the hubs with `hubfleet status`, move the file away and run "
        "`hubfleet apply` again: it looks at the world and goes on from there"
    )


def test_a_journal_that_cannot_be_written_is_an_error_with_a_cure(tmp_path):
    with pytest.raises(HubfleetError) as caught:
        FileJournal(tmp_path / "nowhere" / "journal.jsonl").write(
            RolloutEnded("r", "2026-01-01T00:00:00Z", ok=True)
        )
    assert caught.value.problems[0].code == "journal-not-written"
    assert caught.value.problems[0].hint

"""The real engine over a simulated platform, with the ledger as its journal and its lease."""

from __future__ import annotations

import pytest

from hubfleet.kit.errors import HubfleetError
from hubfleet.rollout.ports import RolloutEnded
from tests.unit.planning.worlds import a_fleet, a_hub
from tests.unit.rollout.stages import SICK, Stage, fates

pytestmark = pytest.mark.integration


def test_a_rollout_and_its_rollback_become_history(home):
    names = [f"ant/h{number}" for number in range(12)]
    with home.open() as ledger, ledger.lease("hubfleet apply") as lease:
        stage = Stage(journal=ledger, lease=lease)
        assert stage.run(a_fleet(*(a_hub(name, memory="1G") for name in names))).ok
        changed = a_fleet(
            *(a_hub(name, memory="2G") for name in names), max_parallel=8, stop_after_failures=20
        )
        report = stage.run(changed, {"ant/h3": SICK})
        assert fates(report) == {**dict.fromkeys(names, "done"), "ant/h3": "rolled-back"}
        assert ledger.cut_off() is None
        told = [
            (one.number, one.action, one.values["memory"], one.verdict)
            for one in ledger.revisions("ant/h3", limit=10)
        ]
        assert told[1:] == [(2, "update", "2G", "failed"), (1, "create", "1G", "healthy")]
        assert told[0][:3] == (3, "roll-back", "1G")
        assert len(ledger.revisions(limit=100)) == 25
        assert (ledger.revision("ant/h3@3").who, ledger.revision("ant/h3@3").why) == (
            "ada",
            "a reason",
        )


class DiesAtTheEnd:
    """A journal whose process is gone before the last word."""

    fenced = False

    def __init__(self, ledger) -> None:
        self._ledger = ledger

    def write(self, entry) -> None:
        if isinstance(entry, RolloutEnded):
            raise KeyboardInterrupt
        self._ledger.write(entry)

    def write_all(self, together) -> None:
        self._ledger.write_all(together)

    def cut_off(self):
        return self._ledger.cut_off()


def test_a_rollout_that_was_cut_off_is_gone_on_with_under_a_new_epoch(home):
    fleet = a_fleet(a_hub("ant/prod"), a_hub("bee/prod"))
    stage = Stage()
    with home.open() as ledger, ledger.lease("hubfleet apply") as lease:
        stage.journal, stage.lease = DiesAtTheEnd(ledger), lease
        with pytest.raises(KeyboardInterrupt):
            stage.run(fleet)
        name = ledger.cut_off().begun.rollout
    with home.open() as ledger, ledger.lease("hubfleet apply") as lease:
        cut = ledger.cut_off()
        assert (cut.begun.rollout, set(cut.settled)) == (name, {"ant/prod", "bee/prod"})
        stage.journal, stage.lease = ledger, lease
        assert lease.epoch == 2
        assert stage.run(fleet).ok
        assert ledger.cut_off() is None
        assert len(ledger.revisions(limit=10)) == 2, "what was done is not done again"


def test_a_rollout_whose_lease_was_taken_changes_nothing_more(home):
    with home.open() as ledger:
        first = ledger.acquire("hubfleet apply")
        first.let_go()
        ledger.acquire("hubfleet apply")
        stage = Stage(journal=ledger, lease=first)
        with pytest.raises(HubfleetError) as caught:
            stage.run(a_fleet(a_hub("ant/prod")))
        assert caught.value.problems[0].code == "lease-lost"
        assert stage.world.hubs == {}
        assert ledger.cut_off() is None

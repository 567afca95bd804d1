"""A rollback by hand is written down before and after, however it ends."""

from __future__ import annotations

from typing import Any

import pytest

from hubfleet.kit.errors import HubfleetError, failure
from hubfleet.planning.observation import Observation, ObservedHub
from hubfleet.platforms.platform import Outcome
from hubfleet.rollout.by_hand import Wish, roll_back_by_hand
from hubfleet.rollout.journal import MemoryJournal
from hubfleet.rollout.lease import NoLease
from hubfleet.rollout.ports import (
    ActEnded,
    ActIntended,
    HubSettled,
    RevisionMade,
    RolloutBegun,
    RolloutEnded,
)

WISH = Wish("ant/prod", "reef", "0001-r1", "it was better")


class Reef:
    """A platform that only answers what the hub runs."""

    def observe(self, cluster: str) -> Observation:
        hub = ObservedHub("ant/prod", cluster, "running", {"title": "Ant"}, {"jupyterhub": "6"}, 3)
        return Observation(cluster, {"ant/prod": hub})


def go(act: Any) -> tuple[MemoryJournal, Any]:
    pages, reef = MemoryJournal(), Reef()
    return pages, lambda: roll_back_by_hand(WISH, reef, pages, NoLease(), act)  # type: ignore[arg-type]


def test_it_makes_a_revision_with_who_and_why():
    pages, call = go(lambda: Outcome(True, 3, "http://x/"))
    assert call().revision == 3
    kinds = [type(entry) for entry in pages.entries]
    assert kinds == [RolloutBegun, ActIntended, ActEnded, RevisionMade, HubSettled, RolloutEnded]
    made = pages.entries[3]
    assert isinstance(made, RevisionMade)
    assert (made.revision, made.action, made.why) == (3, "roll-back", "it was better")
    assert (made.values, made.snapshot) == ({"title": "Ant"}, "0001-r1")


def test_nothing_to_do_makes_no_revision():
    pages, call = go(lambda: Outcome(False, 2, "http://x/"))
    call()
    assert not any(isinstance(entry, RevisionMade) for entry in pages.entries)


def test_a_failure_is_written_down_and_raised():
    def fail() -> Outcome:
        assert [type(entry) for entry in pages.entries] == [RolloutBegun, ActIntended]
        raise failure("rollback-failed", "it could not be put back")

    pages, call = go(fail)
    with pytest.raises(HubfleetError):
        call()
    ended, settled, end = pages.entries[2:]
    assert isinstance(ended, ActEnded)
    assert ended.problems[0]["code"] == "rollback-failed"
    assert isinstance(settled, HubSettled)
    assert (settled.fate, settled.why) == ("failed", "it could not be put back")
    assert isinstance(end, RolloutEnded)
    assert not end.ok

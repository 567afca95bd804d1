"""What differs between two revisions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hubfleet.office.ledger.revisions import Difference, RevisionRecord, differences

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def a_revision(values: dict[str, Any], **more: Any) -> RevisionRecord:
    facts: dict[str, Any] = {
        "id": 1,
        "rollout": "r1",
        "hub": "ant/prod",
        "number": 1,
        "action": "update",
        "declaration": "",
        "environment": "",
        "software": {},
        "who": "ada",
        "why": "",
        "began": NOON,
        "at": NOON,
        "seconds": 1.0,
        "snapshot": "",
        "verdict": "",
        "probe": {},
    }
    return RevisionRecord(values=values, **{**facts, **more})


VALUES = st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=3), min_size=1)


@given(VALUES, VALUES)
def test_laws_of_the_difference(old, new):
    before, after = a_revision(old), a_revision(new)
    assert differences(before, before) == ()
    forward = differences(before, after)
    assert [change.key for change in forward] == sorted(change.key for change in forward)
    back = tuple(Difference(one.key, one.new, one.old) for one in forward)
    assert differences(after, before) == back
    patched = {**old, **{one.key: one.new for one in forward}}
    assert {key: value for key, value in patched.items() if value is not None} == new


def test_software_and_environment_come_after_the_values():
    old = a_revision({"z": 1}, software={"jupyterhub": "5.3"}, environment="aa")
    new = a_revision({"z": 2}, software={"jupyterhub": "6.1", "lab": "4"}, environment="bb")
    assert differences(old, new) == (
        Difference("z", 1, 2),
        Difference("software.jupyterhub", "5.3", "6.1"),
        Difference("software.lab", None, "4"),
        Difference("environment", "aa", "bb"),
    )


def test_values_that_were_not_written_down_differ_from_nothing():
    assert differences(a_revision({}), a_revision({"z": 1})) == ()
    assert differences(a_revision({"z": 1}), a_revision({})) == ()


def test_the_first_revision_differs_from_nothing_by_all_it_has():
    assert differences(None, a_revision({"z": 1}, environment="aa")) == (
        Difference("z", None, 1),
        Difference("environment", None, "aa"),
    )

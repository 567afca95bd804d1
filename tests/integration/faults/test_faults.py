"""Some kinds of fault in a real fleet: found, named with the right cause, and gone with the fault.

All kinds, with precision and recall for each cause, are `python -m benchmarks.faults`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.kinds import FAULTS, missing
from tests.faults.lab import HUBS, Fault, Lab, open_lab, undergo

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with open_lab(tmp_path_factory.mktemp("faults")) as made:
        yield made


@pytest.mark.parametrize(
    "fault", [one for one in FAULTS if one.quick], ids=lambda one: one.name.replace(" ", "-")
)
def test_a_fault_is_found_named_and_gone(lab: Lab, fault: Fault) -> None:
    if why := missing(fault):
        pytest.skip(why)
    outcome = undergo(lab, fault, quick=True)
    assert outcome.detected, outcome
    assert outcome.named, outcome
    assert outcome.false_alarms == ()


def test_after_all_of_them_people_can_work_at_both_hubs(lab: Lab) -> None:
    found = lab.look_again(lab.look())
    assert {hub: one.cause for hub, one in found.items()} == dict.fromkeys(HUBS, "")


def test_there_are_twenty_kinds_and_one_of_each_cause() -> None:
    assert len(FAULTS) >= 20
    assert {one.cause for one in FAULTS if one.cause} == {
        "capacity",
        "certificate",
        "environment",
        "hub",
        "kernel",
        "network",
        "proxy",
        "sign-in",
        "spawner",
        "storage",
    }

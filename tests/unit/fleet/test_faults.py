"""Seeded faults: each case file changes a sound fleet and says what must be found, to the letter.

A new case is a file in `tests/cases/faults`: `files` to write over `tests/cases/good`, `problems`
in reading order.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from hubfleet.fleet.load import FleetErrors, load_fleet

CASES = Path(__file__).parents[2] / "cases"
FAULTS = sorted((CASES / "faults").glob("*.yaml"))


def test_the_fleet_that_the_cases_change_is_sound():
    fleet = load_fleet(CASES / "good")

    assert list(fleet.hubs) == ["earth/prod", "earth/staging", "moon/class"]


def test_there_are_at_least_sixty_cases():
    assert len(FAULTS) >= 60


@pytest.mark.parametrize("case", FAULTS, ids=lambda path: path.stem)
def test_a_seeded_fault_is_found_at_its_place_with_its_words(case: Path, tmp_path: Path):
    expected = yaml.safe_load(case.read_text(encoding="utf-8"))
    root = shutil.copytree(CASES / "good", tmp_path / "fleet")
    for name, text in expected["files"].items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")

    with pytest.raises(FleetErrors) as raised:
        load_fleet(root)

    found = [
        {key: text for key, text in problem.as_json().items() if text}
        for problem in raised.value.problems
    ]
    assert found == expected["problems"]
    assert all(problem.hint for problem in raised.value.problems)

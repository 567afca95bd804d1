"""A console over a small fleet under git."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fleets import write_fleet
from tests.offices import Office, in_git, office_of, start

# Before the tests are imported: which settings Django has is decided once in a process.
start()


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    root = tmp_path / "fleet"
    root.mkdir()
    write_fleet(root, {"ant/prod": {"title": "Ants"}, "bee/prod": {}})
    in_git(root)
    with office_of(root, tmp_path / "state") as made:
        yield made

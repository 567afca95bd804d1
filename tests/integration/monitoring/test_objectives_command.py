"""`hubfleet objectives`, as somebody at a terminal meets it."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.fleets import write_fleet


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A fleet that promises 99 %, and a state folder whose console measured a day."""
    root = tmp_path_factory.mktemp("objectives")
    write_fleet(root / "fleet", {"ant/prod": {}, "ant/staging": {"stage": "staging"}})
    file = root / "fleet/fleet.yaml"
    said = "service:\n  objectives: {availability: 99}\n"
    file.write_text(file.read_text().replace("service:\n", said, 1))
    assert hubfleet((root / "fleet", root / "state")).returncode == 0
    with closing(sqlite3.connect(root / "state/office.sqlite")) as database, database:
        database.execute(
            "INSERT INTO watching_hubday (hub, day, up, down, excused)"
            " VALUES ('ant/prod', '2026-02-03', 80000, 3600, 2800)"
        )
        database.execute(
            "INSERT INTO watching_announcement (kind, title, text, community, starts_at, ends_at,"
            " made_by, changed_at) VALUES ('maintenance', 'New disks', '', 'ant',"
            " '2026-01-31 20:00:00', '2026-02-03 06:00:00', 'eve', '2026-02-03 06:00:00')"
        )
    database.close()
    return root / "fleet", root / "state"


def hubfleet(place: tuple[Path, Path], *words: str) -> subprocess.CompletedProcess[str]:
    fleet, state = place
    where = ("--fleet", str(fleet), "--state", str(state))
    command = [sys.executable, "-m", "hubfleet", "objectives", *words, *where]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, env=dict(os.environ)
    )


def test_a_month_of_one_hub(place: tuple[Path, Path]) -> None:
    done = hubfleet(place, "ant/prod", "--month", "2026-02")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "2026-02 in UTC"
    cells = "ant/prod 99 % 95.693 % 1 h 0 min 46 min 5 h 42 min of 6 h 42 min 4.31 times at risk"
    assert lines[2].split() == cells.split()
    assert lines[3] == ("excused: New disks, from 2026-02-01T00:00:00Z until 2026-02-03T06:00:00Z")
    assert done.stderr.startswith("note: Available is the share of the measured time")


def test_all_hubs_as_json(place: tuple[Path, Path]) -> None:
    done = hubfleet(place, "--month", "2026-02", "--json")
    told = json.loads(done.stdout)
    assert (told["month"], told["timezone"]) == ("2026-02", "UTC")
    prod, staging = told["hubs"]
    assert (prod["hub"], prod["left_seconds"], prod["left"]) == ("ant/prod", 20564, 0.851)
    assert (staging["target"], staging["state"]) == (None, "no target")


def test_what_does_not_exist(place: tuple[Path, Path]) -> None:
    done = hubfleet(place, "ant/prd")
    assert done.returncode == 1
    assert done.stderr == (
        "error[unknown-hub]: there is no hub 'ant/prd'\n  hint: did you mean ant/prod?\n"
    )

"""`hubfleet oncall` and the notes of `validate`, as somebody at a terminal meets them."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.fleets import write, write_fleet
from tests.integration.oncall.conftest import ONCALL, turns

PEOPLE = ONCALL["people"]


def hubfleet(*arguments: str, root: Path) -> subprocess.CompletedProcess[str]:
    fleet = ["--fleet", str(root)] if "--help" not in arguments else []
    command = [sys.executable, "-m", "hubfleet", *arguments, *fleet]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "fleet"
    write_fleet(folder, {"earth/prod": {}})
    write(folder / "oncall.yaml", {"people": PEOPLE, "rotations": {"primary": turns("ada", "ben")}})
    return folder


def day(days: int) -> str:
    return f"{datetime.now(UTC).date() + timedelta(days=days)}"


def test_who_has_it_now_and_next(root: Path):
    now, later = hubfleet("oncall", "now", root=root), hubfleet("oncall", "next", root=root)

    hand_over = f"{datetime.fromisoformat(day(11)):%a %Y-%m-%d} 00:00"
    assert (now.stdout, now.stderr) == (f"primary: Ada Example until {hand_over}\n", "")
    assert later.stdout == f"primary: {hand_over}  Ben Example\n"


def test_the_schedule_as_json(root: Path):
    done = hubfleet("oncall", "schedule", "primary", "--weeks", "2", "--json", root=root)

    first, second = json.loads(done.stdout)["shifts"]
    assert (first["person"], first["email"], first["reason"]) == ("ada", "ada@example.org", "turn")
    assert first["end"] == second["start"] == f"{day(11)}T00:00:00Z"


def test_the_calendar_goes_to_a_file_and_is_one(root: Path, tmp_path: Path):
    from icalendar import Calendar

    file = tmp_path / "primary.ics"
    done = hubfleet("oncall", "ics", "primary", "--to", str(file), root=root)
    again = hubfleet("oncall", "ics", "primary", root=root)

    events: list[Any] = list(Calendar.from_ical(file.read_bytes()).walk("VEVENT"))
    assert done.stdout == f"{len(events)} shifts in {file}\n"
    assert {str(one["SUMMARY"]) for one in events} == {
        "Ada Example is on call (primary)",
        "Ben Example is on call (primary)",
    }
    # Read again, an event is the same event.
    others: list[Any] = list(Calendar.from_ical(again.stdout).walk("VEVENT"))
    assert [str(one["UID"]) for one in others] == [str(one["UID"]) for one in events]


def test_a_word_that_is_no_rotation(root: Path):
    done = hubfleet("oncall", "now", "primry", root=root)

    assert done.returncode == 1
    assert done.stderr == (
        "error[unknown-rotation]: there is no rotation 'primry'\n"
        f"  --> {root / 'oncall.yaml'}\n"
        "  hint: did you mean primary?\n"
    )


def test_a_fleet_without_rotations_says_how_to_begin(root: Path):
    (root / "oncall.yaml").unlink()
    done = hubfleet("oncall", "now", root=root)

    assert done.stderr == (
        "error[nobody-on-call]: the fleet declares no rotation\n"
        f"  --> {root / 'oncall.yaml'}\n"
        "  why: Pages go to hubs@example.org by mail.\n"
        "  hint: declare `people` and `rotations` in oncall.yaml; see the how-to on being on call\n"
    )


def test_validate_tells_of_gaps_and_of_what_calendars_say(root: Path):
    (root / "away.ics").write_text(
        "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:t\n"
        f"BEGIN:VEVENT\nUID:1\nSUMMARY:AWAY: Zoe\nDTSTART;VALUE=DATE:{day(2).replace('-', '')}\n"
        "END:VEVENT\nEND:VCALENDAR\n"
    )
    rotation = turns("ada", hours={"start": "06:00", "end": "05:00"})
    swapped = {"rotation": "primary", "person": "ben", "reason": "swapped"}
    write(
        root / "oncall.yaml",
        {
            "people": PEOPLE,
            "rotations": {"primary": rotation},
            "overrides": [{**swapped, "start": f"{day(3)}T00:00", "end": f"{day(4)}T00:00"}],
            "time_off": {"team": {"file": "away.ics"}, "other": {"file": "gone.ics"}},
        },
    )
    done = hubfleet("validate", root=root)

    assert done.returncode == 0
    lines = done.stderr.splitlines()
    assert lines[0] == (
        "note: a calendar of time off cannot be read: gone.ics. No such file or directory."
    )
    assert lines[1] == "note: time off of nobody in oncall.yaml: AWAY: Zoe"
    assert [line.partition(" from ")[0] for line in lines[2:5]] == (
        ["note: nobody is on call in `primary`"] * 3
    )
    assert lines[2].endswith(" (UTC): outside of its hours")
    assert lines[5].startswith("note: nobody is on call in `primary` 2")


@pytest.fixture(scope="module")
def tested(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A fleet and its state; the office is made once."""
    folder = tmp_path_factory.mktemp("tested")
    write_fleet(folder / "fleet", {"earth/prod": {}})
    rotations = {"primary": turns("ada", "ben")}
    write(folder / "fleet/oncall.yaml", {"people": PEOPLE, "rotations": rotations})
    return folder / "fleet", folder / "state"


def test_a_test_page_asks_first(tested: tuple[Path, Path]):
    root, state = tested
    done = hubfleet("oncall", "test", "--state", str(state), root=root)

    assert done.returncode == 1
    assert done.stderr == (
        "error[not-confirmed]: nobody is there to confirm the test page\n"
        "  why: It tells ada.\n"
        "  hint: add --yes to send it all the same\n"
    )


def test_a_test_page_waits_for_the_console(tested: tuple[Path, Path]):
    root, state = tested
    done = hubfleet("oncall", "test", "--yes", "--json", "--state", str(state), root=root)

    told = json.loads(done.stdout)
    assert told["told"] == [
        {"kind": "person", "to": "ada", "why": "on call in the rotation primary"}
    ]
    assert told["key"].startswith("hubfleet/test/")
    assert told["address"].endswith("/oncall/pages/1/")
    import sqlite3

    with sqlite3.connect(state / "office.sqlite") as database:
        rows = database.execute("SELECT key, settled_at FROM oncall_page").fetchall()
        acts = database.execute("SELECT act, through FROM audit_entry").fetchall()
    database.close()
    assert rows == [(told["key"], None)]
    assert ("test-page", "cli") in acts


def test_a_priority_that_is_none(tested: tuple[Path, Path]):
    root, state = tested
    done = hubfleet("oncall", "test", "--priority", "P9", "--state", str(state), root=root)

    assert done.stderr == (
        "error[unknown-priority]: there is no priority 'P9'\n  hint: write P1, P2, P3 or P4\n"
    )

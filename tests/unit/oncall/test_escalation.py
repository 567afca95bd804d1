"""Whom a page reaches, by responsibility and priority."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hubfleet.fleet.escalation import Told, planned_steps, whom
from hubfleet.fleet.load import load_fleet
from hubfleet.fleet.model import Fleet
from hubfleet.fleet.oncall import Priority
from tests.fleets import write, write_fleet

AT = datetime(2026, 1, 6, 12, tzinfo=UTC)
PEOPLE = {
    name: {"name": name.title() + " Example", "email": f"{name}@example.org"}
    for name in ("ada", "ben")
}
PRIMARY = {"people": ["ada", "ben"], "start": "2026-01-05"}


def fleet_of(root: Path, oncall: dict[str, Any], owner: str = "operator") -> Fleet:
    write_fleet(root, {"earth/prod": {}})
    if oncall:
        write(root / "oncall.yaml", oncall)
    write(
        root / "communities/earth/community.yaml",
        {
            "name": "Earth",
            "representatives": [{"name": "Rae", "email": "rae@example.org"}],
            "contacts": [{"name": "Tech", "email": "tech@example.org"}],
            "responsibilities": {"respond-to-incidents": owner},
        },
    )
    return load_fleet(root)


def told(fleet: Fleet, priority: Priority) -> list[tuple[timedelta, str, str]]:
    return [
        (planned.after, one.kind, one.to)
        for planned in planned_steps(fleet, "earth", priority)
        for one in whom(fleet, "earth", planned, AT)
    ]


HOURS = timedelta(hours=1)


def test_by_default_the_person_on_call_then_the_next_then_the_contact(tmp_path: Path):
    fleet = fleet_of(tmp_path, {"people": PEOPLE, "rotations": {"primary": PRIMARY}})

    assert told(fleet, "P1") == [
        (0 * HOURS, "person", "ada"),
        (4 * HOURS, "person", "ben"),
        (8 * HOURS, "mail", "hubs@example.org"),
    ]
    assert [after for after, _, _ in told(fleet, "P2")] == [0 * HOURS, 12 * HOURS, 24 * HOURS]
    assert told(fleet, "P3") == [(0 * HOURS, "mail", "hubs@example.org")]


def test_what_the_community_owns_goes_to_the_community_first(tmp_path: Path):
    oncall = {"people": PEOPLE, "rotations": {"primary": PRIMARY}, "unanswered": {"P1": "30m"}}
    fleet = fleet_of(tmp_path, oncall, "community")

    assert told(fleet, "P1")[:2] == [
        (0 * HOURS, "mail", "tech@example.org"),
        (HOURS / 2, "person", "ada"),
    ]


def test_what_both_own_goes_to_both_at_once(tmp_path: Path):
    fleet = fleet_of(tmp_path, {"people": PEOPLE, "rotations": {"primary": PRIMARY}}, "shared")

    assert [one for one in told(fleet, "P1") if not one[0]] == [
        (0 * HOURS, "mail", "tech@example.org"),
        (0 * HOURS, "person", "ada"),
    ]


@pytest.mark.parametrize("owner", ["operator", "community"])
def test_a_fleet_without_anybody_on_call_still_tells_its_contact(tmp_path: Path, owner: str):
    fleet = fleet_of(tmp_path, {}, owner)

    assert told(fleet, "P1")[-1][1:] == ("mail", "hubs@example.org")


def test_declared_steps_replace_the_default_ones(tmp_path: Path):
    steps = [{"to": "primary"}, {"to": "ben", "after": "15m"}, {"to": "contact", "after": "15m"}]
    oncall = {"people": PEOPLE, "rotations": {"primary": PRIMARY}, "escalation": {"P2": steps}}

    assert told(fleet_of(tmp_path, oncall), "P2") == [
        (0 * HOURS, "person", "ada"),
        (HOURS / 4, "person", "ben"),
        (HOURS / 2, "mail", "hubs@example.org"),
    ]


def test_where_nobody_is_on_call_the_contact_is_told_and_why(tmp_path: Path):
    night = {**PRIMARY, "hours": {"start": "20:00", "end": "06:00"}}
    fleet = fleet_of(tmp_path, {"people": PEOPLE, "rotations": {"primary": night}})

    first = planned_steps(fleet, "earth", "P1")[0]
    why = "nobody is on call in the rotation primary: the operator's contact instead"
    assert whom(fleet, "earth", first, AT) == (Told("mail", "hubs@example.org", why, gap=True),)


def test_a_page_of_a_community_that_was_removed_reaches_the_operator(tmp_path: Path):
    fleet = fleet_of(tmp_path, {"people": PEOPLE, "rotations": {"primary": PRIMARY}}, "community")

    assert whom(fleet, "gone", planned_steps(fleet, "gone", "P1")[0], AT)[0].to == "ada"

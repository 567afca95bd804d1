"""Measured use goes along with a hub by itself: months of its own, and nobody's name or hash."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hubfleet.replicate.bundle.use import Month, Use
from tests.integration.usage.conftest import GIB, NOON, Place, minutes, server
from tests.unit.replicate.bundles import contents, every_byte

CANARY = "canary-wren"
LATER = datetime(2027, 1, 4, 9, tzinfo=UTC)


@pytest.fixture
def used(place: Place) -> Place:
    """Two hubs of ant and one of bee, from 18 November; ant/prod is read until January."""
    people = [CANARY, "bo", "cy"]
    for hub, names in (("ant/prod", people), ("ant/staging", people[:1]), ("bee/prod", ["zoe"])):
        running = [server(name, NOON, requested=GIB, used=GIB // 2) for name in names]
        for count in range(0, 61, 5):
            place.read(hub, NOON + minutes(count), *running)
        place.read(hub, NOON + minutes(61))
    place.read("ant/prod", LATER, server("bo", LATER, requested=GIB))
    return place


def taken(*names: str) -> Use:
    from hubfleet.office.usage.months import use_of

    found = use_of(names)
    assert found is not None
    return found


def shown(months: list[Month]) -> list[tuple[Any, ...]]:
    return [
        (str(one.first), str(one.last), one.complete, one.users, round(one.server_hours, 3))
        for one in months
    ]


def test_months_begin_with_the_first_day_that_is_known_and_say_whether_they_are_whole(
    used: Place,
) -> None:
    assert shown(taken("ant/prod").months) == [
        ("2026-11-18", "2026-11-30", False, 3, 3.0),
        ("2026-12-01", "2026-12-31", True, 0, 0.0),
        ("2027-01-01", "2027-01-04", False, 1, 0.0),
    ]
    # Nobody read it after that day, so that the rest of its month is not known.
    assert shown(taken("ant/staging").months) == [("2026-11-18", "2026-11-18", False, 1, 1.0)]


def test_a_community_counts_a_person_once_and_adds_up_hours(used: Place) -> None:
    use = taken("ant/prod", "ant/staging")
    assert set(use.hubs) == {"prod", "staging"}
    assert shown(use.months)[0] == ("2026-11-18", "2026-11-30", False, 3, 4.0)
    assert use.months[0].memory_hours_used == pytest.approx(2)


def test_a_year_is_the_most_that_is_told(used: Place) -> None:
    used.read("ant/prod", LATER + timedelta(days=365))
    months = taken("ant/prod").months
    assert [months[0].name, months[-1].name, len(months)] == ["2027-02", "2028-01", 12]


def test_a_hub_that_has_ended_is_known_up_to_its_last_day(used: Place) -> None:
    from hubfleet.office.usage.forgetting import forget_hub

    forget_hub("ant/prod")
    assert shown(taken("ant/prod").months)[-1] == ("2027-01-01", "2027-01-04", False, 1, 0.0)


def test_nothing_is_made_up_for_a_hub_that_was_never_measured(place: Place) -> None:
    from hubfleet.office.usage.months import use_of

    assert use_of(["ant/prod"]) is None
    place.read("ant/prod", NOON, server("bo", NOON))
    found = taken("ant/prod", "ant/staging")
    assert [len(found.hubs["prod"].months), found.hubs["staging"].months] == [1, []]


def exported(place: Place, name: str, target: Path, **more: str) -> Any:
    """What the command answers, in a process of its own, as the console starts it."""
    from django.db import connections

    connections.close_all()
    where = ["--fleet", str(place.office.root), "--state", str(place.office.state), "--json"]
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "hubfleet",
            "replicate",
            "export",
            name,
            "--to",
            str(target),
            *where,
        ],
        capture_output=True,
        text=True,
        env={**os.environ, **more},
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def hashes(place: Place) -> set[str]:
    """Every hash of somebody that the database holds."""
    with closing(sqlite3.connect(place.office.state / "office.sqlite")) as database:
        rows = database.execute(
            "SELECT person FROM usage_presence UNION SELECT person FROM usage_session"
            " UNION SELECT key FROM usage_session UNION SELECT place FROM usage_session"
        )
        return {row[0] for row in rows}


def test_an_export_takes_it_from_the_console_by_itself(used: Place, tmp_path: Path) -> None:
    assert exported(used, "ant/prod", tmp_path / "once")["left_out"] == []
    exported(used, "ant/prod", tmp_path / "twice")
    once = contents(tmp_path / "once")
    assert once == contents(tmp_path / "twice")
    value = json.loads(once["usage.json"])
    assert set(value["hubs"]) == {"prod"} and value["community"] == []
    assert value["units"]["memory_hours_requested"].startswith("GiB-hours")
    assert "| 2026-11 (not complete) | 3 | 3.0 | 3.0 | 1.5 |" in once["COST.md"].decode()
    exported(used, "ant", tmp_path / "all")
    value = json.loads(contents(tmp_path / "all")["usage.json"])
    assert set(value["hubs"]) == {"prod", "staging"}
    assert [month["users"] for month in value["community"]] == [3, 0, 1]
    searched = hashes(used)
    assert len(searched) > 5
    for bundle in (tmp_path / "once", tmp_path / "all"):
        for path, data in every_byte(bundle):
            for secret in (CANARY, "bee", "zoe", *searched):
                assert secret.encode() not in data, (secret, path)


def test_a_database_that_cannot_be_read_does_not_keep_a_hub_here(
    used: Place, tmp_path: Path
) -> None:
    """And its address stays here, too."""
    nowhere = "postgresql://me:canary-word@127.0.0.1:1/canary-base"
    told = exported(used, "ant/prod", tmp_path / "bundle", HUBFLEET_DATABASE=nowhere)
    assert [one["why"] for one in told["left_out"]] == [
        "The console's database could not be read (use-not-read)."
    ]
    for path, data in every_byte(tmp_path / "bundle"):
        assert b"canary" not in data and b"127.0.0.1:1/" not in data, path


def test_a_ledger_alone_is_no_measured_use(place: Place, tmp_path: Path) -> None:
    told = exported(place, "ant/prod", tmp_path / "bundle")
    assert [one["why"] for one in told["left_out"]] == ["No use was measured here."]

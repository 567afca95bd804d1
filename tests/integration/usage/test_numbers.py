"""What is answered: on the command line, as files, and to the public."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from datetime import date, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from hubfleet.kit.errors import HubfleetError
from tests.integration.usage.conftest import GIB, NOON, Place, minutes, server

MONTH = (date(2026, 11, 1), date(2026, 11, 30))
CANARY = "canary-wren"


@pytest.fixture
def used(place: Place) -> Place:
    """Six people on ant/prod, two of them on ant/staging too, and one on bee/prod; for an hour."""
    people = [CANARY, "bo", "cy", "dee", "eli", "fay"]
    for hub, names in (("ant/prod", people), ("ant/staging", people[:2]), ("bee/prod", ["zoe"])):
        running = [server(name, NOON, requested=GIB, used=GIB // 2) for name in names]
        for count in range(0, 61, 5):
            place.read(hub, NOON + minutes(count), *running)
        place.read(hub, NOON + minutes(61))
    later = NOON + timedelta(days=1)
    place.read("ant/prod", later, server("bo", later))
    return place


def run(place: Place, *words: str) -> subprocess.CompletedProcess[str]:
    from django.db import connections

    connections.close_all()
    where = ["--fleet", str(place.office.root), "--state", str(place.office.state)]
    return subprocess.run(
        [sys.executable, "-m", "hubfleet", "usage", *words, *where],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "200"},
        check=False,
        timeout=60,
    )


def report(*words: Any) -> Any:
    from hubfleet.office.usage.numbers import Scope
    from hubfleet.office.usage.numbers import report as made

    return made(Scope(words[0]), *MONTH, *words[1:])


def test_totals_of_hub_community_and_fleet(used: Place) -> None:
    hub, community, fleet = (report(name).total for name in ("ant/prod", "ant", ""))
    assert (hub.users, hub.billed_users, hub.sessions, hub.peak) == (6, 6, 7, 6)
    assert (hub.server_hours, hub.memory_hours_requested) == (pytest.approx(6), pytest.approx(6))
    assert (hub.memory_hours_used, hub.measured_share) == (pytest.approx(3), pytest.approx(1))
    assert (community.users, community.billed_users, community.sessions) == (6, 6, 9)
    assert (fleet.users, fleet.billed_users, fleet.sessions) == (7, 7, 10)
    assert fleet.server_hours == pytest.approx(9)
    assert fleet.most_users_of_a_day == 7


def test_days_hubs_and_communities_add_up(used: Place) -> None:
    days, hubs, communities = (report("", by).parts for by in ("day", "hub", "community"))
    assert {day: one.users for day, one in days.items()} == {"2026-11-18": 7, "2026-11-19": 1}
    assert {name: one.users for name, one in hubs.items()} == {
        "ant/prod": 6,
        "ant/staging": 2,
        "bee/prod": 1,
    }
    assert {name: one.billed_users for name, one in communities.items()} == {"ant": 6, "bee": 1}
    for parts in (days, hubs, communities):
        assert sum(one.server_hours for one in parts.values()) == pytest.approx(9)
        assert sum(one.sessions for one in parts.values()) == 10


def test_people_of_a_range_that_is_no_period_are_not_known(used: Place) -> None:
    from hubfleet.office.usage.numbers import Scope
    from hubfleet.office.usage.numbers import report as made

    odd = made(Scope("ant"), date(2026, 11, 10), date(2026, 11, 20)).total
    week = made(Scope("ant"), date(2026, 11, 16), date(2026, 11, 22)).total
    assert (odd.users, odd.billed_users, odd.sessions) == (None, None, 9)
    assert (week.users, week.billed_users, week.sessions) == (6, None, 9)


def test_what_few_people_make_up_is_not_published(used: Place) -> None:
    from hubfleet.office.usage.publishing import rows_of

    rows = {row["hub"]: row for row in rows_of(report("", "hub"), public=True)}
    assert rows["ant/prod"]["users"] == 6
    for name in ("ant/staging", "bee/prod"):
        assert rows[name]["hidden"]
        assert {rows[name][key] for key in ("users", "sessions", "server_hours", "peak")} == {None}
    # Of two communities one is small: the total would tell it, so the other goes with it.
    communities = rows_of(report("", "community"), public=True)
    assert [row["users"] for row in communities] == [None, None]


def test_the_command_prints_a_definition_beside_each_number(used: Place) -> None:
    from hubfleet.office.usage.words import DEFINITIONS

    done = run(used, "ant", "--month", "2026-11", "--by", "hub")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "Use of ant from 2026-11-01 to 2026-11-30, in days of UTC"
    assert lines[1] == (
        "  users                              6  different people who had a server running in the "
        "period; a person on several hubs of a community counts once, and once in each community"
    )
    for meaning in DEFINITIONS.values():
        assert meaning in done.stdout
    assert any(line.split()[:3] == ["ant/staging", "2", "2"] for line in lines)
    assert "note: bee/prod was not read" not in done.stderr


def test_files_hold_the_rows_and_no_name(used: Place, tmp_path: Path) -> None:
    import duckdb

    table, columns = tmp_path / "use.csv", tmp_path / "use.parquet"
    done = run(
        used, "--month", "2026-11", "--by", "day", "--csv", str(table),
        "--parquet", str(columns), "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    rows = list(csv.DictReader(StringIO(table.read_text())))
    assert [row["users"] for row in rows] == ["7", "1"]
    assert [float(row["server_hours"]) for row in rows] == [9.0, 0.0]
    assert told["rows"][0]["users"] == 7
    assert told["definitions"]["billed_users"].startswith("different people who started")
    read = duckdb.sql(f"SELECT day, users, server_hours FROM '{columns}' ORDER BY day")
    assert read is not None
    found = read.fetchall()
    assert found == [(date(2026, 11, 18), 7, 9.0), (date(2026, 11, 19), 1, 0.0)]
    for text in (table.read_bytes(), columns.read_bytes(), done.stdout.encode()):
        assert CANARY.encode() not in text
        assert b"wren" not in text


@pytest.mark.parametrize(
    ("month", "first", "last", "said"),
    [
        ("2026-13", None, None, "'2026-13' is not a month; write one such as 2026-11"),
        ("2026-11", "2026-11-01", None, "give either --month or --from and --to"),
        (None, "2026-11-09", "2026-11-01", "--to 2026-11-01 is before --from 2026-11-09"),
        (None, "9 November", None, "'9 November' is not a day; write one such as 2026-11-02"),
        (None, None, "2026-11-01", "--to needs --from"),
    ],
)
def test_days_that_are_none_are_wrong_usage(
    month: str | None, first: str | None, last: str | None, said: str
) -> None:
    from typer import BadParameter

    from hubfleet.cli.usage import days_asked

    with pytest.raises(BadParameter) as told:
        days_asked(month, first, last)
    assert str(told.value) == said


def test_the_days_asked_for_are_the_month_the_range_or_this_month() -> None:
    from hubfleet.cli.usage import days_asked
    from hubfleet.kit.clock import now

    assert days_asked("2024-02", None, None) == (date(2024, 2, 1), date(2024, 2, 29))
    assert days_asked(None, "2026-11-02", "2026-11-08") == (date(2026, 11, 2), date(2026, 11, 8))
    assert days_asked(None, None, None)[0] == now().date().replace(day=1)


def test_hubs_and_communities_that_never_were_are_unknown(used: Place) -> None:
    from hubfleet.cli.usage import _known
    from hubfleet.office.usage.models import UseDay

    def refusal(name: str) -> str:
        with pytest.raises(HubfleetError) as told:
            _known(name, used.office.fleet)
        return str(told.value)

    assert refusal("anti") == (
        "error[unknown-community]: there is no community 'anti'\n  hint: did you mean ant?"
    )
    assert refusal("ant/prot") == (
        "error[unknown-hub]: there is no hub 'ant/prot'\n"
        "  hint: declared for ant: ant/prod, ant/staging"
    )
    UseDay.objects.create(scope="ant/old", community="ant", day=date(2026, 11, 1))
    for name in ("", "ant", "ant/prod", "ant/old"):
        _known(name, used.office.fleet)


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    from hubfleet.office.usage.exporting import write_csv

    path = tmp_path / "nowhere" / "use.csv"
    with pytest.raises(HubfleetError) as told:
        write_csv(path, [])
    assert str(told.value) == (
        "error[file-not-written]: use.csv cannot be written\n"
        f"  --> {path}\n"
        "  why: No such file or directory\n"
        "  hint: name a file in a folder that exists and that you may write to"
    )


def test_where_no_console_was_started_nothing_is_known(place: Place) -> None:
    (place.office.state / "office.sqlite").unlink()
    done = run(place)
    assert (done.returncode, done.stderr) == (
        1,
        "error[use-not-measured]: nothing is known of use here\n"
        f"  --> {place.office.state}\n"
        "  why: the console reads the hubs every minute, and none was ever started here\n"
        "  hint: run `hubfleet serve`, and ask again when people have worked\n",
    )


def test_without_duckdb_parquet_is_refused_with_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hubfleet.office.usage.exporting import write_parquet

    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(HubfleetError) as told:
        write_parquet(tmp_path / "use.parquet", [])
    assert str(told.value) == (
        "error[parquet-not-installed]: Parquet cannot be written here\n"
        f"  --> {tmp_path / 'use.parquet'}\n"
        "  why: the package `duckdb` is not installed\n"
        "  hint: install hubfleet with its extra: pip install 'hubfleet[parquet]'"
    )
    assert list(tmp_path.iterdir()) == []


def test_the_number_of_queries_does_not_depend_on_the_number_of_hubs(used: Place) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from hubfleet.office.usage.models import UseDay

    def queries(by: str) -> int:
        with CaptureQueriesContext(connection) as asked:
            report("", by)
        return len(asked)

    few = [queries(by) for by in ("day", "hub", "community")]
    UseDay.objects.bulk_create(
        UseDay(scope=f"{name}/prod", community=name, day=MONTH[0], sessions=1, peak=1)
        for name in (f"c{number}" for number in range(40))
    )
    assert [queries(by) for by in ("day", "hub", "community")] == few
    assert max(few) <= 10
    fresh = report("", "hub").parts["c7/prod"]
    assert (fresh.users, fresh.billed_users, fresh.sessions, fresh.peak) == (0, 0, 1, 1)

"""Measured use and its cost go along, and tell of nobody else."""

from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from typer.testing import CliRunner

from hubfleet.cli import app
from hubfleet.fleet.load import load_fleet
from hubfleet.kit.errors import HubfleetError
from hubfleet.platforms.local.folders import StateFolder
from hubfleet.replicate.adopting import Wish, adopt
from hubfleet.replicate.bundle.manifest import Told
from hubfleet.replicate.bundle.use import Month, OfHub, Stored, Use, last_day_of, read_use
from hubfleet.replicate.data.stored import with_stored
from hubfleet.replicate.describing import costs
from tests.fleets import write_fleet
from tests.unit.replicate.bundles import NEW_FLEET, contents, exported, write_hub

WHOLE = Month(
    first=date(2026, 10, 1),
    last=date(2026, 10, 31),
    complete=True,
    users=12,
    billed_users=11,
    sessions=90,
    server_hours=700.0,
    memory_hours_requested=1400.0,
    memory_hours_used=350.25,
    measured_share=1.0,
    cpu_hours=70.5,
    peak=9,
)
PARTLY = Month(
    first=date(2026, 11, 1), last=date(2026, 11, 4), complete=False, users=2, server_hours=7.0,
    memory_hours_requested=14.0, peak=2,
)  # fmt: skip
STORED = Stored(bytes=37 * 2**30, homes=12, at=date(2026, 11, 4))
USED = Use(hubs={"prod": OfHub(months=[WHOLE, PARTLY], stored=STORED)})

AMOUNTS = some.floats(0, 1e6, allow_nan=False)


@some.composite
def months(draw: Any) -> Month:
    """Days of one month, in which no more servers ran than there were at once."""
    first = date(2026, 1, 1) + timedelta(days=draw(some.integers(0, 700)))
    last = first + timedelta(days=draw(some.integers(0, (last_day_of(first) - first).days)))
    peak, hours = draw(some.integers(0, 200)), 24 * ((last - first).days + 1)
    return Month(
        first=first,
        last=last,
        complete=draw(some.booleans()),
        users=draw(some.none() | some.integers(0, 500)),
        server_hours=round(draw(some.floats(0, 1)) * peak * hours, 3),
        memory_hours_requested=draw(AMOUNTS),
        memory_hours_used=draw(some.none() | AMOUNTS),
        cpu_hours=draw(some.none() | AMOUNTS),
        peak=peak,
    )


@given(months())
def test_no_assumption_costs_less_than_what_was_promised(month):
    least, growing = costs.as_promised(month).dollars, costs.growing(month).dollars
    assert 0 <= least <= growing
    if costs.exact(month.server_hours):
        assert costs.always_on(month).dollars >= least - Decimal("0.01")


@given(months(), some.floats(0, 1000))
def test_more_memory_never_costs_less(month, more):
    changed = {"memory_hours_requested": month.memory_hours_requested + more}
    other = month.model_copy(update=changed)
    for way in (costs.as_promised, costs.growing, costs.always_on):
        assert way(other).dollars >= way(month).dollars


@given(some.lists(months(), max_size=3))
def test_what_is_written_is_read_back_and_makes_the_same_page(tmp_path_factory, drawn):
    use = Use(hubs={"prod": OfHub(months=drawn)}, community=drawn)
    file = tmp_path_factory.mktemp("use") / "usage.json"
    file.write_text(use.text())
    again = read_use(file, ("reef/prod",))
    assert again.text() == use.text()
    assert costs.cost(again) == costs.cost(use)


def test_the_sums_are_those_of_a_pocket_calculator():
    assert costs.as_promised(WHOLE).dollars == Decimal("13.31")  # 1400 x .004445 + 175 x .04048
    assert costs.growing(WHOLE).dollars == Decimal("22.18")
    # 2 GiB for each of 9 servers in 744 hours: 13392 GiB-hours, and 1674 CPU-hours.
    assert costs.always_on(WHOLE).dollars == Decimal("127.29")
    busy = WHOLE.model_copy(update={"cpu_hours": 400.0, "memory_hours_used": 1500.0})
    assert costs.as_promised(busy) == costs.Needed(Decimal("1500.0"), Decimal("400.0"))


def test_the_page_says_quantities_units_assumptions_sources_and_what_is_not_complete():
    page = costs.cost(USED)
    assert "| 2026-10 | 12 | 700.0 | 1,400.0 | 350.3 | 70.5 | 9 |" in page
    assert "| 2026-11 (not complete) | 2 | 7.0 | 14.0 | not known | not known | 2 |" in page
    assert "2026-11 is not complete: known from 2026-11-01 to 2026-11-04 (4 of 30 days)." in page
    assert "37.00 GiB in 12 homes, as last measured on 2026-11-04." in page
    assert "| 2026-10 | 13.31 | 22.18 | 127.29 |" in page
    assert "Homes: 37.00 GiB x 0.30 = 11.10 USD a month." in page
    for price in (costs.MEMORY, costs.CPU, costs.STORAGE):
        assert f"| {price.amount} | {price.unit} | {price.source} | {price.seen} |" in page
    assert "Quantities are those of 2026-10 under B" in page
    assert "| memory | ____ for a GiB-hour | x | 2,333.3 GiB-hours | ____ |" in page


def test_a_page_without_months_says_so():
    page = costs.cost(Use(hubs={"prod": OfHub()}))
    assert "Nothing was measured." in page
    assert "homes were not measured" in page
    assert "memory price x GiB-hours" in page


def test_use_that_one_hub_of_several_has_is_not_taken_for_all_of_them():
    use = Use(hubs={"prod": OfHub(months=[WHOLE]), "test": OfHub(months=[PARTLY])})
    assert use.months == []


def report(**changes: Any) -> dict[str, Any]:
    """As `hubfleet usage reef/prod --json` answers."""
    total = WHOLE.model_dump(mode="json", exclude={"first", "last", "complete"})
    return {
        "scope": "reef/prod",
        "from": "2026-10-01",
        "to": "2026-10-31",
        "total": {**total, "users_by_day": 3.5, "starts": 90, "start_seconds_half": None},
        "by": None,
        "rows": [],
        "definitions": {"users": "people of otherplace"},
        "notes": [],
        "troubles": {"reef/prod": "host db.secret.example did not answer"},
        **changes,
    }


def test_the_answer_of_usage_is_read_without_what_is_the_operators(tmp_path):
    file = tmp_path / "use.json"
    file.write_text(json.dumps(report()))
    found = read_use(file, ("reef/prod",))
    assert found.hubs["prod"].months == [WHOLE.model_copy(update={"complete": None})]
    text = found.text() + costs.cost(found)
    assert "secret" not in text and "otherplace" not in text
    assert "2026-10: whether it is complete was not said." in text


def test_the_answer_about_a_community_by_hub_gives_each_hub(tmp_path):
    file = tmp_path / "use.json"
    days = {"from": "2026-10-01", "to": "2026-10-31"}
    rows = [{"hub": "reef/prod", **days, "users": 3}, {"hub": "other/prod", **days, "users": 7}]
    file.write_text(json.dumps(report(scope="reef", by="hub", rows=rows)))
    found = read_use(file, ("reef/prod", "reef/test"))
    assert [one.users for one in found.hubs["prod"].months] == [3]
    assert [one.users for one in found.months] == [12]
    assert "other" not in found.text()


@pytest.mark.parametrize(
    ("text", "code", "why"),
    [
        ("[]", "bad-usage-file", "It is not a mapping."),
        ("{", "bad-usage-file", "It is not JSON."),
        ("[" * 100_000, "bad-usage-file", "It is nested too deeply."),
        ("{}", "bad-usage-file", "It tells of no hub and no community."),
        (
            json.dumps(report(to="2026-09-01")),
            "bad-usage-file",
            "It: Value error, the last day is before the first.",
        ),
        (
            json.dumps(report(total={"peak": -1})),
            "bad-usage-file",
            "peak: Input should be greater than or equal to 0.",
        ),
        (
            json.dumps(report(total={"server_hours": float("inf")})),
            "bad-usage-file",
            "server_hours: Input should be a finite number.",
        ),
        (
            json.dumps(report(scope="other/prod")),
            "usage-of-others",
            "It is about `other/prod`, which is not in the bundle.",
        ),
        (
            '{"use": 1, "hubs": {"other": {}}}',
            "usage-of-others",
            "It is about `other`, which is not in the bundle.",
        ),
    ],
)
def test_a_file_that_is_none_or_about_others_is_refused(tmp_path, text, code, why):
    file = tmp_path / "use.json"
    file.write_text(text)
    with pytest.raises(HubfleetError) as refused:
        read_use(file, ("reef/prod",))
    (problem,) = refused.value.problems
    assert (problem.code, problem.why) == (code, why)


def test_errors_have_place_reason_and_cure(tmp_path):
    with pytest.raises(HubfleetError) as refused:
        read_use(tmp_path / "none.json", ("reef/prod",))
    assert str(refused.value) == (
        f"error[bad-usage-file]: the file of measured use cannot be read\n"
        f"  --> {tmp_path}/none.json\n"
        "  why: No such file or directory.\n"
        "  hint: name a file that `hubfleet usage HUB --json` wrote, or leave --usage out"
    )


def test_use_survives_export_import_and_export_where_it_is_named_again(tmp_path):
    """What one operator measured is no part of a hub: another place knows it only from the file."""
    fleet = write_fleet(tmp_path / "fleet", {"reef/prod": {}})
    exported(fleet, ("reef/prod",), tmp_path / "once", None, usage=USED)
    exported(fleet, ("reef/prod",), tmp_path / "twice", None, usage=USED)
    once = contents(tmp_path / "once")
    assert once == contents(tmp_path / "twice")
    assert once["COST.md"].decode() == costs.cost(USED)
    root = tmp_path / "new"
    root.mkdir()
    (root / "fleet.yaml").write_text(NEW_FLEET)
    assert adopt(tmp_path / "once", Wish(root, "here")).missing == ()
    named = read_use(tmp_path / "once" / "usage.json", ("reef/prod",))
    exported(load_fleet(root), ("reef/prod",), tmp_path / "again", None, usage=named)
    assert contents(tmp_path / "again") == once


def test_an_export_goes_on_although_use_grew_meanwhile(tmp_path, monkeypatch):
    fleet = write_fleet(tmp_path / "fleet", {"reef/prod": {}})
    state = StateFolder(tmp_path / "state")
    write_hub(state, "reef/prod", {"bo": {"a": b"1"}})
    told: dict[str, Any] = {"homes": True, "usage": USED}
    with monkeypatch.context() as patched:
        patched.setattr("hubfleet.replicate.export.cost", lambda _use: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            exported(fleet, ("reef/prod",), tmp_path / "bundle", state, **told)
    grown = USED.model_copy(update={"hubs": {"prod": OfHub(months=[WHOLE])}})
    made = exported(fleet, ("reef/prod",), tmp_path / "bundle", state, **{**told, "usage": grown})
    assert made.resumed == 1
    assert (tmp_path / "bundle/usage.json").read_text() == grown.text()


def test_what_homes_hold_goes_along_as_one_sum_without_the_probe(tmp_path):
    state = StateFolder(tmp_path / "state")
    write_hub(state, "reef/prod", {})
    homes = {
        "canary-bo": {"bytes": 1000, "files": 1},
        "cy": {"bytes": 24, "files": 1},
        "hubfleet-probe": {"bytes": 5, "files": 1},
    }
    measured = {"at": "2026-11-04T10:00:00Z", "homes": homes}
    (state.hub("reef/prod").path / "usage.json").write_text(json.dumps(measured))
    found = with_stored(Use(hubs={"prod": OfHub(months=[WHOLE])}), ("reef/prod",), state)
    assert found.stored == [Stored(bytes=1024, homes=2, at=date(2026, 11, 4))]
    assert found.hubs["prod"].months == [WHOLE]
    assert "canary" not in found.text()
    (state.hub("reef/prod").path / "usage.json").write_text("{")
    assert with_stored(found, ("reef/other",), state) == found


def told_by(root, target, *words: str) -> tuple[Any, dict[str, bytes]]:
    """What the command answers, and the bundle."""
    where = ["--fleet", str(root), "--state", str(root.parent / "state")]
    command = ["replicate", "export", "reef/prod", "--to", str(target), "--json", *words, *where]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout), contents(target)


def test_without_a_console_the_bundle_says_that_no_use_was_measured(tmp_path):
    write_fleet(tmp_path / "fleet", {"reef/prod": {}})
    told, held = told_by(tmp_path / "fleet", tmp_path / "bundle")
    missing = {
        "what": "reef/prod: measured use and its cost",
        "why": "No use was measured here.",
        "cure": "let a console measure it, or name a file of it with --usage",
    }
    assert told["left_out"] == [missing]
    assert "reef/prod: measured use and its cost" in held["PLACEHOLDERS.md"].decode()
    assert not {"usage.json", "COST.md"} & held.keys()


def test_use_may_come_from_a_file_or_stay_behind_on_purpose(tmp_path):
    write_fleet(tmp_path / "fleet", {"reef/prod": {}})
    file = tmp_path / "use.json"
    file.write_text(json.dumps(report()))
    told, held = told_by(tmp_path / "fleet", tmp_path / "named", "--usage", str(file))
    assert told["left_out"] == [] and {"usage.json", "COST.md"} <= held.keys()
    told, held = told_by(tmp_path / "fleet", tmp_path / "without", "--without-usage")
    assert told["left_out"] == [] and not {"usage.json", "COST.md"} & held.keys()
    both = ["--usage", str(file), "--without-usage"]
    where = ["--fleet", str(tmp_path / "fleet"), "--to", str(tmp_path / "x")]
    done = CliRunner().invoke(app, ["replicate", "export", "reef/prod", *both, *where])
    assert done.exit_code == 2 and "either --usage or --without-usage" in done.output


def test_what_the_caller_could_not_bring_is_in_the_manifest(tmp_path):
    fleet = write_fleet(tmp_path / "fleet", {"reef/prod": {}})
    untold = (Told(what="a thing", why="It is not there.", cure="bring it"),)
    made = exported(fleet, ("reef/prod",), tmp_path / "bundle", None, untold=untold)
    assert made.manifest.left_out == list(untold)


def test_a_host_of_the_operator_is_found_in_measured_use_too(tmp_path, monkeypatch):
    write_fleet(tmp_path / "fleet", {"reef/prod": {}})
    file = tmp_path / "fleet/fleet.yaml"
    file.write_text(file.read_text().replace("hubs@example.org", "hubs@operator.test"))
    monkeypatch.setattr("hubfleet.replicate.export.cost", lambda _use: "at db.operator.test")
    with pytest.raises(HubfleetError) as refused:
        exported(
            load_fleet(tmp_path / "fleet"), ("reef/prod",), tmp_path / "bundle", None, usage=USED
        )
    (problem,) = refused.value.problems
    assert (problem.code, str(problem.place)) == ("bundle-names-operator", "COST.md")

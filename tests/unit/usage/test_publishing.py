"""What is handed out to strangers tells of nobody in particular."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from hubfleet.office.usage.exporting import as_csv
from hubfleet.office.usage.publishing import as_json, hidden_parts, people_of, rows_of
from hubfleet.office.usage.shapes import Numbers, Report
from hubfleet.office.usage.words import DEFINITIONS, FEW, HIDDEN

DAY = date(2026, 11, 1)


def report(**people: int) -> Report:
    parts = {
        name: Numbers(users=count, sessions=count, peak=count) for name, count in people.items()
    }
    total = Numbers(users=sum(people.values()))
    return Report("", DAY, DAY, total, "community", parts, {"ant/prod": "it is away"})


def test_every_number_has_a_definition_and_every_definition_a_number() -> None:
    assert set(DEFINITIONS) == set(Numbers().as_json())


@given(st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 12)))
def test_no_part_of_few_people_is_shown_or_can_be_worked_out(people: dict[str, int]) -> None:
    found = report(**people)
    hidden = hidden_parts(found.parts)
    few = {name for name, count in people.items() if 0 < count < FEW}
    assert few <= hidden
    # Who subtracts all that is shown from the total learns the sum of two parts at least.
    alone = len([count for count in people.values() if count]) == 1
    assert not few or len(hidden) > 1 or alone
    for row in rows_of(found, public=True):
        assert row["hidden"] == (row["community"] in hidden)
        assert (row["users"] is None) == row["hidden"]
        assert (row["sessions"] is None) == row["hidden"]


def test_a_total_of_few_people_is_hidden_too_and_troubles_are_not_for_strangers() -> None:
    few, inside = as_json(report(ant=3), public=True), as_json(report(ant=3))
    assert few["total"]["users"] is None
    assert few["total"]["peak"] is None
    assert (few["troubles"], few["notes"][-1]) == ({}, HIDDEN)
    assert inside["total"]["users"] == 3
    assert inside["troubles"] == {"ant/prod": "it is away"}


def test_where_people_of_the_whole_range_are_not_known_the_best_day_counts() -> None:
    assert people_of(Numbers(users=None, most_users_of_a_day=3, most_users_of_a_week=4)) == 4


def test_csv_has_a_line_of_names_also_without_rows() -> None:
    assert as_csv([]).startswith("scope,from,to,users,billed_users,")
    lines = as_csv(rows_of(report(ant=7, bee=2), public=True)).splitlines()
    assert lines[0].startswith("community,from,to,users,")
    assert lines[2].startswith("bee,2026-11-01,2026-11-01,,,")

"""The shape of an error."""

from __future__ import annotations

import pytest

from hubfleet.kit.errors import HubfleetError, Place, Problem, failure, in_reading_order

HERE = Place("communities/ant/hubs/prod.yaml", 14, 3)


def test_an_error_has_place_reason_and_cure():
    error = failure("no-domain", "it has none", place=HERE, why="because", hint="add one")
    assert str(error) == (
        "error[no-domain]: it has none\n"
        "  --> communities/ant/hubs/prod.yaml:14:3\n"
        "  why: because\n"
        "  hint: add one"
    )


def test_the_json_keeps_every_key():
    assert Problem("code", "what").as_json() == {
        "code": "code",
        "place": None,
        "what": "what",
        "why": "",
        "hint": "",
    }
    assert Problem("code", "what", Place("whole.yaml")).as_json()["place"] == "whole.yaml"


def test_problems_are_read_from_top_to_bottom_and_once():
    late = Problem("a", "late", Place("b.yaml", 10, 1))
    early = Problem("a", "early", Place("b.yaml", 9, 1))
    other = Problem("a", "other", Place("a.yaml", 99, 1))
    nowhere = Problem("a", "nowhere")
    assert in_reading_order([late, other, early, nowhere, late]) == [nowhere, other, early, late]


def test_an_error_without_a_problem_is_a_mistake():
    with pytest.raises(ValueError, match="at least one problem"):
        HubfleetError()

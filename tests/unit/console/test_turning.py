"""When a hub is up, degraded or down: the laws of turning."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from hubfleet.office.watching.turning import Standing, Thresholds, forgive, take, worst

START = datetime(2026, 3, 1, tzinfo=UTC)
VERDICTS = st.sampled_from(["healthy", "degraded", "failed"])
PLAIN = st.sampled_from(["healthy", "failed"])
THRESHOLDS = st.builds(Thresholds, st.integers(1, 5), st.integers(1, 5))
WORDS = {"h": "healthy", "d": "degraded", "f": "failed"}


def at(number: int) -> datetime:
    return START + timedelta(minutes=number)


def walk(verdicts, thresholds=Thresholds(), standing=Standing()):  # noqa: B008, frozen values
    """The standing after each of them."""
    found = []
    for number, verdict in enumerate(verdicts):
        standing = take(standing, WORDS.get(verdict, verdict), at(number), thresholds)
        found.append(standing)
    return found


def states(verdicts, thresholds=Thresholds()):  # noqa: B008, a frozen value
    return [one.state for one in walk(verdicts, thresholds)]


def test_three_failures_say_down_and_two_successes_say_up():
    assert states("hhfffhh") == ["unknown", "up", "up", "up", "down", "down", "up"]
    assert walk("hhfff")[-1].began == at(2), "trouble began with the first failure"
    assert walk("hhfffhh")[-1].began == at(5), "and ended with the first success"


def test_weak_results_make_a_hub_degraded_and_failures_among_them_do_not_hide_it():
    assert states("hhddd")[-1] == "degraded"
    assert states("hhdfd")[-1] == "degraded"
    assert states("hhdddhh")[-1] == "up"
    assert states("hhdddfff")[-1] == "down"
    assert states("hhfffdd")[-1] == "degraded"


def test_a_hub_that_was_never_seen_working_is_unknown_until_it_is_sure():
    assert states("hff") == ["unknown"] * 3
    assert states("hfff")[-1] == "down"


@given(st.lists(VERDICTS, max_size=60), THRESHOLDS)
@settings(max_examples=200, deadline=None)
def test_no_state_changes_without_enough_results_in_a_row(verdicts, thresholds):
    found = [Standing(), *walk(verdicts, thresholds)]
    for number, (before, after) in enumerate(pairwise(found)):
        if before.state == after.state:
            assert after.began == before.began
            continue
        need = thresholds.down_after if after.state == "down" else 1
        last = verdicts[max(0, number + 1 - need) : number + 1]
        if after.state == "down":
            assert last == ["failed"] * thresholds.down_after
        if before.state == "down":
            assert "failed" not in verdicts[number + 1 - thresholds.up_after : number + 1]
        assert after.began is not None
        assert after.began <= at(number)


@given(st.lists(PLAIN, max_size=80), THRESHOLDS)
@settings(max_examples=200, deadline=None)
def test_flapping_turns_nothing_and_a_hub_goes_down_once_for_each_trouble(verdicts, thresholds):
    """Without weak results, down and up follow each other, and each needs its own long row."""
    turns = [state for state, _ in groupby(states(verdicts, thresholds)) if state != "unknown"]
    assert all(one != other for one, other in pairwise(turns))
    rows = [(verdict, len(list(group))) for verdict, group in groupby(verdicts)]
    long_failures = sum(v == "failed" and n >= thresholds.down_after for v, n in rows)
    assert turns.count("down") <= long_failures
    if all(n < thresholds.down_after for v, n in rows if v == "failed"):
        assert "down" not in turns


@given(st.lists(VERDICTS, max_size=40), THRESHOLDS)
@settings(deadline=None)
def test_long_enough_of_the_same_always_settles(verdicts, thresholds):
    standing = ([Standing(), *walk(verdicts, thresholds)])[-1]
    for verdict, state in (("failed", "down"), ("healthy", "up"), ("degraded", "degraded")):
        found = walk([verdict] * 10, thresholds, standing)[-1]
        assert found.state == state
        assert not found.in_doubt


def test_what_was_counted_before_a_maintenance_is_forgiven():
    before = walk("hhff")[-1]
    after = walk("f", standing=forgive(before))[-1]
    assert (before.state, after.state) == ("up", "up")


def test_a_hub_is_what_the_worst_of_its_checks_says():
    assert worst([]) == "unknown"
    assert worst(["up", "unknown"]) == "up"
    assert worst(["up", "down", "degraded"]) == "down"

"""The hub's histogram of starts, on both sides of JupyterHub 6, and laws of counting."""

from __future__ import annotations

import math
import random

from hypothesis import given
from hypothesis import strategies as st

from hubfleet.meters.counters import added, merged, quantile, spawn_counters
from hubfleet.meters.samples import Buckets, SpawnCounters

NAME = "jupyterhub_server_spawn_duration_seconds"
SIX = f"""
# HELP {NAME} Time taken
# TYPE {NAME} histogram
{NAME}_bucket{{le="1.0",reason="none",status="success"}} 3.0
{NAME}_bucket{{le="5.0",reason="none",status="success"}} 7.0
{NAME}_bucket{{le="+Inf",reason="none",status="success"}} 8.0
{NAME}_count{{reason="none",status="success"}} 8.0
{NAME}_sum{{reason="none",status="success"}} 31.5
{NAME}_bucket{{le="+Inf",reason="throttled",status="failure"}} 2.0
{NAME}_count{{reason="throttled",status="failure"}} 2.0
{NAME}_count{{reason="odd \\"}} words",status="failure"}} 1.0
{NAME}_count{{reason="exited",status="error"}} 4.0
{NAME}_count{{reason="timeout",status="error"}} 1.0
process_start_time_seconds 1.7e+09
"""
FIVE = f"""
{NAME}_bucket{{le="+Inf",status="success"}} 8.0
{NAME}_count{{status="failure"}} 3.0
"""


def test_six_tells_starts_that_broke_from_starts_that_were_refused() -> None:
    found = spawn_counters(SIX)
    assert found == SpawnCounters(1.7e9, ((1.0, 3.0), (5.0, 7.0), (math.inf, 8.0)), 5.0, 3.0)
    assert found.started == 8


def test_before_six_every_start_that_did_not_succeed_failed() -> None:
    assert spawn_counters(FIVE) == SpawnCounters(0.0, ((math.inf, 8.0),), 3.0, 0.0)


def test_another_prefix_of_the_names_changes_nothing() -> None:
    assert spawn_counters(SIX.replace("jupyterhub_", "ant_")) == spawn_counters(SIX)


def test_a_hub_without_numbers_shows_none() -> None:
    assert spawn_counters("# nothing\nup 1\n") is None


def test_odd_numbers_count_for_nothing() -> None:
    odd = "".join(
        f'{NAME}_count{{status="error"}} {number}\n'
        for number in ("-4", "many", "+Inf", "NaN", "1e300")
    )
    assert spawn_counters(odd) == SpawnCounters()


def test_without_an_earlier_reading_nothing_was_added() -> None:
    assert added(None, SpawnCounters(1.0, ((math.inf, 5.0),), 2.0)) == SpawnCounters(1.0)


def test_a_hub_that_began_anew_is_known_by_its_start_also_with_more_starts() -> None:
    before = SpawnCounters(100.0, ((math.inf, 5.0),), 1.0)
    now = SpawnCounters(900.0, ((math.inf, 6.0),), 1.0)
    assert added(before, now) == now


counts = st.integers(0, 50)


@st.composite
def counters(draw: st.DrawFn, bounds: tuple[float, ...] = (1.0, 5.0, math.inf)) -> SpawnCounters:
    total, buckets = 0, []
    for bound in bounds:
        total += draw(counts)
        buckets.append((bound, float(total)))
    since = draw(st.sampled_from([0.0, 100.0, 900.0]))
    return SpawnCounters(since, tuple(buckets), draw(counts), draw(counts))


@given(st.lists(counters(), max_size=8))
def test_whatever_a_hub_counts_nothing_negative_is_added(readings: list[SpawnCounters]) -> None:
    before = None
    for now in readings:
        more = added(before, now)
        assert more.failed >= 0
        assert more.rejected >= 0
        assert all(count >= 0 for _, count in more.buckets)
        before = now


@given(st.lists(counters(), min_size=1, max_size=8), st.randoms())
def test_merging_is_independent_of_order(found: list[SpawnCounters], chance: random.Random) -> None:
    histograms = [one.buckets for one in found]
    shuffled = chance.sample(histograms, len(histograms))
    assert merged(histograms) == merged(shuffled)
    assert merged(histograms)[-1][1] == sum(one.started for one in found)


@given(counters())
def test_a_quantile_lies_within_the_bounds_and_ascends(found: SpawnCounters) -> None:
    half, most = quantile(found.buckets, 0.5), quantile(found.buckets, 0.95)
    if not found.started:
        assert half is most is None
    else:
        assert half is not None
        assert most is not None
        assert 0 <= half <= most <= 5.0


def test_quantiles_are_those_of_prometheus() -> None:
    buckets: Buckets = ((1.0, 2.0), (5.0, 6.0), (math.inf, 8.0))
    assert quantile(buckets, 0.5) == 3.0
    assert quantile(buckets, 0.95) == 5.0, "beyond the last bound nothing more is known"


def test_different_bounds_are_merged_where_they_agree() -> None:
    one: Buckets = ((1.0, 2.0), (math.inf, 4.0))
    other: Buckets = ((2.0, 1.0), (math.inf, 3.0))
    assert merged([one, other, ()]) == ((math.inf, 7.0),)


@given(counters())
def test_counters_survive_the_table(found: SpawnCounters) -> None:
    assert SpawnCounters.from_json(found.as_json()) == found

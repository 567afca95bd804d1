"""Which troubles are one incident: laws over any order of troubles."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from hubfleet.office.incidents.grouping import Known, Spans, Trouble, belongs_to, title_of

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
SPANS = Spans(timedelta(minutes=10), timedelta(minutes=30))
CLUSTERS = {"ant/prod": "reef", "cat/one": "reef", "cat/two": "reef", "bee/prod": "cove"}

troubles = st.builds(
    lambda hub, kind, minutes, source: Trouble(
        hub, CLUSTERS[hub], kind, "P1", "", AT + timedelta(minutes=minutes), source
    ),
    st.sampled_from(list(CLUSTERS)),
    st.sampled_from(["hub-unreachable", "sign-in-fails", "infrastructure"]),
    st.integers(0, 60),
    st.sampled_from(["turn", "alert:a", "alert:b"]),
)


def group(found: list[Trouble]) -> list[Known]:
    """As intake does, in memory."""
    known: list[Known] = []
    for one in found:
        number = belongs_to(one, known, one.began_at, SPANS)
        old = next((known[i] for i in range(len(known)) if known[i].number == number), None)
        base = old or Known(
            len(known) + 1, one.kind, frozenset(), frozenset(), frozenset(), AT, by_machine=True
        )
        turned = {one.hub} if one.source == "turn" else set()
        new = replace(
            base,
            troubles=base.troubles | {(one.hub, one.kind)},
            turned=base.turned | turned,
            clusters=base.clusters | {one.cluster},
            joined_at=max(base.joined_at, one.began_at) if old else one.began_at,
        )
        known = [one for one in known if one.number != new.number] + [new]
    return sorted(known, key=lambda one: one.number)


@given(st.lists(troubles, max_size=25))
def test_a_trouble_that_is_told_again_changes_nothing(found):
    once = group(found)
    for one in found:
        number = belongs_to(one, once, one.began_at, SPANS)
        assert number is not None
        assert any((one.hub, one.kind) in k.troubles for k in once if k.number == number) or (
            one.source == "turn"
        )


@given(st.lists(troubles, max_size=25))
def test_a_hub_with_a_kind_is_in_one_open_incident(found):
    pairs = [pair for one in group(found) for pair in one.troubles]
    assert len(pairs) == len(set(pairs))


@given(
    st.permutations(["ant/prod", "cat/one", "cat/two"]), st.sampled_from(["x", "infrastructure"])
)
def test_what_fails_alike_on_one_cluster_is_one_incident_in_any_order(names, kind):
    found = [Trouble(name, "reef", kind, "P1", "", AT, f"alert:{name}") for name in names]
    (one,) = group(found)
    assert {hub for hub, _ in one.troubles} == set(names)


def test_later_is_another_cause_and_so_is_another_kind():
    first = Trouble("ant/prod", "reef", "x", "P1", "", AT, "alert:a")
    later = replace(first, hub="cat/one", began_at=AT + timedelta(minutes=11))
    other = replace(first, hub="cat/two", kind="y")
    assert len(group([first, later, other])) == 3


def test_what_ended_by_itself_returns_only_soon_and_only_when_nobody_took_it():
    one = Trouble("ant/prod", "reef", "x", "P1", "", AT, "turn")
    over = Known(
        7, "x", frozenset({("ant/prod", "x")}), frozenset(), frozenset({"reef"}), AT,
        by_machine=True, resolved_at=AT,
    )  # fmt: skip
    soon, late = AT + timedelta(minutes=30), AT + timedelta(minutes=31)
    assert belongs_to(one, [over], soon, SPANS) == 7
    assert belongs_to(one, [over], late, SPANS) is None
    assert belongs_to(one, [replace(over, alone=False)], soon, SPANS) is None


def test_titles_say_what_is_known_and_are_never_too_long():
    one = [("ant/prod", "reef")]
    assert title_of(one, "ant/prod does not answer", "words") == "ant/prod does not answer"
    assert title_of(one, "is slow\nand\tlate", "words") == "ant/prod: is slow and late"
    assert title_of([*one, ("cat/one", "reef")], "", "homes are full") == (
        "2 hubs on reef: homes are full"
    )
    assert title_of([*one, ("bee/prod", "cove")], "", "bad") == "2 hubs: bad"
    assert title_of([("", "")], "", "bad") == "bad"
    assert len(title_of(one, "x" * 500, "")) == 160

"""Which snapshots of a hub may be deleted: laws over any history."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from hubfleet.platforms.keeping import Keep, Made, expired

NOW = datetime(2026, 11, 20, tzinfo=UTC)

made_ones = st.lists(
    st.tuples(st.integers(1, 6), st.integers(-5, 400)).map(
        lambda pair: (pair[0], NOW - timedelta(days=pair[1]))
    ),
    max_size=25,
).map(lambda found: [Made(f"{n:04d}", r, at) for n, (r, at) in enumerate(found)])
keeps = st.builds(Keep, st.integers(0, 12), st.integers(0, 100).map(lambda d: timedelta(days=d)))


@given(made_ones, st.integers(1, 6), keeps)
def test_the_way_back_from_the_running_revision_is_never_deleted(made, running, keep):
    gone = expired(made, running, keep, NOW)
    others = [one.id for one in made if one.revision != running]
    assert not {*others[-1:], *[one.id for one in made][-1:]} & set(gone)


@given(made_ones, st.integers(1, 6), keeps)
def test_what_stays_is_few_and_young_enough(made, running, keep):
    gone = set(expired(made, running, keep, NOW))
    stays = [one for one in made if one.id not in gone]
    assert len(stays) <= max(keep.most, 2)
    assert len([one for one in stays if NOW - one.at > keep.oldest]) <= 2


@given(made_ones, st.integers(1, 6), keeps)
def test_a_second_look_deletes_nothing_more(made, running, keep):
    gone = expired(made, running, keep, NOW)
    assert expired([m for m in made if m.id not in gone], running, keep, NOW) == ()


@given(made_ones, st.integers(1, 6))
def test_nothing_goes_while_there_is_room(made, running):
    assert expired(made, running, Keep(25, timedelta(days=401)), NOW) == ()


def test_of_too_many_the_oldest_go_first():
    made = [Made(str(n), n, NOW - timedelta(hours=9 - n)) for n in range(9)]
    assert expired(made, 9, Keep(3, timedelta(days=1)), NOW) == ("0", "1", "2", "3", "4", "5")

"""Which snapshots are kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from hubfleet.platforms.local.homes.retention import Keep, expired

FIRST = datetime(2026, 1, 5, 1, tzinfo=UTC)  # a Monday

moments = st.lists(
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),
    max_size=60,
)
keeps = st.builds(Keep, st.integers(0, 10), st.integers(0, 10))


def nights(count: int) -> list[datetime]:
    return [FIRST + timedelta(days=day) for day in range(count)]


def test_seven_days_and_four_weeks_are_kept() -> None:
    made = nights(60)
    kept = [made[i] for i in range(60) if i not in expired(made, Keep(7, 4))]
    assert kept[-7:] == made[-7:]
    assert [moment.strftime("%a") for moment in kept[:-7]] == ["Sun", "Sun"]


def test_the_last_of_a_day_is_kept() -> None:
    made = [FIRST, FIRST + timedelta(hours=1), FIRST + timedelta(days=1)]
    assert expired(made, Keep(2, 0)) == {0}


@given(moments, keeps)
def test_the_newest_is_never_deleted_whatever_the_clock_did(
    made: list[datetime], keep: Keep
) -> None:
    assert len(made) - 1 not in expired(made, keep)


@given(moments, keeps)
def test_no_more_are_kept_than_asked_for(made: list[datetime], keep: Keep) -> None:
    kept = len(made) - len(expired(made, keep))
    assert kept <= max(1, keep.daily + keep.weekly)


@given(moments, keeps)
def test_deleting_twice_deletes_no_more(made: list[datetime], keep: Keep) -> None:
    gone = expired(made, keep)
    left = [moment for position, moment in enumerate(made) if position not in gone]
    assert expired(left, keep) == set()


def test_snapshots_made_after_the_clock_went_back_are_kept() -> None:
    made = [*nights(10), *(moment - timedelta(days=365) for moment in nights(10))]
    assert expired(made, Keep(5, 0)) == set(range(15))

"""Which snapshots are kept: the last of each of so many days, and of so many weeks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Keep:
    """How many days and weeks; the newest snapshot is kept whatever they say."""

    daily: int = 7
    weekly: int = 4


NIGHTLY = Keep()


def expired(made: Sequence[datetime], keep: Keep) -> set[int]:
    """Positions in `made` (in the order of making, oldest first) that may be deleted.

    The order counts, not the dates: after a clock was set back the newest snapshot is not the one
    with the latest date. Days and weeks without a snapshot are not counted.
    """
    if not made:
        return set()
    kept = {len(made) - 1}
    kept |= _last_of_each(made, keep.daily, lambda moment: moment.date())
    kept |= _last_of_each(made, keep.weekly, lambda moment: moment.isocalendar()[:2])
    return set(range(len(made))) - kept


def _last_of_each(
    made: Sequence[datetime], count: int, span: Callable[[datetime], object]
) -> set[int]:
    last: dict[object, int] = {}
    for position in reversed(range(len(made))):
        if len(last) < count:
            last.setdefault(span(made[position]), position)
    return set(last.values())

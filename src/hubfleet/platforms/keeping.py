"""Which snapshots may be deleted: by count and age, and never the way back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Keep:
    """At most so many snapshots of a hub, and none that is older."""

    most: int = 10
    oldest: timedelta = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Made:
    """What counts of one snapshot."""

    id: str
    revision: int
    at: datetime


def expired(made: Sequence[Made], running: int, keep: Keep, moment: datetime) -> tuple[str, ...]:
    """The ids in `made` (in the order of making) that may go while revision `running` runs.

    Two always stay, however old: the newest one, and the newest of another revision than the
    running one, without which nobody could go back.
    """
    others = [one for one in made if one.revision != running]
    sacred = {one.id for one in (*made[-1:], *others[-1:])}
    room = max(keep.most - len(sacred), 0)
    kept = set(sacred)
    for one in reversed(made):
        if one.id in kept:
            continue
        # The order of making counts, not the dates: a clock may have been set back.
        if room and moment - one.at <= keep.oldest:
            kept.add(one.id)
            room -= 1
    return tuple(one.id for one in made if one.id not in kept)

"""What follows from the moments of an incident: conditions, state, next update, times. Pure.

Nothing here is ever typed by people, so nothing can be nicer than the record.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol


class Moments(Protocol):
    """What is asked of an incident."""

    priority: str
    channel: str
    began_at: datetime
    opened_at: datetime
    acknowledged_at: datetime | None
    informed_at: datetime | None
    updated_at: datetime | None
    mitigated_at: datetime | None
    resolved_at: datetime | None
    users_affected: int | None


@dataclass(frozen=True, slots=True)
class Condition:
    """One of the four conditions of an official start."""

    words: str
    met: bool
    cure: str


def conditions(one: Moments) -> tuple[Condition, ...]:
    """All four must be met before an incident is `active`."""
    return (
        Condition("It is a P1", one.priority == "P1", "correct the priority if it is one"),
        Condition("Somebody has taken it", one.acknowledged_at is not None, "acknowledge it"),
        Condition("Its channel is named", bool(one.channel), "say where you talk"),
        Condition(
            "The community is informed", one.informed_at is not None, "publish a first update"
        ),
    )


def official(one: Moments) -> bool:
    return all(condition.met for condition in conditions(one))


def state_of(one: Moments) -> str:
    """The state that the moments make."""
    if one.resolved_at is not None:
        return "resolved"
    if one.mitigated_at is not None:
        return "mitigated"
    if official(one):
        return "active"
    return "acknowledged" if one.acknowledged_at is not None else "triggered"


def next_update(one: Moments, every: timedelta) -> datetime | None:
    """When the public is to hear of it again; None once it is over.

    Before the first update the clock runs from the moment at which it was opened.
    """
    if one.resolved_at is not None:
        return None
    return (one.updated_at or one.opened_at) + every


@dataclass(frozen=True, slots=True)
class Times:
    """How long things took; None for what has not happened."""

    detect: timedelta | None
    """From the beginning until it was known here."""
    acknowledge: timedelta | None
    """From then until somebody took it."""
    mitigate: timedelta | None
    """From the beginning until people could work again."""
    resolve: timedelta | None
    """From the beginning to the end."""

    def as_json(self) -> dict[str, int | None]:
        """Whole seconds."""
        return {
            f"to_{name}": None if span is None else int(span.total_seconds())
            for name, span in (
                ("detect", self.detect),
                ("acknowledge", self.acknowledge),
                ("mitigate", self.mitigate),
                ("resolve", self.resolve),
            )
        }


def times(one: Moments) -> Times:
    """Never negative: a beginning that was corrected to a later moment counts as the moment."""
    # An incident that was never called mitigated was so when it was over.
    mitigated = one.mitigated_at or one.resolved_at
    return Times(
        _between(one.began_at, one.opened_at),
        _between(one.opened_at, one.acknowledged_at),
        _between(one.began_at, mitigated),
        _between(one.began_at, one.resolved_at),
    )


def _between(start: datetime, end: datetime | None) -> timedelta | None:
    return None if end is None else max(end - start, timedelta(0))


def user_minutes(one: Moments) -> int | None:
    """People times minutes; None unless somebody counted the people and it is over for them."""
    span = times(one).mitigate
    if one.users_affected is None or span is None:
        return None
    return int(one.users_affected * span.total_seconds() // 60)


def in_words(span: timedelta | None) -> str:
    """`42 s`, `5 min`, `3 h 20 min`, `2 days 4 h`; `-` for none."""
    if span is None:
        return "-"
    seconds = int(span.total_seconds())
    parts: Sequence[tuple[int, str]] = (
        (seconds // 86400, "days" if seconds // 86400 != 1 else "day"),
        (seconds % 86400 // 3600, "h"),
        (seconds % 3600 // 60, "min"),
        (seconds % 60, "s"),
    )
    first = next((place for place, (number, _) in enumerate(parts) if number), 3)
    shown = [f"{number} {word}" for number, word in parts[first : first + 2] if number]
    if first == 2:
        shown = shown[:1]
    return " ".join(shown) or "0 s"

"""When a hub that was checked is up, degraded or down. Pure; knows no Django.

One failure says nothing: a hub is down after so many failures in a row and up after so many
successes. `take` adds one result to what is known from one kind of check; a hub's own state is
the worst that any kind says (`worst`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from hubfleet.probes.verdict import Verdict

State = Literal["unknown", "up", "degraded", "down"]
_ORDER: tuple[State, ...] = ("unknown", "up", "degraded", "down")


@dataclass(frozen=True, slots=True)
class Thresholds:
    """How many results in a row it takes."""

    down_after: int = 3
    up_after: int = 2


@dataclass(frozen=True, slots=True)
class Row:
    """Results of one sort that came one after the other, and when the first of them came."""

    count: int = 0
    since: datetime | None = None

    def more(self, at: datetime, *, like: bool) -> Row:
        if not like:
            return Row()
        return Row(self.count + 1, self.since or at)


@dataclass(frozen=True, slots=True)
class Standing:
    """What one kind of check knows of a hub. `began` is when the present state began."""

    state: State = "unknown"
    began: datetime | None = None
    failed: Row = Row()
    """Failures in a row."""
    ailing: Row = Row()
    """Failures and weak results in a row."""
    well: Row = Row()
    """Successes in a row."""
    works: Row = Row()
    """Successes and weak results in a row."""

    @property
    def in_doubt(self) -> bool:
        """Whether the last results say something else than the state: then ask again soon."""
        agrees = {
            "up": self.well.count > 0,
            "degraded": self.ailing.count > 0 and self.failed.count == 0,
            "down": self.failed.count > 0,
        }
        return not agrees.get(self.state, False)


def take(standing: Standing, verdict: Verdict, at: datetime, thresholds: Thresholds) -> Standing:
    """The standing after one more result."""
    counted = replace(
        standing,
        failed=standing.failed.more(at, like=verdict == "failed"),
        ailing=standing.ailing.more(at, like=verdict != "healthy"),
        well=standing.well.more(at, like=verdict == "healthy"),
        works=standing.works.more(at, like=verdict != "failed"),
    )
    state, began = _decide(counted, thresholds)
    if state == standing.state:
        return counted
    return replace(counted, state=state, began=began)


def _decide(now: Standing, thresholds: Thresholds) -> tuple[State, datetime | None]:
    if now.failed.count >= thresholds.down_after:
        return "down", now.failed.since
    if now.state == "down":
        # It works again, perhaps not well; the first result that was no failure began it.
        if now.works.count >= thresholds.up_after:
            return ("up" if now.well.count else "degraded"), now.works.since
        return "down", now.began
    if now.ailing.count >= thresholds.down_after:
        return "degraded", now.ailing.since
    if now.state != "up" and now.well.count >= thresholds.up_after:
        return "up", now.well.since
    return now.state, now.began


def forgive(standing: Standing) -> Standing:
    """The standing without what was counted towards trouble, such as after a maintenance."""
    return replace(standing, failed=Row(), ailing=Row())


def worst(states: Iterable[State]) -> State:
    """A hub is what the kind of check says that has the most against it."""
    return max(states, key=_ORDER.index, default="unknown")

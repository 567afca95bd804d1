"""When what happens to a hub that ends, and how far it is. Pure; knows no Django.

All dates are days of the service's time zone. A day of 23 or 25 hours is one day like any other.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from hubfleet.fleet.ending import Ending as Policy
from hubfleet.kit.errors import Problem
from hubfleet.kit.units import day_after, day_before

Phase = Literal["asked", "end-notice", "export", "removed", "closed", "cancelled"]

FARTHEST = 5
"""Years ahead for which an ending can be asked."""

MOST_EXTENSIONS = 3
"""With the default of two weeks each: six weeks. Afterwards somebody must decide anew."""


@dataclass(frozen=True, slots=True)
class Dates:
    """`late`: the ending became known less than the notice before its last day."""

    asked: date
    notice: date
    """The day by which it should have been known."""
    reminders: tuple[date, ...]
    """Those that still lie ahead of `asked`, earliest first."""
    export_from: date
    """From here the final export is made; whoever needs help with it has said so before."""
    last_day: date
    """The last day on which people use the hub."""
    removal: date
    """The first day on which the hub may be removed."""
    retention_end: date
    """The day on which aggregates are deleted, too."""

    @property
    def late(self) -> bool:
        return self.asked > self.notice

    def as_json(self) -> dict[str, object]:
        return {
            "asked": str(self.asked),
            "notice": str(self.notice),
            "late": self.late,
            "reminders": [str(day) for day in self.reminders],
            "export_from": str(self.export_from),
            "last_day": str(self.last_day),
            "removal": str(self.removal),
            "retention_end": str(self.retention_end),
        }


def dates_of(last_day: date, asked: date, policy: Policy) -> Dates:
    """All dates that follow from the last day; ask `objection` first."""
    removal = last_day + timedelta(days=1)
    reminders = {day_before(last_day, period) for period in policy.remind}
    return Dates(
        asked=asked,
        notice=day_before(last_day, policy.notice),
        reminders=tuple(sorted(day for day in reminders if day > asked)),
        export_from=last_day - timedelta(days=policy.export_days - 1),
        last_day=last_day,
        removal=removal,
        retention_end=day_after(removal, policy.retention),
    )


def objection(hub: str, last_day: date, asked: date, policy: Policy) -> Problem | None:
    """Why a hub cannot end on this day; None when it can."""
    earliest = asked + timedelta(days=policy.export_days)
    if last_day < earliest:
        return Problem(
            "ending-too-soon",
            f"{hub} cannot end on {last_day}",
            "--on",
            f"people have {_days(policy.export_days)} to take their files along "
            "(`service.ending.export_days`)",
            f"choose {earliest} or a later day",
        )
    if last_day > day_after(asked, f"{FARTHEST}y"):
        return Problem(
            "ending-too-far",
            f"{hub} cannot end on {last_day}",
            "--on",
            f"that is more than {FARTHEST} years ahead",
            "look at the year; or ask again when it is nearer",
        )
    return None


def _days(count: int) -> str:
    return "a day" if count == 1 else f"{count} days"


@dataclass(frozen=True, slots=True)
class Progress:
    """What has happened so far."""

    consent: bool = False
    confirmed: bool = False
    cancelled: bool = False
    gone: bool = False
    """Neither declared nor seen anywhere."""
    settled: bool = False
    """Nothing is left but what may be kept for a while."""
    forgotten: bool = False
    """That is gone, too."""

    @property
    def agreed(self) -> bool:
        return self.consent and self.confirmed


def phase_of(progress: Progress, dates: Dates, today: date) -> Phase:
    """Where a hub is on its way out. `asked`: it lives on until both sides have agreed."""
    if progress.cancelled:
        return "cancelled"
    if progress.gone:
        return "closed" if progress.settled and progress.forgotten else "removed"
    if not progress.agreed:
        return "asked"
    return "end-notice" if today < dates.export_from else "export"


def begins(day: date, zone: str) -> datetime:
    """The moment at which a day begins in a zone, in UTC; also where midnight is skipped."""
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)

"""The arithmetic of objectives: what a target leaves for failures in a month, and what is left of
it. Pure; knows no Django.

A month is one of the service's time zone. The budget is the share of the month that a target leaves
out; time that was excused by an announced maintenance is no part of the month. Time that nobody
watched is told, and spends nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from hubfleet.kit.clock import timestamp
from hubfleet.kit.errors import failure

DEFINITION = (
    "Available is the share of the measured time in which the hub answered. Maintenance that was "
    "announced and time that nobody measured count for neither. The error budget is what the "
    "target leaves of the whole month."
)
"""Shown beside the numbers, wherever they are shown."""

_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")

State = Literal["kept", "at risk", "missed", "not measured", "no target"]


@dataclass(frozen=True, slots=True)
class Month:
    """A calendar month in a time zone."""

    year: int
    month: int
    zone: ZoneInfo

    @classmethod
    def of(cls, day: date, zone: ZoneInfo) -> Month:
        return cls(day.year, day.month, zone)

    @classmethod
    def named(cls, text: str, zone: ZoneInfo) -> Month:
        """`2026-11`; raises `not-a-month`."""
        found = _MONTH.fullmatch(text)
        # The calendar of Python ends with the year 9999.
        if found is None or not 1 <= int(found[1]) < 9999:
            raise failure(
                "not-a-month",
                f"`{text[:40]}` is not a month",
                hint="write the year and the month as in 2026-11",
            )
        return cls(int(found[1]), int(found[2]), zone)

    def __str__(self) -> str:
        return f"{self.year:04}-{self.month:02}"

    @property
    def first(self) -> date:
        return date(self.year, self.month, 1)

    @property
    def last(self) -> date:
        return self.next().first - timedelta(days=1)

    @property
    def start(self) -> datetime:
        return datetime(self.year, self.month, 1, tzinfo=self.zone).astimezone(UTC)

    @property
    def end(self) -> datetime:
        return self.next().start

    @property
    def seconds(self) -> float:
        """With an hour less or more where the clocks change."""
        return (self.end - self.start).total_seconds()

    def next(self) -> Month:
        year, month = divmod(self.year * 12 + self.month, 12)
        return Month(year, month + 1, self.zone)

    def before(self) -> Month:
        year, month = divmod(self.year * 12 + self.month - 2, 12)
        return Month(year, month + 1, self.zone)


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds of a hub in a month."""

    up: float = 0.0
    down: float = 0.0
    excused: float = 0.0

    @property
    def duty(self) -> float:
        """In which the hub ought to have answered, and somebody looked."""
        return self.up + self.down

    def __add__(self, other: Measured) -> Measured:
        return Measured(self.up + other.up, self.down + other.down, self.excused + other.excused)


@dataclass(frozen=True, slots=True)
class Excluded:
    """A maintenance that was announced, as far as it lies in the month."""

    start: datetime
    end: datetime
    title: str


@dataclass(frozen=True, slots=True)
class Budget:
    """A hub's month; `target` in percent, None where nothing is promised."""

    hub: str
    stage: str
    month: Month
    target: float | None
    measured: Measured
    unmeasured: float
    """Seconds of the month, up to now, in which nobody looked."""
    excluded: tuple[Excluded, ...] = ()

    @property
    def available(self) -> float | None:
        """0 to 1; None when nobody looked."""
        return self.measured.up / self.measured.duty if self.measured.duty > 0 else None

    @property
    def allowed(self) -> float | None:
        """Seconds that the hub may be down in this month."""
        if self.target is None:
            return None
        return _missing(self.target) * max(self.month.seconds - self.measured.excused, 0.0)

    @property
    def left(self) -> float | None:
        """Seconds of that which are left; below 0 when the target is missed for good."""
        return None if self.allowed is None else self.allowed - self.measured.down

    @property
    def left_part(self) -> float | None:
        """The same as a share of the budget: 1 when nothing is spent."""
        if self.left is None or self.allowed is None:
            return None
        return self.left / self.allowed if self.allowed > 0 else 0.0

    @property
    def burn(self) -> float | None:
        """How many times faster than the target allows the budget is spent, so far."""
        if self.target is None or self.measured.duty <= 0:
            return None
        return self.measured.down / self.measured.duty / _missing(self.target)

    @property
    def state(self) -> State:
        """At risk: were the whole month like its measured part, the target would be missed."""
        if self.target is None:
            return "no target"
        if self.burn is None or self.left is None:
            return "not measured"
        if self.left < 0:
            return "missed"
        return "at risk" if self.burn > 1 else "kept"

    def as_json(self) -> dict[str, Any]:
        """Seconds are whole; percent and shares are cut, so that no miss is rounded away."""
        return {
            "hub": self.hub,
            "stage": self.stage,
            "target": self.target,
            "availability": None if self.available is None else _cut(self.available * 100, 3),
            "up_seconds": round(self.measured.up),
            "down_seconds": round(self.measured.down),
            "excused_seconds": round(self.measured.excused),
            "unmeasured_seconds": round(self.unmeasured),
            "budget_seconds": None if self.allowed is None else round(self.allowed),
            "left_seconds": None if self.left is None else round(self.left),
            "left": None if self.left_part is None else _cut(self.left_part, 3),
            "burn": None if self.burn is None else round(self.burn, 2),
            "state": self.state,
            "excluded": [
                {"from": timestamp(one.start), "until": timestamp(one.end), "title": one.title}
                for one in self.excluded
            ],
        }


def _missing(target: float) -> float:
    """What a target in percent leaves, 0 to 1; without the dust of binary fractions."""
    return round(1 - target / 100, 10)


def _cut(value: float, digits: int) -> float:
    factor: float = 10.0**digits
    # The dust of a product such as 99.95 * 1000 must not cost a digit.
    return int(value * factor + (1e-6 if value >= 0 else -1e-6)) / factor


def budget(
    hub: str,
    stage: str,
    month: Month,
    target: float | None,
    measured: Iterable[Measured],
    present: datetime,
    excluded: Sequence[Excluded] = (),
) -> Budget:
    """A hub's month as it stands at `present`."""
    found = sum(measured, Measured())
    gone = (min(present, month.end) - month.start).total_seconds()
    unmeasured = max(gone - found.duty - found.excused, 0.0)
    return Budget(hub, stage, month, target, found, unmeasured, tuple(excluded))


_WORST: tuple[State, ...] = ("missed", "at risk", "not measured", "kept", "no target")


def in_time(seconds: float) -> str:
    """`40 s`, `12 min`, `3 h 42 min`, `2 d 5 h`; below zero with a minus. Cut, not rounded."""
    sign, whole = ("-" if seconds <= -1 else ""), int(abs(seconds))
    if whole < 60:
        return f"{sign}{whole} s"
    if whole < 3600:
        return f"{sign}{whole // 60} min"
    if whole < 48 * 3600:
        return f"{sign}{whole // 3600} h {whole % 3600 // 60} min"
    return f"{sign}{whole // 86400} d {whole % 86400 // 3600} h"


def in_budget(left: float | None, allowed: float | None) -> str:
    """`3 h 12 min of 3 h 42 min`, `1 h 24 min over 3 h 36 min`, or `-` without a target."""
    if left is None or allowed is None:
        return "-"
    if left < 0:
        return f"{in_time(-left)} over {in_time(allowed)}"
    return f"{in_time(left)} of {in_time(allowed)}"


def worst_first(budgets: Iterable[Budget]) -> list[Budget]:
    """What needs a look first; then by name."""
    return sorted(budgets, key=lambda one: (_WORST.index(one.state), one.hub))

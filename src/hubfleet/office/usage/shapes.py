"""What is answered, as plain values. Pure; knows no Django."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any, Literal

By = Literal["day", "hub", "community"]


@dataclass(frozen=True, slots=True)
class Numbers:
    """One row of what is shown; the names are those of `words.DEFINITIONS`. None: not known."""

    users: int | None = None
    billed_users: int | None = None
    users_by_day: float | None = None
    most_users_of_a_day: int = 0
    most_users_of_a_week: int = 0
    sessions: int = 0
    server_hours: float = 0.0
    memory_hours_requested: float = 0.0
    memory_hours_used: float | None = None
    measured_share: float = 0.0
    cpu_hours: float | None = None
    peak: int = 0
    starts: int = 0
    start_seconds_half: float | None = None
    start_seconds_most: float | None = None
    failed: int = 0
    rejected: int = 0

    def as_json(self) -> dict[str, Any]:
        return {
            name: round(value, 3) if isinstance(value, float) else value
            for name, value in asdict(self).items()
        }


@dataclass(frozen=True, slots=True)
class Report:
    """An answer: the totals of a scope, and of its parts in order of their names."""

    scope: str
    first: date
    last: date
    total: Numbers
    by: By | None = None
    parts: Mapping[str, Numbers] = field(default_factory=dict)
    troubles: Mapping[str, str] = field(default_factory=dict)
    """Hubs that could not be read the last time, and why."""

"""What pages and commands show of due work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hubfleet.kit.clock import now, timestamp
from hubfleet.office.schedules.lease import holder
from hubfleet.office.schedules.models import Job, Run

LATE = 30.0
"""Seconds and one period after its time a job is late."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One job. `result` is empty for one that never ended; times are None for never."""

    name: str
    every: float
    last_at: datetime | None
    next_at: datetime | None
    running_since: datetime | None
    seconds: float
    result: str
    said: str
    failures: int
    late: bool

    @property
    def word(self) -> str:
        """The class of its state in the style sheet."""
        if self.failures:
            return "bad"
        if self.late:
            return "warn"
        return "good" if self.result else "quiet"

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "every_seconds": self.every,
            "last_at": _stamp(self.last_at),
            "next_at": _stamp(self.next_at),
            "running_since": _stamp(self.running_since),
            "seconds": round(self.seconds, 3),
            "result": self.result,
            "said": self.said,
            "failures": self.failures,
            "late": self.late,
        }


@dataclass(frozen=True, slots=True)
class Board:
    """All jobs; `holder` is who runs them, empty for nobody."""

    jobs: tuple[Shown, ...]
    holder: str
    since: datetime | None

    def as_json(self) -> dict[str, Any]:
        return {
            "holder": self.holder,
            "since": _stamp(self.since),
            "schedules": [one.as_json() for one in self.jobs],
        }


def board(names: Sequence[tuple[str, float]] | None = None, at: datetime | None = None) -> Board:
    """The jobs with these names and periods, in this order; all that were ever due without."""
    moment = at or now()
    rows = {row.name: row for row in Job.objects.all()}
    row = holder()
    wanted = [(one.name, one.every) for one in rows.values()] if names is None else names
    shown = tuple(_shown(name, every, rows.get(name), moment) for name, every in wanted)
    return Board(shown, row.owner if row else "", row.since if row else None)


def _shown(name: str, every: float, row: Job | None, at: datetime) -> Shown:
    if row is None:
        return Shown(name, every, None, None, None, 0.0, "", "", 0, late=False)
    # One that runs is not late: a round of paths takes minutes.
    late = row.began_at is None and (at - row.due_at).total_seconds() > every + LATE
    return Shown(
        name, every, row.ended_at, row.due_at, row.began_at, row.seconds, row.result, row.said,
        row.failures, late,
    )  # fmt: skip


def runs(job: str = "", *, failed: bool = False) -> Any:
    """The runs as a query, newest first."""
    rows = Run.objects.order_by("-id")
    if job:
        rows = rows.filter(job=job)
    if failed:
        rows = rows.filter(result__in=[Run.Result.FAILED, Run.Result.CUT_OFF])
    return rows


def run_as_json(run: Run) -> dict[str, Any]:
    """One row of the log."""
    return {
        "name": run.job,
        "due_at": _stamp(run.due_at),
        "started_at": _stamp(run.started_at),
        "ended_at": _stamp(run.ended_at),
        "seconds": round(run.seconds, 3),
        "times": run.times,
        "result": run.result,
        "said": run.said,
        "runner": run.runner,
    }


def _stamp(moment: datetime | None) -> str | None:
    return timestamp(moment) if moment else None

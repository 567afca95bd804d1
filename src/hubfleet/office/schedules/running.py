"""Claiming what is due, doing it, and writing down how it went.

A run is claimed in one transaction and ended in another; both refuse whoever lost the lease. Its
due time moves on only at the end, so that a run which a crash cut off is done again by the next
holder, at once, and one that ended is not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from hubfleet.kit.clock import now
from hubfleet.kit.errors import HubfleetError
from hubfleet.office.schedules.lease import Lease, renewed
from hubfleet.office.schedules.models import Job, Run

QUICK = 60.0
"""Runs of a job that is due more often than this share a row while they go in the same way."""
TOGETHER = timedelta(hours=1)
"""The longest time that one row tells of."""
LONGEST_WAIT = 60.0
"""Seconds after which a job that failed is tried again at the latest."""
_MOST = 500


@dataclass(frozen=True, slots=True)
class Duty:
    """Something to do every so many seconds. What it returns is told if it is text."""

    name: str
    every: float
    act: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Claim:
    """One run that is ours to do."""

    duty: Duty
    due_at: datetime
    began_at: datetime


@dataclass(frozen=True, slots=True)
class Done:
    """How it went; `error` is what it failed with."""

    name: str
    due_at: datetime
    started_at: datetime
    seconds: float
    ok: bool
    said: str
    error: Exception | None = None

    def as_json(self) -> dict[str, Any]:
        from hubfleet.kit.clock import timestamp

        return {
            "name": self.name,
            "due_at": timestamp(self.due_at),
            "started_at": timestamp(self.started_at),
            "seconds": round(self.seconds, 3),
            "result": "ok" if self.ok else "failed",
            "said": self.said,
        }


def claim(duty: Duty, lease: Lease, at: datetime | None = None) -> Claim | float:
    """The run when it is due, else the seconds until then; raises `LostError`."""
    moment = at or now()
    with transaction.atomic():
        epoch = lease.fence()
        fresh = {"every": duty.every, "due_at": moment}
        Job.objects.get_or_create(name=duty.name, defaults=fresh)
        job = Job.objects.select_for_update().get(name=duty.name)
        if job.began_at is not None:
            _cut_off(job, moment)
        if job.every != duty.every:
            # A shorter time counts from now on, not only after the long one.
            job.due_at = min(job.due_at, moment + timedelta(seconds=duty.every))
            job.every = duty.every
        if job.due_at > moment:
            job.save()
            return (job.due_at - moment).total_seconds()
        job.began_at, job.epoch = moment, epoch
        if duty.every >= QUICK:
            job.run = Run.objects.create(
                job=job.name, due_at=job.due_at, started_at=moment, result=Run.Result.RUNNING,
                runner=lease.owner,
            ).pk  # fmt: skip
        job.save()
        return Claim(duty, job.due_at, moment)


def _cut_off(job: Job, at: datetime) -> None:
    """A run that nobody ended: it is told, and done again. Each job has one thread of one holder,
    so that it cannot be still under way.
    """
    began = job.began_at or at
    changed = Run.objects.filter(pk=job.run or 0, result=Run.Result.RUNNING).update(
        result=Run.Result.CUT_OFF, ended_at=at, said="its process was ended"
    )
    if not changed:
        job.run = Run.objects.create(
            job=job.name, due_at=job.due_at, started_at=began, ended_at=at,
            result=Run.Result.CUT_OFF, said="its process was ended", runner="",
        ).pk  # fmt: skip
    job.began_at = None


def do(claimed: Claim) -> Done:
    """Do it; never raises what it fails with."""
    began, said = time.monotonic(), ""
    error: Exception | None = None
    try:
        told = claimed.duty.act()
        said = told if isinstance(told, str) else ""
    except HubfleetError as failed:
        error, said = failed, failed.problems[0].what
    except Exception as failed:
        error, said = failed, f"{type(failed).__name__}: {failed}"
    seconds = time.monotonic() - began
    said = (said.splitlines() or [""])[0][:_MOST] if error else said[:_MOST]
    return Done(
        claimed.duty.name, claimed.due_at, claimed.began_at, seconds, error is None, said, error
    )


def end(claimed: Claim, done: Done, lease: Lease, at: datetime | None = None) -> float:
    """Write it down; the seconds until the next run. Raises `LostError` and writes nothing."""
    moment = at or now()
    with transaction.atomic():
        lease.fence()
        job = Job.objects.select_for_update().get(name=claimed.duty.name)
        job.failures = 0 if done.ok else min(job.failures + 1, 20)
        wait = back_off(claimed.duty.every, job.failures)
        job.due_at = following(claimed.due_at, moment, wait, on_time=done.ok)
        job.began_at, job.ended_at, job.seconds = None, moment, done.seconds
        job.result, job.said = (Run.Result.OK if done.ok else Run.Result.FAILED), done.said
        job.run = _written(job, claimed, done, lease, moment)
        job.save()
    return max(0.0, (job.due_at - moment).total_seconds())


def back_off(every: float, failures: int) -> float:
    """Seconds until the next run: longer after each failure, a minute at most."""
    if not failures:
        return every
    return min(every * 2.0**failures, LONGEST_WAIT)


def following(due_at: datetime, moment: datetime, wait: float, *, on_time: bool) -> datetime:
    """When it is due next: in step with the clock, and never twice for what was missed."""
    step = timedelta(seconds=wait)
    if on_time and due_at + step > moment:
        return due_at + step
    return moment + step


def _written(job: Job, claimed: Claim, done: Done, lease: Lease, moment: datetime) -> int:
    """The key of the row that tells of it."""
    result = Run.Result.OK if done.ok else Run.Result.FAILED
    run = Run.objects.filter(pk=job.run or 0, job=job.name).first()
    if run is not None and run.result == Run.Result.RUNNING:
        run.result, run.said, run.ended_at, run.seconds = result, done.said, moment, done.seconds
        run.save()
        return run.pk
    alike = run is not None and (run.result, run.said, run.runner) == (
        result, done.said, lease.owner,
    )  # fmt: skip
    if run is not None and alike and moment - run.started_at < TOGETHER:
        run.ended_at, run.times = moment, run.times + 1
        run.seconds = max(run.seconds, done.seconds)
        run.save(update_fields=["ended_at", "times", "seconds"])
        return run.pk
    return Run.objects.create(
        job=job.name, due_at=claimed.due_at, started_at=claimed.began_at, ended_at=moment,
        seconds=done.seconds, result=result, said=done.said, runner=lease.owner,
    ).pk  # fmt: skip


def run_due(duties: Sequence[Duty], lease: Lease) -> list[Done]:
    """Do what is due now, once, one after the other; the lease is ours. Raises `LostError`."""
    found = []
    with renewed(lease):
        for duty in duties:
            claimed = claim(duty, lease)
            if isinstance(claimed, Claim):
                done = do(claimed)
                end(claimed, done, lease)
                found.append(done)
    return found

"""Due work: one runner at a time, nothing lost or done twice, and every run remembered."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
VALID = timedelta(seconds=20)


@dataclass
class Time:
    """A clock that a test moves."""

    at: datetime = START

    def __call__(self) -> datetime:
        return self.at

    def after(self, seconds: float) -> datetime:
        self.at += timedelta(seconds=seconds)
        return self.at


@pytest.fixture
def clock(console) -> Time:
    return Time()


def lease(clock: Time, owner: str):
    from hubfleet.office.schedules.lease import Lease

    return Lease(owner, clock=clock, valid=VALID)


def runs(job: str) -> list[tuple[str, int]]:
    from hubfleet.office.schedules.models import Run

    return list(Run.objects.filter(job=job).order_by("id").values_list("result", "times"))


def test_one_holds_the_lease_and_another_takes_it_over_when_it_has_run_out(clock):
    from hubfleet.office.schedules.lease import LostError

    one, other = lease(clock, "one"), lease(clock, "other")
    assert one.hold()
    assert not other.hold()
    clock.after(15)
    assert one.hold(), "renewed"
    clock.after(15)
    assert not other.hold()
    clock.after(6)
    assert other.hold()
    with pytest.raises(LostError):
        one.fence()
    assert not one.hold(), "the first is refused afterwards"
    other.let_go()
    assert one.hold(), "freed, and so not waited for"


def test_who_lost_the_lease_cannot_write_how_its_run_ended(clock):
    from hubfleet.office.schedules.lease import LostError
    from hubfleet.office.schedules.models import Job
    from hubfleet.office.schedules.running import Claim, Duty, claim, do, end

    one, other, did = lease(clock, "one"), lease(clock, "other"), list[str]()
    one.hold()
    slow = Duty("mails", 60, lambda: did.append("one"))
    claimed = claim(slow, one, clock.at)
    assert isinstance(claimed, Claim)
    clock.after(30)
    other.hold()
    again = claim(Duty("mails", 60, lambda: did.append("other")), other, clock.at)
    assert isinstance(again, Claim), "what nobody ended is due still"
    with pytest.raises(LostError):
        end(claimed, do(claimed), one, clock.after(1))
    end(again, do(again), other, clock.after(1))
    assert runs("mails") == [("cut-off", 1), ("ok", 1)]
    assert Job.objects.get().due_at > clock.at


def test_a_job_is_due_in_step_and_what_was_missed_is_done_once(clock):
    from hubfleet.office.schedules.running import Duty

    mine, did = lease(clock, "one"), list[str]()
    mine.hold()
    duty = Duty("chores", 60, lambda: did.append("x"))

    def due(seconds: float) -> int:
        clock.after(seconds)
        before = len(did)
        _run(duty, mine, clock)
        _run(duty, mine, clock)
        return len(did) - before

    assert [due(0), due(59), due(1), due(60), due(600), due(1), due(59)] == [1, 0, 1, 1, 1, 0, 1]


def _run(duty, mine, clock: Time) -> None:
    from hubfleet.office.schedules.running import Claim, claim, do, end

    claimed = claim(duty, mine, clock.at)
    if isinstance(claimed, Claim):
        end(claimed, do(claimed), mine, clock.at)


def test_a_failure_is_told_and_tried_again_sooner_and_sooner_forgotten(clock):
    from hubfleet.kit.errors import failure
    from hubfleet.office.schedules.models import Job
    from hubfleet.office.schedules.running import Duty

    mine = lease(clock, "one")
    mine.hold()
    outcomes: list[Exception | str] = [
        failure("server-away", "the mail server does not answer"), OSError("no\nroute"), "3 sent",
    ]  # fmt: skip

    def act() -> object:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    duty, said = Duty("mails", 2, act), []
    for _ in range(3):
        _run(duty, mine, clock)
        job = Job.objects.get(name="mails")
        said.append((job.result, job.said, job.failures, (job.due_at - clock.at).total_seconds()))
        clock.at = job.due_at
    assert said == [
        ("failed", "the mail server does not answer", 1, 4),
        ("failed", "OSError: no", 2, 8),
        ("ok", "3 sent", 0, 2),
    ]


def test_quick_runs_that_went_alike_share_a_row_and_slow_ones_have_one_each(clock):
    from hubfleet.office.schedules.running import Duty

    mine = lease(clock, "one")
    mine.hold()
    for _ in range(10):
        _run(Duty("quick", 2, lambda: None), mine, clock)
        _run(Duty("slow", 60, lambda: None), mine, clock)
        clock.after(60)
    assert runs("quick") == [("ok", 10)]
    assert runs("slow") == [("ok", 1)] * 10
    clock.after(3600)
    _run(Duty("quick", 2, lambda: None), mine, clock)
    assert runs("quick") == [("ok", 10), ("ok", 1)]


@dataclass
class World:
    """Two processes that do the same job, and may be killed anywhere; what became of it."""

    clock: Time
    rng: random.Random
    effects: list[datetime] = field(default_factory=list)

    def turn(self, mine, duty) -> None:
        """One turn of one process, perhaps killed somewhere in it."""
        from hubfleet.office.schedules.lease import LostError
        from hubfleet.office.schedules.running import Claim, claim, do, end

        killed = self.rng.choice(["", "", "", "claimed", "done"])
        try:
            if not mine.hold():
                return
            claimed = claim(duty, mine, self.clock.at)
            if not isinstance(claimed, Claim) or killed == "claimed":
                return
            done = do(claimed)
            if killed == "done":
                return
            end(claimed, done, mine, self.clock.after(self.rng.random()))
            self.effects.append(claimed.due_at)
        except LostError:
            return


@pytest.mark.parametrize("seed", range(8))
def test_killed_anywhere_no_due_time_is_lost_and_none_is_ended_twice(clock, seed):
    from hubfleet.office.schedules.models import Job, Run
    from hubfleet.office.schedules.running import Duty

    world = World(clock, random.Random(seed))
    processes = {name: lease(clock, name) for name in ("one", "other")}
    duty = Duty("chores", 60, lambda: None)
    for _ in range(60):
        name = world.rng.choice(list(processes))
        if world.rng.random() < 0.3:
            processes[name] = lease(clock, name)  # It was killed and started again.
        world.turn(processes[name], duty)
        clock.after(world.rng.choice([1, 10, 25]))
    assert len(world.effects) == len(set(world.effects)), "no due time is ended twice"
    ended = Run.objects.filter(job="chores", result="ok")
    assert sorted(ended.values_list("due_at", flat=True)) == sorted(world.effects)
    job = Job.objects.get(name="chores")
    assert job.due_at > max(world.effects), "and the next one is waiting"
    assert not Run.objects.filter(result="running").exclude(pk=job.run or 0).exists()


def test_loops_of_a_second_console_stand_by_and_take_over(console, until):
    import threading

    from hubfleet.office.schedules.lease import Lease
    from hubfleet.office.site.loops import DueLoop, running

    did: dict[str, int] = {"one": 0, "other": 0}
    there = threading.Lock()

    def loops(name: str) -> tuple[list[DueLoop], Lease]:
        def act() -> None:
            with there:
                did[name] += 1

        mine = Lease(name)
        return [DueLoop("chores", 0.05, act, lease=mine)], mine

    with running(*loops("one")):
        until(lambda: did["one"] > 2)
        first = running(*loops("other"))
        with first:
            before = did["one"]
            until(lambda: did["one"] > before + 3)
            assert did["other"] == 0
    with running(*loops("other")):
        until(lambda: did["other"] > 2)


def test_a_long_turn_is_late_only_after_ten_minutes(console):
    import time

    from hubfleet.office.site.loops import DueLoop, Loop

    loop = DueLoop("paths", 2, lambda: None)
    loop.succeeded = time.monotonic() - 300
    assert loop.late() > 0
    loop.began = time.monotonic() - 300
    assert loop.late() == 0
    loop.began = time.monotonic() - 700
    assert loop.late() > 600
    assert Loop("watching", 10, lambda: None).late() == 0


def test_old_runs_are_forgotten(console):
    from hubfleet.kit.clock import now
    from hubfleet.office.schedules.keeping import forget
    from hubfleet.office.schedules.models import Job, Run

    def ran(days: int, result: str, said: str = "") -> None:
        at = now() - timedelta(days=days)
        Run.objects.create(
            job="chores", due_at=at, started_at=at, ended_at=at, result=result, said=said, runner=""
        )

    for days in (1, 3, 31):
        ran(days, "ok")
        ran(days, "failed", "no route")
    Job.objects.create(name="gone", every=60, due_at=now() - timedelta(days=40))
    Job.objects.create(name="chores", every=60, due_at=now())
    forget()
    assert sorted(Run.objects.values_list("result", flat=True)) == ["failed", "failed", "ok"]
    assert [job.name for job in Job.objects.all()] == ["chores"]

"""Carries out a schedule: who begins is `walk`'s answer, what happens to one hub is `course`'s.

This loop alone decides and keeps the time: it begins hubs, waits for whichever ends first, holds
what a failure holds, gives up acts that take too long, pauses between waves, and renews the lease.
Ctrl-C lets the acts under way finish or be undone; a second one leaves at once.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from hubfleet.fleet.model import Hub, Rollout
from hubfleet.kit.clock import timestamp
from hubfleet.kit.errors import HubfleetError, Problem
from hubfleet.kit.units import format_duration, parse_duration
from hubfleet.planning.schedule import Schedule
from hubfleet.planning.steps import RemoveHub, StartHub, action
from hubfleet.rollout.course import Course, Means, interrupted
from hubfleet.rollout.events import Event, Listener
from hubfleet.rollout.ports import (
    CutOff,
    Entry,
    HubSettled,
    PlannedStep,
    RolloutBegun,
    RolloutEnded,
)
from hubfleet.rollout.report import Report, StepResult
from hubfleet.rollout.resume import Earlier, take_over
from hubfleet.rollout.revision import gone
from hubfleet.rollout.stop import Stop
from hubfleet.rollout.walk import Held, Item, Walk


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be carried out, for whom and why.

    `hubs` are the declared ones by name: those that are only looked at need them.
    `declaration` is the digest of the whole declaration, `fingerprint` the plan's.
    """

    schedule: Schedule
    policy: Rollout
    hubs: Mapping[str, Hub]
    fingerprint: str
    declaration: str
    who: str = ""
    why: str = ""
    despite_freeze: str = ""
    cut_off: CutOff | None = None


def run(order: Order, means: Means, listen: Listener, stop: Stop | None = None) -> Report:
    """Carry out the order; never raises for a hub that failed, the report tells.

    Raises `HubfleetError` when the journal or the lease refuses before anything was done.
    """
    return _Run(order, means, listen, stop or Stop()).run()


@dataclass(slots=True)
class _Run:
    order: Order
    means: Means
    listen: Listener
    stop: Stop
    earlier: Earlier = field(default_factory=Earlier)
    results: dict[str, StepResult] = field(default_factory=dict)
    courses: dict[str, Course] = field(default_factory=dict)
    interrupted: bool = False
    refused: tuple[Problem, ...] = ()
    pause_until: float | None = None
    renew_at: float = 0.0
    look_again: float = 0.1
    begun: RolloutBegun = field(init=False)
    walk: Walk = field(init=False)

    def run(self) -> Report:
        crew = self.means.crew
        started = crew.monotonic()
        self.renew_at = started + self.means.lease.renew_every
        self.look_again = max(parse_duration(self.order.policy.act_limit) / 10, 0.1)
        self.earlier = take_over(self.order.cut_off, self.order.declaration)
        self._begin_rollout()
        self.walk = Walk(self._items(), self.order.schedule, self.order.policy)
        self._settle_known()
        self._settle_gone()
        for one in self.order.schedule.steps:
            if one.hub not in self.results:
                item = Item(one.hub, one.cluster, one.wave)
                self._tell("hub", item, "waiting", self.order.schedule.why_it_waits(one))
        self._tell("wave")
        while not self._step():
            if self.stop.requested and not self.interrupted:
                self._interrupt()
        self._hold_the_rest()
        return self._end(round(crew.monotonic() - started, 3))

    def _step(self) -> bool:
        """Begin what may begin, wait for something to end; True when nothing is left to wait for.

        Acts that were given up take room as long as they last, but nobody waits for them.
        """
        while self._may_begin() and (item := self.walk.begin()):
            self._begin(item)
        if not self._active() and not self._goes_on():
            return True
        for ended in self.means.crew.wait(self._seconds_to_wait()):
            self._ended(*ended)
        self._give_up_late_acts()
        self._renew()
        return False

    def _active(self) -> list[Course]:
        return [course for course in self.courses.values() if not course.abandoned]

    def _may_begin(self) -> bool:
        return not (self.stop.requested or self.refused) and self.pause_until is None

    def _goes_on(self) -> bool:
        """Whether there is a wave to come; begins it, or the pause before it."""
        if self.stop.requested or self.refused or self.walk.stopped():
            return False
        now = self.means.crew.monotonic()
        if self.pause_until is not None:
            if now >= self.pause_until:
                self.pause_until = None
                self._next_wave()
            return True
        if not self.walk.wave_is_over():
            return False
        pause = parse_duration(self.order.policy.pause_between)
        if pause and self.results:
            self.pause_until = now + pause
            self._tell("wave", phase="pausing", why=f"for {format_duration(pause)}")
        else:
            self._next_wave()
        return True

    def _next_wave(self) -> None:
        self.walk.next_wave()
        self._tell("wave")

    def _seconds_to_wait(self) -> float | None:
        now = self.means.crew.monotonic()
        # A hub sets the limit of its act only when the act begins, which may be after this.
        moments = [self.renew_at, now + self.look_again]
        active = self._active()
        moments += [course.act_until for course in active if course.act_until]
        if self.pause_until is not None:
            moments.append(self.pause_until)
        elif not active:
            return 0.0
        return max(min(moments) - now, 0.0)

    def _begin(self, item: Item) -> None:
        now = self.means.crew.monotonic()
        name = item.name

        def say(phase: str) -> None:
            self._tell("hub", item, phase, seconds=self.means.crew.monotonic() - now)

        course = Course(
            item, self.begun, self.order.policy, self.means, say, lambda: self.stop.requested, now
        )
        self.courses[name] = course
        self._tell("hub", item, "begun", seconds=0.0)
        self.means.crew.start(lambda: (name, course.walk()))

    def _ended(self, name: str, result: StepResult | None) -> None:
        """A hub's thread has ended; None when the engine had given it up before."""
        course = self.courses.pop(name)
        self.walk.left(name)
        if result is not None:
            lost = tuple(p for p in result.problems if p.code == "lease-lost")
            self.refused = self.refused or lost
            self._settle(course.item, result)

    def _settle(self, item: Item, result: StepResult) -> None:
        self.results[item.name] = result
        why = result.why or result.note
        self._tell("hub", item, result.fate, why=why, seconds=result.seconds)
        for held in self.walk.settle(item.name, result.fate):
            self._hold(held.item, gate_failed(held))

    def _hold(self, item: Item, problem: Problem) -> None:
        result = StepResult(item.name, "held", item.step, problems=(problem,))
        self.results[item.name] = result
        if item.step is not None:
            self._write(HubSettled(self.begun.rollout, timestamp(), item.name, "held", result.why))
        self._tell("hub", item, "held", why=problem.why)

    def _give_up_late_acts(self) -> None:
        now = self.means.crew.monotonic()
        for course in list(self.courses.values()):
            if course.abandon_if_late(now):
                problem = too_slow(course.item.name, self.order.policy.act_limit)
                result = StepResult(
                    course.item.name,
                    "failed",
                    course.item.step,
                    problems=(problem,),
                    seconds=round(now - course.started, 3),
                )
                rollout = self.begun.rollout
                self._write(HubSettled(rollout, timestamp(), result.hub, "failed", result.why))
                self._settle(course.item, result)

    def _renew(self) -> None:
        now = self.means.crew.monotonic()
        if now >= self.renew_at and not self.refused:
            self.renew_at = now + self.means.lease.renew_every
            try:
                self.means.lease.renew()
            except HubfleetError as error:
                self.refused = error.problems

    def _write(self, entry: Entry) -> None:
        """Where the journal refuses, nothing new begins, and what runs comes to its end."""
        if self.refused:
            return
        try:
            self.means.lease.check()
            self.means.journal.write(entry)
        except HubfleetError as error:
            self.refused = error.problems

    def _interrupt(self) -> None:
        self.interrupted = True
        for course in self.courses.values():
            self._tell("hub", course.item, "finishing before the stop")

    def _begin_rollout(self) -> None:
        order, cut = self.order, self.order.cut_off
        if cut is not None and not self.earlier.rollout:
            ended = RolloutEnded(cut.begun.rollout, timestamp(), ok=False, abandoned=True)
            self.means.journal.write(ended)
        self.begun = RolloutBegun(
            self.earlier.rollout or secrets.token_hex(4),
            timestamp(),
            order.fingerprint,
            order.declaration,
            order.who,
            order.why,
            tuple(
                PlannedStep(item.hub, item.cluster, action(item.step), item.wave)
                for item in order.schedule.steps
            ),
            self.means.lease.epoch,
            order.despite_freeze,
            resumed=bool(self.earlier.rollout),
        )
        self.means.lease.check()
        self.means.journal.write(self.begun)
        self._tell("rollout", phase="goes on" if self.begun.resumed else "begun")

    def _items(self) -> list[Item]:
        """What is looked at first, then the steps as they are scheduled."""
        schedule, unjudged = self.order.schedule, self.earlier.unjudged
        planned = {item.hub for item in schedule.steps}
        looked_at = [*schedule.checks, *(name for name in unjudged if name not in schedule.checks)]
        items = [
            Item(
                name,
                hub.cluster,
                0,
                hub=hub,
                earlier=unjudged.get(name),
                recorded=self.earlier.revisions.get(name, 0),
            )
            for name in looked_at
            if name not in planned and (hub := self.order.hubs.get(name))
        ]
        for one in schedule.steps:
            removed, started = isinstance(one.step, RemoveHub), isinstance(one.step, StartHub)
            items.append(
                Item(
                    one.hub,
                    one.cluster,
                    one.wave,
                    one.gates,
                    one.step,
                    None if isinstance(one.step, RemoveHub) else one.step.hub,
                    probe=not removed
                    and (not started or one.hub in schedule.gates or one.hub in unjudged),
                    earlier=unjudged.get(one.hub),
                    recorded=self.earlier.revisions.get(one.hub, 0),
                )
            )
        return items

    def _settle_known(self) -> None:
        """Fates from before the crash stay as they are."""
        for item in list(self.walk.rest()):
            known = self.earlier.settled.get(item.name)
            if known is not None and item.step is not None:
                problem = Problem(
                    "settled-before",
                    f"{item.name} was {known.fate} before this rollout was cut off",
                    why=known.why,
                    hint="mend it, then run `hubfleet apply` again: that begins a new rollout",
                )
                self._settle(
                    item, StepResult(item.name, known.fate, item.step, problems=(problem,))
                )

    def _settle_gone(self) -> None:
        """Hubs that were removed, and nobody could write it down any more."""
        if not self.earlier.rollout:
            return
        planned = {item.hub for item in self.order.schedule.steps}
        for name, intention in self.earlier.unjudged.items():
            if intention.action != "remove" or name in planned or name in self.order.hubs:
                continue
            note, now = "it was gone when the rollout went on", timestamp()
            if name not in self.earlier.revisions:
                self._write(gone(self.begun, intention))
            self._write(HubSettled(self.begun.rollout, now, name, "done", note))

    def _hold_the_rest(self) -> None:
        for item in list(self.walk.rest()):
            if item.step is None and item.earlier is None:
                continue
            self.walk.settle(item.name, "held")
            if self.refused:
                problem = refused(item.name, self.refused[0])
            elif self.interrupted:
                problem = interrupted(item.name)
            else:
                problem = stopped(item.name, self.walk.failures)
            self._hold(item, problem)

    def _end(self, seconds: float) -> Report:
        order = {item.hub: number for number, item in enumerate(self.order.schedule.steps)}
        results = sorted(
            self.results.values(), key=lambda result: (order.get(result.hub, -1), result.hub)
        )
        report = Report(self.begun.rollout, tuple(results), self.interrupted, seconds)
        ok = report.ok and not self.refused
        self._write(RolloutEnded(self.begun.rollout, timestamp(), ok, self.interrupted))
        report = replace(report, problems=self.refused)
        self._tell("end", phase="done" if report.ok else "not all done", seconds=seconds)
        return report

    def _tell(
        self,
        kind: str,
        item: Item | None = None,
        phase: str = "",
        why: str = "",
        seconds: float | None = None,
    ) -> None:
        wave = self.walk.title if kind == "wave" else ""
        self.listen(
            Event(
                kind,  # type: ignore[arg-type]
                timestamp(),
                self.begun.rollout,
                item.name if item else "",
                item.cluster if item else "",
                wave,
                phase,
                why,
                None if seconds is None else round(seconds, 3),
            )
        )


def gate_failed(held: Held) -> Problem:
    """Why a hub behind a gate is held."""
    return Problem(
        "gate-failed",
        f"{held.item.name} was left as it is",
        why=f"its gate {held.gate} is not healthy",
        hint=f"mend {held.gate}, then run `hubfleet apply` again",
    )


def stopped(name: str, failures: int) -> Problem:
    """Why a hub of a wave after too many failures is held."""
    return Problem(
        "not-begun",
        f"{name} was left as it is",
        why=f"the rollout stopped after {failures} failed",
        hint="run `hubfleet apply` again to go on",
    )


def refused(name: str, problem: Problem) -> Problem:
    """Why a hub is held when the journal or the lease refuses."""
    return Problem("not-begun", f"{name} was left as it is", why=problem.what, hint=problem.hint)


def too_slow(name: str, limit: str) -> Problem:
    """An act over its limit."""
    return Problem(
        "act-too-slow",
        f"changing {name} took longer than {limit}",
        why="it was given up; what it still does is not known, so that it was not rolled back",
        hint=f"look at `hubfleet status` and `hubfleet logs {name}`, then run `hubfleet apply` "
        "again; `rollout.act_limit` is the limit",
    )

"""One hub's way through a rollout: snapshot, intention, act, verdict, and back if it fails.

    no snapshot -> no change
    intention in the journal -> act -> outcome in the journal
    a person's path -> passed: done
                    -> failed: back to the snapshot, itself with intention and outcome

Runs in a thread of its own and never raises. It stops before the next act when the rollout was
interrupted before anything was changed, and at once when its act took longer than it may, because
then nobody knows what that act still does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from random import Random
from threading import Lock

from hubfleet.fleet.model import Rollout
from hubfleet.kit.clock import timestamp
from hubfleet.kit.errors import HubfleetError, Problem, TransientError
from hubfleet.kit.units import parse_duration
from hubfleet.planning.observation import ObservedHub
from hubfleet.planning.steps import RemoveHub, Step, UpdateHub, action
from hubfleet.platforms.platform import Outcome, Platform
from hubfleet.rollout.crew import Crew
from hubfleet.rollout.drain import drain
from hubfleet.rollout.gate import Judged, judge, not_healthy, pause_before
from hubfleet.rollout.ports import (
    Act,
    ActEnded,
    ActIntended,
    Entry,
    Fate,
    GateJudged,
    HubSettled,
    Journal,
    Lease,
    LeaseLostError,
    Prober,
    RolloutBegun,
)
from hubfleet.rollout.report import StepResult
from hubfleet.rollout.revision import Change, revision_made
from hubfleet.rollout.walk import Item

TRIES = 3
"""How often an act is tried whose failure may go away by itself. Every act looks before it acts,
so that another try does nothing twice."""

FIRST_PAUSE = 1.0
"""Seconds before the second try."""


class _AbandonedError(Exception):
    """The act took longer than it may; the engine has settled the hub's fate."""


class _StopError(Exception):
    """The rollout was interrupted before this hub was touched."""


@dataclass(frozen=True, slots=True)
class Means:
    """What a rollout works with. Without a `prober`, a hub that answers counts as healthy."""

    platforms: Mapping[str, Platform]
    journal: Journal
    lease: Lease
    crew: Crew
    prober: Prober | None
    software: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By cluster, the versions with which hubs are started now."""


@dataclass(slots=True)
class Course:
    """The state of one hub's way; `say` is called with each phase."""

    item: Item
    begun: RolloutBegun
    policy: Rollout
    means: Means
    say: Callable[[str], None]
    interrupted: Callable[[], bool]
    started: float = 0.0
    act_until: float | None = None
    abandoned: bool = False
    lock: Lock = field(default_factory=Lock)
    outcome: Outcome | None = None
    judged: Judged | None = None
    snapshot: str = ""
    touched: bool = False
    note: str = ""
    _began: str = ""
    _later: list[Entry] = field(default_factory=list)
    """Outcomes that wait for the next entry: nothing is begun before they are written."""
    _random: Random = field(init=False)

    def abandon_if_late(self, now: float) -> bool:
        """Give up an act that is over its limit; True exactly once."""
        until = self.act_until
        if until is None or now < until:  # nearly always, and not worth a lock
            return False
        with self.lock:
            if self.abandoned or self.act_until is None or now < self.act_until:
                return False
            self.abandoned = True
            return True

    def walk(self) -> StepResult | None:
        """What became of the hub; None when the engine has given it up."""
        self._random = Random(f"{self.begun.rollout} {self.item.name}")  # noqa: S311, no secret
        self._began = timestamp()
        try:
            result = self._walk()
        except _AbandonedError:
            return None
        except _StopError:
            return self._result("held", interrupted(self.item.name))
        except LeaseLostError as error:
            return self._unwritten("failed" if self.touched else "held", *error.problems)
        except HubfleetError as error:
            return self._result("failed", *error.problems)
        except Exception as error:  # one hub's bug must not stop the others
            return self._result("failed", unexpected(self.item.name, error))
        return result

    def _walk(self) -> StepResult:
        item = self.item
        if item.earlier is not None:
            self.snapshot = item.earlier.snapshot
            self.touched = True
            if item.earlier.action == "roll-back":
                return self._go_back(Problem("cut-off", f"the rollback of {item.name} was cut off"))
        if item.step is not None:
            problems = self._change(item.step)
            if [problem.code for problem in problems] == ["not-begun"]:
                return self._result("held", *problems)
            if problems:
                return self._failed(problems)
        if not item.probe or self.means.prober is None:
            self._record_revision()
            return self._done()
        self.judged = self._judge()
        self._record_revision()
        if self.judged.passed:
            if self.judged.cold:
                self.note = f"cold start: healthy at attempt {self.judged.attempts}"
            elif self.judged.probe.verdict == "degraded":
                self.note = f"degraded: {self.judged.probe.cause}"
            return self._done()
        return self._failed((not_healthy(self.judged),))

    def _change(self, step: Step) -> tuple[Problem, ...]:
        """Snapshot, intention, act, outcome; the problems of an act that did not succeed."""
        earlier = self.item.earlier
        # What a crash left half created was nothing before: there is no way back to that.
        creating = earlier is not None and earlier.action == "create"
        if isinstance(step, UpdateHub) and not self.snapshot and not creating:
            self.say("taking a snapshot")
            with self._act():
                self.snapshot = self._platform.snapshot(self.item.name).id
        if self.interrupted() and not self.touched:
            raise _StopError
        if isinstance(step, RemoveHub):
            return self._journalled("remove", lambda: self._remove(step))
        act = "create" if creating else action(step)
        return self._journalled(act, lambda: self._perform(step))

    def _perform(self, step: Step) -> Outcome:
        return self._with_retries(lambda: self._platform.perform(step, self.say))

    def _remove(self, step: RemoveHub) -> Outcome:
        """The wait for people counts for no limit: it may be as long as was promised to them."""
        seconds = parse_duration(self.policy.drain)
        crew = self.means.crew
        if not drain(step.name, self._platform, seconds, crew, self.say, self.interrupted):
            raise HubfleetError(interrupted(step.name))
        self.means.lease.check()
        return self._perform(step)

    def _journalled(self, act: Act, do: Callable[[], Outcome]) -> tuple[Problem, ...]:
        means, name, rollout = self.means, self.item.name, self.begun.rollout
        epoch = means.lease.epoch
        self._write(ActIntended(rollout, timestamp(), name, act, epoch, self.snapshot))
        self.touched = True
        began = means.crew.monotonic()
        problems: tuple[Problem, ...] = ()
        outcome = None
        try:
            outcome = do()
            self.outcome = outcome
        except HubfleetError as error:
            problems = error.problems
        except (_AbandonedError, LeaseLostError):
            raise
        except Exception as error:  # written down before anything else is decided
            problems = (unexpected(name, error),)
        self._later.append(
            ActEnded(
                rollout,
                timestamp(),
                name,
                act,
                ok=not problems,
                changed=outcome.changed if outcome else False,
                revision=outcome.revision if outcome else 0,
                seconds=round(means.crew.monotonic() - began, 3),
                note=outcome.note if outcome else "",
                problems=tuple(problem.as_json() for problem in problems),
            )
        )
        return problems

    def _with_retries(self, do: Callable[[], Outcome]) -> Outcome:
        for attempt in range(2, TRIES + 2):
            try:
                with self._act():
                    outcome = do()
                # A try that broke off may have done what the next one finds done.
                return outcome if attempt == 2 else replace(outcome, changed=True)
            except TransientError as error:
                if attempt > TRIES or self.interrupted():
                    raise
                pause = pause_before(attempt, FIRST_PAUSE, self._random)
                self.say(f"{error.problems[0].what}; tried again in {pause:.0f} s")
                self.means.crew.sleep(pause)
                self.means.lease.check()
        raise AssertionError("the last try returns or raises")

    @contextmanager
    def _act(self) -> Iterator[None]:
        """Anything that the time limit holds for."""
        with self.lock:
            now = self.means.crew.monotonic()
            self.act_until = now + parse_duration(self.policy.act_limit)
        try:
            yield
        finally:
            with self.lock:
                self.act_until = None
                if self.abandoned:
                    raise _AbandonedError

    def _judge(self) -> Judged:
        means, name = self.means, self.item.name
        assert means.prober is not None
        self._write()
        judged = judge(name, means.prober, self.policy, means.crew.sleep, self.say, self._random)
        self._later.append(
            GateJudged(
                self.begun.rollout,
                timestamp(),
                name,
                judged.probe.verdict,
                judged.passed,
                judged.attempts,
                judged.probe.as_json(),
            )
        )
        return judged

    def _done(self) -> StepResult:
        """Old snapshots go only now: until a hub is healthy, each may be the way back."""
        if self.snapshot:
            try:
                self._platform.discard_snapshots(self.item.name)
            except HubfleetError as error:
                self.note = f"old snapshots were not deleted: {error.problems[0].what}"
        return self._result("done")

    def _failed(self, problems: tuple[Problem, ...]) -> StepResult:
        """Back to where it was, where there is a way back and something was changed."""
        if not self.snapshot:
            return self._result("failed", *problems)
        return self._go_back(*problems)

    def _go_back(self, *reasons: Problem) -> StepResult:
        name = self.item.name
        self.say("rolling back")
        failed_change = self.outcome

        def go_back() -> Outcome:
            return self._with_retries(
                lambda: self._platform.roll_back(name, self.snapshot, self.say)
            )

        problems = self._journalled("roll-back", go_back)
        if problems:
            self.outcome = failed_change
            return self._result("failed", *reasons, *problems)
        self._record_revision(rolled_back=True)
        if self.means.prober is not None:
            self.say("probing what was rolled back")
            verdict = self.means.prober.probe(
                name, lambda stage: self.say(f"probing what was rolled back: {stage}")
            )
            if verdict.verdict == "failed":
                self.note = f"it fails as it was before, too: {verdict.cause}"
        return self._result("rolled-back", *reasons)

    def _record_revision(self, *, rolled_back: bool = False) -> None:
        means, judged = self.means, self.judged
        made = revision_made(
            Change(
                self.item,
                self.begun,
                self.outcome,
                self._seen() if rolled_back or self.outcome is None else None,
                means.software.get(self.item.cluster, {}),
                judged.probe.as_json() if judged else {},
                self.snapshot,
                self._began,
                round(means.crew.monotonic() - self.started, 3),
                rolled_back,
                self._restored_from() if rolled_back else 0,
            )
        )
        if made:
            self._later.append(made)

    def _seen(self) -> ObservedHub | None:
        return self._platform.observe(self.item.cluster).hubs.get(self.item.name)

    def _restored_from(self) -> int:
        """The revision that the snapshot is of; 0 where nobody knows any more."""
        try:
            made = self._platform.snapshots(self.item.name)
        except HubfleetError:
            return 0
        return next((one.revision for one in made if one.id == self.snapshot), 0)

    def _result(self, fate: Fate, *problems: Problem) -> StepResult:
        result = self._unwritten(fate, *problems)
        try:
            self._write(
                HubSettled(self.begun.rollout, timestamp(), self.item.name, fate, result.why)
            )
        except HubfleetError as error:
            return replace(result, fate="failed", problems=(*problems, *error.problems))
        return result

    def _unwritten(self, fate: Fate, *problems: Problem) -> StepResult:
        return StepResult(
            self.item.name,
            fate,
            self.item.step,
            self.outcome,
            problems,
            self.judged.probe if self.judged else None,
            self.judged.attempts if self.judged else 0,
            round(self.means.crew.monotonic() - self.started, 3),
            self.note,
        )

    def _write(self, *entries: Entry) -> None:
        """Have everything up to here in the journal, together.

        Only the holder of the lease writes: what another one relies on is not ours any more.
        """
        together = [*self._later, *entries]
        if together:
            if not self.means.journal.fenced:
                self.means.lease.check()
            self.means.journal.write_all(together)
            self._later.clear()

    @property
    def _platform(self) -> Platform:
        return self.means.platforms[self.item.cluster]


def interrupted(name: str) -> Problem:
    """A hub that was not begun because of Ctrl-C."""
    return Problem(
        "not-begun",
        f"{name} was left as it is",
        why="the rollout was interrupted",
        hint="run `hubfleet apply` again to go on",
    )


def unexpected(name: str, error: Exception) -> Problem:
    """A bug, as one hub's failure."""
    return Problem(
        "unexpected",
        f"changing {name} failed in a way that hubfleet does not know: {error!r}",
        hint="this is a bug: report it with the text above; `hubfleet apply` may be run again",
    )

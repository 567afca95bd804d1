"""The walk over a plan.

A step begins when the step of its gate, if the plan has one, has succeeded, and when fewer than
`max_parallel` steps are under way. A failed step holds exactly the steps whose gate it is; after
`stop_after_failures` failures nothing new begins. Removals come last. What is under way is always
finished: a hub is never left in the middle by a decision of ours.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Literal

from hubfleet.fleet.model import Rollout
from hubfleet.kit.errors import HubfleetError, Problem
from hubfleet.planning.plan import Plan
from hubfleet.planning.steps import RemoveHub, Step, action, cluster_name, hub_name
from hubfleet.platforms.platform import Outcome, Platform
from hubfleet.rollout.journal import Journal

Fate = Literal["done", "failed", "held"]
Listener = Callable[[str, str], None]
"""Called with a hub's name and the phase it is in, from any thread."""


@dataclass(frozen=True, slots=True)
class StepResult:
    """What became of one step; `problems` say why it failed or what held it."""

    step: Step
    fate: Fate
    outcome: Outcome | None = None
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """What became of the plan. `interrupted` when a person pressed Ctrl-C."""

    rollout: str
    results: tuple[StepResult, ...]
    interrupted: bool = False

    @property
    def ok(self) -> bool:
        return not self.interrupted and all(result.fate == "done" for result in self.results)

    def of(self, fate: Fate) -> tuple[StepResult, ...]:
        return tuple(result for result in self.results if result.fate == fate)


@dataclass(slots=True)
class _Walk:
    waiting: list[Step]
    results: dict[str, StepResult] = field(default_factory=dict)
    running: dict[Future[Outcome], Step] = field(default_factory=dict)
    failures: int = 0
    interrupted: bool = False


def run(
    plan: Plan,
    platforms: Mapping[str, Platform],
    limits: Rollout,
    journal: Journal,
    listen: Listener,
) -> Report:
    """Carry out the plan; never raises for a step that failed, the report tells.

    `platforms` maps each cluster of the plan to its platform.
    """
    rollout = secrets.token_hex(4)
    walk = _Walk(list(plan.steps))
    journal.write("rollout", rollout, fingerprint=plan.fingerprint, steps=len(plan.steps))
    with ThreadPoolExecutor(limits.max_parallel, thread_name_prefix="step") as pool:

        def begin(step: Step) -> None:
            name, platform = hub_name(step), platforms[cluster_name(step)]
            journal.write("intent", rollout, hub=name, action=action(step))
            listen(name, "begun")
            work = pool.submit(platform.perform, step, lambda phase: listen(name, phase))
            walk.running[work] = step

        while True:
            if not walk.interrupted and walk.failures < limits.stop_after_failures:
                for step in _ready(walk, limits.max_parallel - len(walk.running)):
                    walk.waiting.remove(step)
                    begin(step)
            if not walk.running:
                break
            _collect(walk, journal, rollout, listen)
    _hold_the_rest(walk, journal, rollout, listen)
    order = {hub_name(step): index for index, step in enumerate(plan.steps)}
    results = sorted(walk.results.values(), key=lambda result: order[hub_name(result.step)])
    journal.write("end", rollout, ok=walk.failures == 0 and not walk.interrupted)
    return Report(rollout, tuple(results), walk.interrupted)


def _ready(walk: _Walk, room: int) -> list[Step]:
    """The next steps that may begin, in plan order."""
    unsettled = {hub_name(step) for step in (*walk.waiting, *walk.running.values())}
    others_left = any(
        not isinstance(step, RemoveHub) for step in (*walk.waiting, *walk.running.values())
    )
    ready: list[Step] = []
    for step in walk.waiting:
        if len(ready) >= room:
            break
        if isinstance(step, RemoveHub):
            if not others_left:
                ready.append(step)
        elif step.hub.gate not in unsettled and not _gate_failed(walk, step):
            ready.append(step)
    return ready


def _gate_failed(walk: _Walk, step: Step) -> bool:
    if isinstance(step, RemoveHub) or step.hub.gate is None:
        return False
    gate = walk.results.get(step.hub.gate)
    return gate is not None and gate.fate != "done"


def _collect(walk: _Walk, journal: Journal, rollout: str, listen: Listener) -> None:
    """Wait for a step to end and note what came of it. Ctrl-C lets the running ones finish."""
    try:
        ended, _ = wait(walk.running, return_when=FIRST_COMPLETED)
    except KeyboardInterrupt:
        if walk.interrupted:
            raise
        walk.interrupted = True
        for step in walk.running.values():
            listen(hub_name(step), "finishing before the stop")
        return
    for work in ended:
        step = walk.running.pop(work)
        result = _result(step, work)
        walk.results[hub_name(step)] = result
        walk.failures += result.fate == "failed"
        journal.write(
            "outcome",
            rollout,
            hub=hub_name(step),
            fate=result.fate,
            revision=result.outcome.revision if result.outcome else None,
            problems=[problem.as_json() for problem in result.problems],
        )
        listen(hub_name(step), result.fate)
        _settle_held(walk, listen)


def _result(step: Step, work: Future[Outcome]) -> StepResult:
    try:
        return StepResult(step, "done", work.result())
    except HubfleetError as error:
        return StepResult(step, "failed", problems=error.problems)
    except Exception as error:  # one hub's bug must not stop the others
        problem = Problem(
            "unexpected",
            f"changing {hub_name(step)} failed in a way that hubfleet does not know: {error!r}",
            hint="this is a bug: report it with the text above; `hubfleet apply` may be run again",
        )
        return StepResult(step, "failed", problems=(problem,))


def _settle_held(walk: _Walk, listen: Listener) -> None:
    """Give up the steps whose gate did not come through, and those that wait for them."""
    while held := [step for step in walk.waiting if _gate_failed(walk, step)]:
        for step in held:
            walk.waiting.remove(step)
            gate = "" if isinstance(step, RemoveHub) else step.hub.gate
            problem = Problem(
                "gate-failed",
                f"{hub_name(step)} was left as it is",
                why=f"its gate {gate} is not healthy",
                hint=f"mend {gate}, then run `hubfleet apply` again",
            )
            walk.results[hub_name(step)] = StepResult(step, "held", problems=(problem,))
            listen(hub_name(step), "held")


def _hold_the_rest(walk: _Walk, journal: Journal, rollout: str, listen: Listener) -> None:
    why = (
        "the rollout was interrupted"
        if walk.interrupted
        else f"the rollout stopped after {walk.failures} failed"
    )
    for step in walk.waiting:
        name = hub_name(step)
        problem = Problem(
            "not-begun",
            f"{name} was left as it is",
            why=why,
            hint="run `hubfleet apply` again to go on",
        )
        walk.results[name] = StepResult(step, "held", problems=(problem,))
        listen(name, "held")
    for result in walk.results.values():
        if result.fate == "held":
            journal.write("held", rollout, hub=hub_name(result.step))

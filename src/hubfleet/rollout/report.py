"""What became of a rollout, hub by hub."""

from __future__ import annotations

from dataclasses import dataclass

from hubfleet.kit.errors import Problem
from hubfleet.planning.steps import Step
from hubfleet.platforms.platform import Outcome
from hubfleet.probes.verdict import ProbeResult
from hubfleet.rollout.ports import Fate


@dataclass(frozen=True, slots=True)
class StepResult:
    """What became of one hub.

    `step` is None for a hub that was only looked at: a gate outside of the plan, or a hub whose
    change an earlier run had not seen through. `problems` say why it is not `done`; `note` says
    what is worth knowing though it is.
    """

    hub: str
    fate: Fate
    step: Step | None = None
    outcome: Outcome | None = None
    problems: tuple[Problem, ...] = ()
    probe: ProbeResult | None = None
    attempts: int = 0
    seconds: float = 0.0
    note: str = ""

    @property
    def why(self) -> str:
        """In one line."""
        said = [f"{problem.what}: {problem.why or problem.hint}" for problem in self.problems]
        return "; ".join(said)


@dataclass(frozen=True, slots=True)
class Report:
    """What became of the plan. `interrupted` when a person pressed Ctrl-C.

    `problems` are those of the rollout itself: a lost lease, a journal that cannot be written.
    """

    rollout: str
    results: tuple[StepResult, ...]
    interrupted: bool = False
    seconds: float = 0.0
    problems: tuple[Problem, ...] = ()

    @property
    def ok(self) -> bool:
        return not (self.interrupted or self.problems) and all(
            result.fate == "done" for result in self.results
        )

    def of(self, fate: Fate) -> tuple[StepResult, ...]:
        """The hubs of the plan, and those outside of it that are not well."""
        return tuple(
            result
            for result in self.results
            if result.fate == fate and (result.step is not None or fate != "done")
        )

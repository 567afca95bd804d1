"""Carrying out a plan beside the hubs: in the declared order, journalled, stopped by a failure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from hubfleet.kit.errors import HubfleetError
from hubfleet.platforms.kubernetes.support.acting import SupportJob
from hubfleet.platforms.kubernetes.support.journal import SupportJournal
from hubfleet.platforms.kubernetes.support.planning import SupportPlan, SupportStep
from hubfleet.platforms.platform import Report


class Hands(Protocol):
    """Who fetches charts and acts on the cluster: the Kubernetes platform."""

    def support_chart(self, step: SupportStep) -> str:
        """The file of a step's chart, fetched when it is not here."""
        ...

    def support_place(self, job: SupportJob, report: Report) -> bool:
        """Carry out one step; False where there was nothing to do."""
        ...


def apply_support(
    plan: SupportPlan,
    platform: Hands,
    folder: Path,
    who: str,
    tell: Callable[[str, str], None],
) -> int:
    """How many releases were changed. Raises what stopped it; later steps are not begun.

    Charts are fetched before anything is touched. The same call goes on after a crash: whatever
    is done already changes nothing.
    """
    jobs = [SupportJob(step, platform.support_chart(step), who) for step in plan.steps]
    journal = SupportJournal(folder / f"{plan.cluster}.jsonl")
    changed = 0
    for job in jobs:
        name = job.step.wanted.name
        about = {"release": name, "plan": plan.fingerprint, "who": who}
        version = job.step.wanted.version
        journal.write("intended", **about, action=job.step.action, version=version)
        tell(name, "begun")
        try:
            done = platform.support_place(job, lambda words, name=name: tell(name, words))  # type: ignore[misc]
        except HubfleetError as error:
            problems = [problem.as_json() for problem in error.problems]
            journal.write("failed", **about, problems=problems)
            tell(name, "failed")
            raise
        journal.write("done", **about, changed=done)
        tell(name, "done" if done else "nothing to do")
        changed += done
    return changed

"""How a rollout ended, in words and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubfleet.cli import output
from hubfleet.kit.units import format_duration

if TYPE_CHECKING:
    from hubfleet.planning.plan import Plan
    from hubfleet.rollout.report import Report, StepResult

_WORDS = (
    ("done", "done"),
    ("rolled-back", "rolled back"),
    ("failed", "failed"),
    ("held", "left as they were"),
)


def print_outcome(report: Report, *, quiet: bool, rehearsed: bool = False) -> None:
    """Problems to stderr, the sum to stdout, then what is worth knowing about single hubs."""
    problems = [*report.problems]
    problems += [problem for result in report.results for problem in result.problems]
    if problems:
        output.print_problems(problems)
    if quiet or not report.results:
        return
    counts = [(len(report.of(fate)), words) for fate, words in _WORDS]  # type: ignore[arg-type]
    said = [f"{count} {words}" for count, words in counts if count]
    output.say(", ".join(said) or "nothing was changed")
    if rehearsed:
        output.say(f"a rehearsal: it would take {format_duration(round(report.seconds))}")
    for result in report.results:
        if result.outcome and result.outcome.note:
            output.say(result.outcome.note)
        if result.note:
            output.say(f"{result.hub}: {result.note}")
    if report.interrupted:
        output.say("interrupted: what was under way has ended; `hubfleet apply` goes on")


def report_as_json(report: Report, made: Plan, *, dry_run: bool = False) -> dict[str, object]:
    """`{"fingerprint", "ok", "results": [{"hub", "action", "fate", "revision", "problems", ...}]}`.

    `action` is `look` for a hub outside of the plan that was probed.
    """
    return {
        "fingerprint": made.fingerprint,
        "rollout": report.rollout,
        "ok": report.ok,
        "interrupted": report.interrupted,
        "dry_run": dry_run,
        "seconds": report.seconds,
        "results": [_as_json(result) for result in report.results],
        "problems": [problem.as_json() for problem in report.problems],
    }


def _as_json(result: StepResult) -> dict[str, object]:
    from hubfleet.planning.steps import action

    return {
        "hub": result.hub,
        "action": action(result.step) if result.step else "look",
        "fate": result.fate,
        "why": result.why,
        "note": result.note,
        "revision": result.outcome.revision if result.outcome else None,
        "seconds": result.seconds,
        "attempts": result.attempts,
        "probe": result.probe.as_json() if result.probe else None,
        "problems": [problem.as_json() for problem in result.problems],
    }

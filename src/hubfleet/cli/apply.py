"""`hubfleet apply`: make the world as declared."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from hubfleet.cli import exits, options, output

if TYPE_CHECKING:
    from hubfleet.planning.plan import Allowance, Plan
    from hubfleet.rollout.engine import Report
    from hubfleet.wiring import Installation


def apply(
    fleet: options.Fleet = None,
    state: options.State = None,
    only: options.Only = None,
    fingerprint: Annotated[
        str | None,
        typer.Option("--plan", metavar="FINGERPRINT", help="Apply this plan and no other."),
    ] = None,
    yes: options.Yes = False,
    allow_removals: options.AllowRemovals = False,
    force: options.Force = False,
    without_isolation: options.WithoutIsolation = False,
    port: options.Port = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Show the plan, ask, and carry it out: gates first, then the rest."""
    from hubfleet import wiring
    from hubfleet.planning.plan import Allowance

    installation = wiring.open_installation(
        fleet, state, port=port, without_isolation=without_isolation
    )
    with installation.lease("hubfleet apply"):
        made = choose_plan(installation, only or [], Allowance(allow_removals, force), fingerprint)
        if not (as_json or quiet):
            from hubfleet.cli.plan_text import print_plan

            print_plan(made)
        if made.steps and not yes and fingerprint is None:
            _ask(made)
        report = carry_out(installation, made, quiet=quiet or as_json)
    if as_json:
        output.print_json(report_as_json(report, made))
    print_outcome(report, quiet=quiet or as_json)
    if report.interrupted:
        raise typer.Exit(exits.INTERRUPTED)
    if not report.ok:
        raise typer.Exit(exits.FAILED)


def choose_plan(
    installation: Installation,
    only: list[str],
    allowance: Allowance,
    fingerprint: str | None = None,
) -> Plan:
    """The plan that may be carried out; raises what stands against it."""
    from hubfleet.cli.choosing import known_patterns
    from hubfleet.kit.errors import HubfleetError, failure
    from hubfleet.planning.plan import refusals

    whole = installation.plan()
    made = whole.only(known_patterns(installation.fleet, whole, only))
    if fingerprint is not None and made.fingerprint != fingerprint:
        raise failure(
            "plan-changed",
            f"the plan is now {made.fingerprint}, not {fingerprint}",
            why="the declaration or the hubs have changed since that plan was made",
            hint="review it again with `hubfleet plan`",
        )
    refused = (*refusals(made, allowance), *installation.objections(made))
    if refused:
        raise HubfleetError(*refused)
    return made


def carry_out(installation: Installation, made: Plan, *, quiet: bool) -> Report:
    """Prepare, then walk the plan, with live progress on stderr."""
    from hubfleet.cli.progress import Progress

    with Progress("preparing", 0, quiet=quiet) as progress:
        installation.prepare(made, progress.listen)
    with Progress("changing", len(made.steps), quiet=quiet) as progress:
        return installation.roll_out(made, progress.listen)


def print_outcome(report: Report, *, quiet: bool) -> None:
    """Problems to stderr, the sum to stdout."""
    problems = [problem for result in report.results for problem in result.problems]
    if problems:
        output.print_problems(problems)
    if quiet or not report.results:
        return
    done, failed = len(report.of("done")), len(report.of("failed"))
    held = len(report.of("held"))
    words = [f"{done} done"]
    words += [f"{failed} failed"] if failed else []
    words += [f"{held} left as they were"] if held else []
    output.say(", ".join(words))
    for result in report.of("done"):
        if result.outcome and result.outcome.note:
            output.say(result.outcome.note)


def report_as_json(report: Report, made: Plan) -> dict[str, object]:
    """`{"fingerprint", "ok", "results": [{"hub", "action", "fate", "revision", "problems"}]}`."""
    from hubfleet.planning.steps import action, hub_name

    results = [
        {
            "hub": hub_name(result.step),
            "action": action(result.step),
            "fate": result.fate,
            "revision": result.outcome.revision if result.outcome else None,
            "problems": [problem.as_json() for problem in result.problems],
        }
        for result in report.results
    ]
    return {"fingerprint": made.fingerprint, "ok": report.ok, "results": results}


def _ask(made: Plan) -> None:
    from hubfleet.kit.errors import failure

    if not sys.stdin.isatty():
        raise failure(
            "not-confirmed",
            "nobody is there to confirm the plan",
            hint=f"add --yes, or --plan {made.fingerprint} to apply exactly the plan above",
        )
    if not typer.confirm("Apply this plan?", err=True):
        raise typer.Exit(exits.FAILED)

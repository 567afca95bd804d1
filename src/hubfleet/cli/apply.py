"""`hubfleet apply`: make the world as declared."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hubfleet.cli import exits, options, output
from hubfleet.cli.outcome import print_outcome, report_as_json

if TYPE_CHECKING:
    from hubfleet.planning.plan import Allowance, Plan
    from hubfleet.rollout.report import Report
    from hubfleet.wiring import Asked, Installation


def apply(
    fleet: options.Fleet = None,
    state: options.State = None,
    only: options.Only = None,
    fingerprint: Annotated[
        str | None,
        typer.Option("--plan", metavar="FINGERPRINT", help="Apply this plan and no other."),
    ] = None,
    message: Annotated[
        str, typer.Option("--message", "-m", metavar="WHY", help="Why; kept in the history.")
    ] = "",
    yes: options.Yes = False,
    allow_removals: options.AllowRemovals = False,
    force: options.Force = False,
    despite_freeze: Annotated[
        str, typer.Option(metavar="REASON", help="Change things on days of a freeze.")
    ] = "",
    resume: Annotated[
        bool, typer.Option("--resume", help="Only go on with the rollout that was cut off.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Walk the rollout on a simulation; change nothing.")
    ] = False,
    simulate: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="What takes how long and fails in a dry run (YAML)."),
    ] = None,
    without_probes: options.WithoutProbes = False,
    events: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write every event there as a JSON line.")
    ] = None,
    without_isolation: options.WithoutIsolation = False,
    port: options.Port = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Show the plan, ask, and carry it out behind gates and in waves; what fails goes back."""
    from hubfleet import wiring
    from hubfleet.planning.plan import Allowance

    installation = wiring.open_installation(
        fleet, state, port=port, without_isolation=without_isolation
    )
    asked = wiring.Asked("hubfleet apply", message, despite_freeze, probes=not without_probes)
    rehearsing = dry_run or simulate is not None
    with nullcontext() if rehearsing else installation.lease("hubfleet apply"):
        if resume:
            _refuse_another_rollout(installation)
        allowance = Allowance(allow_removals or rehearsing, force or rehearsing)
        made = choose_plan(installation, only or [], allowance, fingerprint)
        if not rehearsing:
            refuse_frozen(installation, made, despite_freeze)
        silent = quiet or as_json
        if not silent:
            from hubfleet.cli.plan_text import print_plan

            print_plan(made, installation.schedule(made), people_on(installation, made))
        if made.steps and not (yes or rehearsing) and fingerprint is None:
            _ask(made)
        if rehearsing:
            report = _rehearse(installation, made, asked, simulate, events, silent=silent)
        else:
            report = carry_out(installation, made, asked, quiet=silent, events=events)
    if as_json:
        output.print_json(report_as_json(report, made, dry_run=rehearsing))
    print_outcome(report, quiet=silent)
    leave(report)


def leave(report: Report) -> None:
    """End with the code that tells how it went; returns when all went well."""
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
    people = {} if allowance.removals else people_on(installation, made)
    refused = (*refusals(made, allowance, people), *installation.objections(made))
    if refused:
        raise HubfleetError(*refused)
    return made


def people_on(installation: Installation, made: Plan) -> dict[str, list[str]]:
    """Who works on the hubs that the plan removes."""
    from hubfleet.planning.steps import RemoveHub

    gone = [step.name for step in made.steps if isinstance(step, RemoveHub)]
    return {name: people for name in gone if (people := installation.people_at(name))}


def refuse_frozen(installation: Installation, made: Plan, despite: str) -> None:
    """Raises `frozen` inside a freeze, unless the operator said why it cannot wait."""
    from hubfleet.kit.errors import HubfleetError

    frozen = installation.frozen(made)
    if frozen and not despite:
        raise HubfleetError(frozen)


def carry_out(
    installation: Installation,
    made: Plan,
    asked: Asked,
    *,
    quiet: bool,
    events: Path | None = None,
) -> Report:
    """Prepare, then walk the plan, with live progress on stderr."""
    from hubfleet.cli.events_file import written_to
    from hubfleet.cli.progress import Progress
    from hubfleet.cli.rollout_progress import RolloutProgress

    with Progress("preparing", 0, quiet=quiet) as progress:
        installation.prepare(made, progress.listen)
    if not made.steps and not installation.state.open_rollout.exists():
        return installation.roll_out(made, asked, lambda event: None)
    schedule = installation.schedule(made)
    with RolloutProgress(schedule, quiet=quiet) as shown, written_to(events, shown.listen) as tell:
        return installation.roll_out(made, asked, tell)


def _rehearse(
    installation: Installation,
    made: Plan,
    asked: Asked,
    script: Path | None,
    events: Path | None,
    *,
    silent: bool,
) -> Report:
    from hubfleet.cli.events_file import written_to
    from hubfleet.cli.rollout_progress import RolloutProgress

    # Virtual time is over at once: a live picture of it would only flicker.
    shown = RolloutProgress(installation.schedule(made), quiet=silent, live=False)
    with shown, written_to(events, shown.listen) as tell:
        return installation.rehearse(made, asked, tell, script)


def _refuse_another_rollout(installation: Installation) -> None:
    from hubfleet.kit.errors import failure
    from hubfleet.planning.plan import declaration_digest

    cut = installation.cut_off()
    if cut is None:
        raise failure(
            "nothing-to-resume",
            "no rollout was cut off",
            hint="run `hubfleet apply` to begin a new one",
        )
    if cut.begun.declaration != declaration_digest(installation.fleet):
        raise failure(
            "declaration-changed",
            f"the declaration has changed since the rollout of {cut.begun.at} was cut off",
            why="what that rollout was allowed to do is not what would be done now",
            hint="restore the declaration it began with, or run `hubfleet apply` without --resume "
            "to begin a new rollout",
        )


def _ask(made: Plan) -> None:
    from hubfleet.kit.errors import failure

    if not sys.stdin.isatty():
        raise failure(
            "not-confirmed",
            "nobody is there to confirm the plan",
            hint=f"add --yes, or --plan {made.fingerprint} to apply exactly the plan above",
        )
    try:
        agreed = typer.confirm("Apply this plan?", err=True)
    except typer.Abort:
        raise typer.Exit(exits.INTERRUPTED) from None
    if not agreed:
        raise typer.Exit(exits.FAILED)

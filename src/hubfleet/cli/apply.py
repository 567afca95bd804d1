"""`hubfleet apply`: make the world as declared."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

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
    fingerprint: options.Fingerprint = None,
    message: options.Message = "",
    yes: options.Yes = False,
    allow_removals: options.AllowRemovals = False,
    drain: options.Drain = None,
    force: options.Force = False,
    despite_freeze: options.DespiteFreeze = "",
    resume: options.Resume = False,
    dry_run: options.DryRun = False,
    simulate: options.Simulate = None,
    without_probes: options.WithoutProbes = False,
    events: options.Events = None,
    without_isolation: options.WithoutIsolation = False,
    by: options.By = "",
    remote: options.Remote = None,
    take_ownership: options.TakeOwnership = False,
    port: options.Port = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Show the plan, ask, and carry it out behind gates and in waves; what fails goes back."""
    from hubfleet import wiring

    if remote:
        from hubfleet.cli import remote_verbs

        how = {"yes": yes, "as_json": as_json, "quiet": quiet}
        remote_verbs.apply(remote, only or [], fingerprint, message, **how)
        return

    asked = wiring.Asked("hubfleet apply", message, despite_freeze, not without_probes, drain, by)
    place = wiring.open_installation(
        fleet,
        state,
        port=port,
        without_isolation=without_isolation,
        take_ownership=take_ownership,
    )
    run = _Run(place, asked, only or [], fingerprint, events, silent=quiet or as_json)
    if rehearsing := dry_run or simulate is not None:
        made, report = run.rehearse(simulate)
    else:
        made, report = run.apply(allow_removals, force, resume=resume, yes=yes)
    if as_json:
        output.print_json(report_as_json(report, made, dry_run=rehearsing))
    print_outcome(report, quiet=quiet or as_json, rehearsed=rehearsing)
    print_away(place)
    leave(report)
    if place.away:
        raise typer.Exit(exits.FAILED)


@dataclass(frozen=True)
class _Run:
    """One call of the command; `silent` shows neither plan nor progress."""

    place: Installation
    asked: Asked
    only: list[str]
    fingerprint: str | None
    events: Path | None
    silent: bool

    def apply(self, removals: bool, force: bool, *, resume: bool, yes: bool) -> tuple[Plan, Report]:
        """Keep others out, choose and show the plan, ask, carry it out."""
        from hubfleet.planning.plan import Allowance

        with self.place.lease("hubfleet apply"):
            if resume:
                _refuse_another_rollout(self.place)
            allowance = Allowance(removals, force)
            made = choose_plan(self.place, self.only, allowance, self.fingerprint)
            refuse_frozen(self.place, made, self.asked.despite_freeze)
            self._show(made)
            if made.steps and not yes and self.fingerprint is None:
                _ask(made)
            report = carry_out(self.place, made, self.asked, quiet=self.silent, events=self.events)
        return made, report

    def rehearse(self, script: Path | None) -> tuple[Plan, Report]:
        """The same over a simulation, to which everything may be done."""
        from hubfleet.cli.events_file import written_to
        from hubfleet.cli.rollout_progress import RolloutProgress
        from hubfleet.planning.plan import Allowance

        made = choose_plan(
            self.place, self.only, Allowance(removals=True, force=True), self.fingerprint
        )
        self._show(made)
        # Virtual time is over at once: a live picture of it would only flicker.
        shown = RolloutProgress(self.place.schedule(made), quiet=self.silent, live=False)
        with shown, written_to(self.events, shown.listen) as tell:
            return made, self.place.rehearse(made, self.asked, tell, script)

    def _show(self, made: Plan) -> None:
        if not self.silent:
            from hubfleet.cli.plan_text import print_plan

            drain = self.asked.drain or self.place.fleet.rollout.drain
            people = people_on(self.place, made)
            print_plan(made, self.place.schedule(made), people, drain)


def print_away(installation: Installation) -> None:
    """The clusters of which nothing is known, and why, on stderr."""
    if installation.away:
        output.print_problems(installation.away.values())


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
        try:
            installation.prepare(made, progress.listen)
        except KeyboardInterrupt:
            progress.close()
            output.tell(
                f"interrupted: no hub was touched; {progress.ended} of {progress.begun} things "
                "are prepared and will be used; `hubfleet apply` goes on"
            )
            raise
    if not made.steps and not installation.state.open_rollout.exists():
        return installation.roll_out(made, asked, lambda event: None)
    schedule = installation.schedule(made)
    with RolloutProgress(schedule, quiet=quiet) as shown, written_to(events, shown.listen) as tell:
        return installation.roll_out(made, asked, tell)


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

"""`hubfleet cluster support plan|apply`: Helm charts beside the hubs of a cluster."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from hubfleet.cli import exits, options, output
from hubfleet.cli.output import counted

if TYPE_CHECKING:
    from hubfleet.platforms.kubernetes.support.planning import SupportPlan

app = typer.Typer(
    help="Helm charts beside the hubs of a cluster.", no_args_is_help=True, rich_markup_mode=None
)

Name = Annotated[str, typer.Argument(metavar="CLUSTER", help="The cluster's name.")]


@app.command("plan")
def plan(
    name: Name,
    fleet: options.Fleet = None,
    state: options.State = None,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="End with 4 when changes are waiting.")
    ] = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Show what `apply` would install or change beside the hubs."""
    from hubfleet import wiring

    made = wiring.open_kubernetes(fleet, state).support_plan(name)
    if as_json:
        output.print_json(made.as_json())
    elif not quiet:
        print_plan(made)
    if exit_code and made.steps:
        raise typer.Exit(exits.CHANGES)


@app.command("apply")
def apply(
    name: Name,
    fleet: options.Fleet = None,
    state: options.State = None,
    yes: options.Yes = False,
    fingerprint: Annotated[
        str | None,
        typer.Option("--plan", metavar="FINGERPRINT", help="Only if the plan is still this one."),
    ] = None,
    quiet: options.Quiet = False,
) -> None:
    """Install or change the declared charts, one after the other; nothing is removed."""
    from hubfleet import wiring
    from hubfleet.kit.errors import failure

    platform = wiring.open_kubernetes(fleet, state)
    made = platform.support_plan(name)
    if fingerprint is not None and fingerprint != made.fingerprint:
        raise failure(
            "other-plan",
            f"the plan is now {made.fingerprint}, not {fingerprint}",
            hint=f"look at it again with `hubfleet cluster support plan {name}`",
        )
    if not quiet:
        print_plan(made)
    if not made.steps:
        return
    if not yes and not typer.confirm(f"Change {counted(len(made.steps), 'release')}?", err=True):
        raise typer.Exit(exits.FAILED)
    changed = wiring.apply_support(platform, made, state, _say(quiet))
    if not quiet:
        output.say(f"changed {counted(changed, 'release')} on {name}")


def _say(quiet: bool) -> Callable[[str, str], None]:
    def tell(release: str, words: str) -> None:
        if not quiet:
            output.tell(f"{release}: {words}")

    return tell


def print_plan(made: SupportPlan) -> None:
    """The steps with their reasons, and what is left alone."""
    for step in made.steps:
        wanted = step.wanted
        output.say(f"{step.action} {wanted.name} {wanted.version} in {wanted.namespace}")
        for reason in step.reasons:
            before = output.in_short(reason.old)
            output.say(f"    {reason.key}: {before} -> {output.in_short(reason.new)}")
    for one in made.left:
        output.tell(
            f"note: {one.name} in {one.namespace} is no longer declared; hubfleet leaves it alone"
        )
    if not made.steps:
        output.say(f"nothing to do beside the hubs of {made.cluster}")
    else:
        output.say(f"plan {made.fingerprint}: {counted(len(made.steps), 'release')} to change")

"""`hubfleet plan`: what would `apply` do, and why? Changes nothing."""

from __future__ import annotations

from typing import Annotated

import typer

from hubfleet.cli import exits, options, output


def plan(
    fleet: options.Fleet = None,
    state: options.State = None,
    only: options.Only = None,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="End with 4 when changes are waiting.")
    ] = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Show what `apply` would do, with the file and line of every change."""
    from hubfleet import wiring
    from hubfleet.cli.choosing import known_patterns
    from hubfleet.planning.explain import plan_as_json
    from hubfleet.planning.plan import refusals

    installation = wiring.open_installation(fleet, state)
    whole = installation.plan()
    made = whole.only(known_patterns(installation.fleet, whole, only or []))
    refused = (*refusals(made), *installation.objections(made))
    if as_json:
        output.print_json(plan_as_json(made, refused))
    elif not quiet:
        from hubfleet.cli.plan_text import print_plan

        print_plan(made)
        if refused:
            output.say("")
            output.say("`apply` would refuse this plan as it stands:")
            output.say("\n\n".join(str(problem) for problem in refused))
    if exit_code and made.steps:
        raise typer.Exit(exits.CHANGES)

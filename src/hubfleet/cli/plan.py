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
    remote: options.Remote = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Show what `apply` would do, with the file and line of every change."""
    if remote:
        from hubfleet.cli import remote_verbs

        how = {"exit_code": exit_code, "as_json": as_json, "quiet": quiet}
        remote_verbs.plan(remote, only or [], **how)
        return
    from hubfleet import wiring
    from hubfleet.cli.apply import people_on, print_away
    from hubfleet.cli.choosing import known_patterns
    from hubfleet.fleet.sign_in import ended_notes
    from hubfleet.kit.clock import today
    from hubfleet.planning.explain import plan_as_json
    from hubfleet.planning.plan import refusals

    installation = wiring.open_installation(fleet, state)
    whole = installation.plan()
    made = whole.only(known_patterns(installation.fleet, whole, only or []))
    people = people_on(installation, made)
    print_away(installation)
    frozen = installation.frozen(made)
    refused = (*refusals(made, people=people), *installation.objections(made))
    refused += (frozen,) if frozen else ()
    if as_json:
        output.print_json(plan_as_json(made, refused, installation.schedule(made)))
    elif not quiet:
        from hubfleet.cli.plan_text import print_plan

        loaded = installation.fleet
        print_plan(made, installation.schedule(made), people, loaded.rollout.drain)
        for note in ended_notes(loaded, today(loaded.service.timezone)):
            output.tell(f"note: {note}")
        if refused:
            output.say("")
            output.say("`apply` would refuse this plan as it stands:")
            output.say("\n\n".join(str(problem) for problem in refused))
    if exit_code and made.steps:
        raise typer.Exit(exits.CHANGES)

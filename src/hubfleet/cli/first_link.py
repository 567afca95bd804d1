"""`hubfleet first-link`: how does somebody become the first administrator of the console?"""

from __future__ import annotations

import typer

from hubfleet.cli import exits, options, output


def first_link(fleet: options.Fleet = None, state: options.State = None) -> None:
    """Print a link that makes the first administrator: once, within an hour."""
    from hubfleet.cli.serve import open_office, prepare

    desk, launch, _ = prepare(fleet, state, None, 0)
    open_office(desk, launch)
    from hubfleet.office.accounts import first_link as links

    if not links.wanted():
        output.tell("Somebody leads this service already; ask them for an invitation.")
        raise typer.Exit(exits.FAILED)
    output.say(f"{launch.address}{links.make()}")

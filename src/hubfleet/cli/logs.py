"""`hubfleet logs`: what does a hub say?"""

from __future__ import annotations

from typing import Annotated

import typer

from hubfleet.cli import options, output


def logs(
    hub: options.HubArgument,
    state: options.State = None,
    lines: Annotated[
        int, typer.Option("--lines", "-n", min=1, max=100_000, help="How many lines.")
    ] = 100,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with new lines until Ctrl-C.")
    ] = False,
) -> None:
    """Print the last lines of a hub's log; `keeper` and `proxy` have logs too."""
    from hubfleet import wiring

    for line in wiring.local_platform(state).logs(hub, lines=lines, follow=follow):
        output.say(line)

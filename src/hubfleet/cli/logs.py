"""`hubfleet logs`: what does a hub say?"""

from __future__ import annotations

from typing import Annotated

import typer

from hubfleet.cli import options, output


def logs(
    hub: options.HubArgument,
    fleet: options.Fleet = None,
    state: options.State = None,
    lines: Annotated[
        int, typer.Option("--lines", "-n", min=1, max=100_000, help="How many lines.")
    ] = 100,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with new lines until Ctrl-C.")
    ] = False,
    remote: options.Remote = None,
) -> None:
    """Print the last lines of a hub's log; `keeper`, `proxy` and `console` have logs too."""
    from hubfleet import wiring

    if remote:
        from hubfleet.cli import remote_verbs

        remote_verbs.logs(remote, hub, lines)
        return
    for line in wiring.platform_holding(hub, fleet, state).logs(hub, lines=lines, follow=follow):
        output.say(line)

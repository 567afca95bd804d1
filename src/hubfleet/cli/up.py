"""`hubfleet up`: start the fleet, check every hub as a person would, say where to go."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from hubfleet.cli import exits, options, output
from hubfleet.cli.apply import carry_out, choose_plan, print_outcome

if TYPE_CHECKING:
    from hubfleet.wiring import Installation


def up(
    fleet: options.Fleet = None,
    state: options.State = None,
    allow_removals: options.AllowRemovals = False,
    force: options.Force = False,
    without_isolation: options.WithoutIsolation = False,
    port: options.Port = None,
    quiet: options.Quiet = False,
) -> None:
    """Start the whole fleet on this machine; the second call changes nothing."""
    from hubfleet import wiring
    from hubfleet.cli.probe import probe_with_progress
    from hubfleet.planning.plan import Allowance

    installation = wiring.open_installation(
        fleet, state, port=port, without_isolation=without_isolation
    )
    with installation.lease("hubfleet up"):
        made = choose_plan(installation, [], Allowance(allow_removals, force))
        report = carry_out(installation, made, quiet=quiet)
    print_outcome(report, quiet=True)
    changed = [
        result.step.hub.name
        for result in report.of("done")
        if hasattr(result.step, "hub") and result.outcome and result.outcome.changed
    ]
    probes = probe_with_progress(installation, changed, at_once=2, quiet=quiet)
    if not quiet:
        print_addresses(installation)
    if report.interrupted:
        raise typer.Exit(exits.INTERRUPTED)
    if not report.ok or any(probe.verdict == "failed" for probe in probes):
        raise typer.Exit(exits.FAILED)


def print_addresses(installation: Installation) -> None:
    """Every hub's address and how to sign in, then what this machine cannot do."""
    observed = {hub.name: hub for seen in installation.observe() for hub in seen.hubs.values()}
    output.say("")
    for name in installation.fleet.hubs:
        hub = observed.get(name)
        if hub is None:
            continue
        sign_in = installation.local.sign_in(name)
        output.say(f"{name}  {hub.url}")
        for line in sign_in_lines(sign_in.admins, sign_in.users, sign_in.everyone):
            output.say(f"    {line}")
        if sign_in.password:
            output.say(f"    password {sign_in.password}")
            output.say(f"    password for admins {sign_in.admin_password}")
    remarks = installation.remarks()
    if remarks:
        output.say("")
        output.say("On this machine:")
        for remark in remarks:
            output.say(f"  - {remark}")
    output.say("")
    output.say("Next: open an address above, or run `hubfleet status`, `hubfleet plan`, ")
    output.say("`hubfleet probe`; `hubfleet down` stops everything and keeps people's files.")


def sign_in_lines(admins: tuple[str, ...], users: tuple[str, ...], everyone: bool) -> list[str]:
    """Who may sign in, in at most two lines."""
    lines = []
    if admins:
        lines.append(f"admins: {', '.join(admins)}")
    if everyone:
        lines.append("users: everyone who knows the password, under any name")
    elif users:
        lines.append(f"users: {_some(users)}")
    return lines


def _some(names: tuple[str, ...]) -> str:
    if len(names) <= 6:
        return ", ".join(names)
    return f"{', '.join(names[:5])} and {len(names) - 5} more"

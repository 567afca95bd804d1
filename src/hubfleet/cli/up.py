"""`hubfleet up`: start the fleet, check every hub as a person would, say where to go."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import typer

from hubfleet.cli import exits, options, output
from hubfleet.cli.apply import carry_out, choose_plan, refuse_frozen
from hubfleet.cli.outcome import print_outcome

if TYPE_CHECKING:
    from hubfleet.platforms.platform import SignIn
    from hubfleet.wiring import Installation


def up(
    fleet: options.Fleet = None,
    state: options.State = None,
    allow_removals: options.AllowRemovals = False,
    drain: options.Drain = None,
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
        console_runs = start_console(installation, quiet=quiet)
        made = choose_plan(installation, [], Allowance(allow_removals, force))
        refuse_frozen(installation, made, "")
        report = carry_out(
            installation, made, wiring.Asked("hubfleet up", drain=drain), quiet=quiet
        )
    print_outcome(report, quiet=True)
    if report.interrupted:
        raise typer.Exit(exits.INTERRUPTED)
    # What was changed has been probed by the rollout; what was only started has not.
    started = [
        result.hub
        for result in report.of("done")
        if result.probe is None and result.outcome and result.outcome.url
    ]
    probes = probe_with_progress(installation, started, at_once=2, quiet=quiet)
    if not quiet:
        if not made.steps:
            output.say("Nothing to do: every hub is as declared.")
        print_addresses(installation)
    if not console_runs or not report.ok or any(probe.verdict == "failed" for probe in probes):
        raise typer.Exit(exits.FAILED)


def start_console(installation: Installation, *, quiet: bool) -> bool:
    """Have the console run before hubs are probed; says why when it cannot, for hubs go on."""
    from hubfleet.kit.errors import HubfleetError

    try:
        installation.start_console(lambda _: None if quiet else output.tell("Starting the console"))
    except HubfleetError as error:
        output.print_problems(error.problems)
        return False
    return True


def print_addresses(installation: Installation) -> None:
    """The console's and every hub's address and how to sign in, then what this machine lacks."""
    observed = {hub.name: hub for seen in installation.observe() for hub in seen.hubs.values()}
    output.say("")
    console = installation.running_console()
    if console is not None and installation.console():
        output.say(f"console  {console.address}")
        if link := first_link(installation):
            output.say("    nobody leads this service yet; become the first administrator with")
            output.say(f"    {link}  (once, within an hour)")
    for name in installation.fleet.hubs:
        hub = observed.get(name)
        if hub is None:
            continue
        if hub.state != "running":
            output.say(f"{name}  is {hub.state}: `hubfleet logs {name}` may say why")
            continue
        sign_in = installation.joined.of(name).sign_in(name)
        output.say(f"{name}  {hub.url}")
        for line in sign_in_lines(sign_in):
            output.say(f"    {line}")
        if sign_in.method in _WITH:
            output.say(f"    callback address for the provider: {hub.url}hub/oauth_callback")
    remarks = installation.remarks()
    if remarks:
        output.say("")
        output.say("On this machine:")
        for remark in remarks:
            output.say(f"  - {remark}")
    output.say("")
    fleet = f" --fleet {shlex.quote(str(installation.fleet.root))}"
    program = shlex.quote(sys.argv[0]) if shutil.which("hubfleet") is None else "hubfleet"
    output.say("Next: open an address above, or run")
    output.say(f"  {program} status{fleet}")
    output.say(f"  {program} down                (stops everything, keeps people's files)")


def first_link(installation: Installation) -> str:
    """The link for the first administrator; empty when there is one.

    Asked of another process: Django can be set up in one way only, and a rollout needs it small.
    """
    words = ["first-link", "--fleet", str(installation.fleet.root)]
    words += ["--state", str(installation.state.path)]
    done = subprocess.run(
        [sys.executable, "-P", "-m", "hubfleet", *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() if done.returncode == 0 else ""


_WITH = {"github": "GitHub", "google": "Google", "cilogon": "CILogon", "oidc": "their provider"}


_ONE_FOR_ALL = "one for all users: whoever knows it can sign in under any of these names"


def sign_in_lines(sign_in: SignIn) -> list[str]:
    """Who may sign in, and with what."""
    lines = []
    if sign_in.method == "console":
        lines.append("people sign in at the console")
    if sign_in.method in _WITH:
        lines.append(f"people sign in with {_WITH[sign_in.method]}")
    if sign_in.admins:
        lines.append(f"admins: {', '.join(sign_in.admins)}")
    users = (*sign_in.others, *([_some(sign_in.users)] if sign_in.users else ()))
    if users:
        lines.append(f"users: {'; '.join(users)}")
    if sign_in.password:
        lines.append(f"password {sign_in.password}  ({_ONE_FOR_ALL})")
        lines.append(f"password for admins {sign_in.admin_password}")
    return lines


def _some(names: tuple[str, ...]) -> str:
    if len(names) <= 6:
        return ", ".join(names)
    return f"{', '.join(names[:5])} and {len(names) - 5} more"

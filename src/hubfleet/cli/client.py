"""`hubfleet client`: hubs as the console's clients: which there are, another secret, no more."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from hubfleet.cli import options, output
from hubfleet.cli.help_text import WholeSentences

if TYPE_CHECKING:
    from hubfleet.wiring import Installation

app = typer.Typer(
    name="client",
    cls=WholeSentences,
    help="Hubs as clients of the console, which signs people in to them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("list")
def list_clients(
    fleet: options.Fleet = None, state: options.State = None, as_json: options.Json = False
) -> None:
    """Show the hubs that people sign in to at the console."""
    from hubfleet import wiring
    from hubfleet.fleet.console_clients import ClientKeys

    installation = wiring.open_installation(fleet, state)
    keys = ClientKeys(installation.state.console)
    rows = [
        {"hub": name, "generation": client.generation, "revoked": client.revoked}
        for name, hub in installation.fleet.hubs.items()
        if hub.console is not None
        for client in [keys.client(name)]
    ]
    if as_json:
        output.print_json({"clients": rows})
        return
    if not rows:
        output.say("No hub has `sign_in: console`.")
    for row in rows:
        said = "revoked: nobody can sign in" if row["revoked"] else "signs people in"
        output.say(f"{row['hub']}  {said}, secret number {row['generation']}")


@app.command("rotate")
def rotate(
    hub: options.HubArgument, fleet: options.Fleet = None, state: options.State = None
) -> None:
    """Give a hub another secret; the old one is worthless at once, and people stay signed in."""
    installation = _with_client(hub, fleet, state)
    from hubfleet.fleet.console_clients import ClientKeys

    generation = ClientKeys(installation.state.console).rotate(hub)
    _hand_over(installation, hub)
    _note(hub, fleet, state, f"secret number {generation} was made")
    output.say(f"{hub} has secret number {generation}")


@app.command("revoke")
def revoke(
    hub: options.HubArgument, fleet: options.Fleet = None, state: options.State = None
) -> None:
    """Sign nobody in to a hub any more, and end all sessions there within a minute."""
    installation = _with_client(hub, fleet, state)
    from hubfleet.fleet.console_clients import ClientKeys

    ClientKeys(installation.state.console).revoke(hub)
    _note(hub, fleet, state, "the client was revoked", revoked=True)
    output.say(f"{hub} signs nobody in any more; `hubfleet client rotate {hub}` opens it again")


def _with_client(hub: str, fleet: Path | None, state: Path | None) -> Installation:
    """Raises `unknown-hub` and `no-console-client`."""
    from hubfleet import wiring
    from hubfleet.kit.errors import failure

    installation = wiring.open_installation(fleet, state)
    declared = installation.fleet.hubs.get(hub)
    if declared is None:
        raise failure(
            "unknown-hub",
            f"there is no hub {hub}",
            place=str(installation.fleet.root),
            hint="name it as community/hub; `hubfleet client list` shows those that it is about",
        )
    if declared.console is None:
        raise failure(
            "no-console-client",
            f"people do not sign in to {hub} at the console",
            place=str(declared.place),
            why=f"it has `sign_in: {declared.values.access.sign_in}`",
            hint="write `sign_in: console`, or change the secret where people sign in",
        )
    installation.make_state_folder()
    return installation


def _hand_over(installation: Installation, hub: str) -> None:
    """The hub reads its secret at each sign-in; one that was never applied has none yet."""
    if installation.state.hub(hub).spec.exists():
        installation.local.renew_console_secret(hub)


def _note(
    hub: str, fleet: Path | None, state: Path | None, what: str, *, revoked: bool = False
) -> None:
    """What was done, in the console's record; the secret changed before, whatever happens here."""
    from hubfleet.cli.serve import open_office, prepare
    from hubfleet.office.site.installed import require_office

    require_office()
    desk, launch, _ = prepare(fleet, state, None, 0)
    open_office(desk, launch)
    from hubfleet.office.audit.record import Actor, record
    from hubfleet.office.identity.ending import forget_client

    if revoked:
        forget_client(hub)
    actor = Actor(login=getpass.getuser(), through="cli")
    record(actor, "revoke-client" if revoked else "rotate-client", hub=hub, what=what)

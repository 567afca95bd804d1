"""`hubfleet serve`: the console, for people, for hubs that sign people in, and for the public."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hubfleet.cli import options, output

if TYPE_CHECKING:
    from hubfleet.desk import Desk
    from hubfleet.office.site.launch import Launch

Bind = Annotated[
    str | None,
    typer.Option(
        "--bind",
        metavar="HOST:PORT",
        help="Where to listen; default: `service.console.bind`, else 127.0.0.1:8010.",
    ),
]
TrustedProxies = Annotated[
    int,
    typer.Option(
        "--trusted-proxies",
        min=0,
        max=5,
        envvar="HUBFLEET_TRUSTED_PROXIES",
        help="How many reverse proxies of yours stand in front of the console.",
    ),
]


def serve(
    fleet: options.Fleet = None,
    state: options.State = None,
    bind: Bind = None,
    trusted_proxies: TrustedProxies = 0,
    no_schedules: Annotated[
        bool,
        typer.Option(
            "--no-schedules",
            help="Leave what is due to another console, or to `hubfleet run-due`.",
        ),
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Say more on stderr about what goes wrong.")
    ] = False,
    quiet: options.Quiet = False,
) -> None:
    """Serve the console until Ctrl-C: fleet, hubs, people, sign-in for hubs, public status."""
    from hubfleet.office.site.installed import require_office

    require_office()
    from hubfleet.fleet.console import ConsolePlace
    from hubfleet.office.site.serving import listen
    from hubfleet.office.site.serving import serve as serve_console
    from hubfleet.platforms.local.console_process import recorded
    from hubfleet.platforms.local.folders import StateFolder

    desk, launch, (host, port) = prepare(fleet, state, bind, trusted_proxies)
    shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    place = ConsolePlace(launch.address, shown)
    with listen(host, port) as listener, recorded(StateFolder(desk.state), place, desk.root):
        open_office(desk, launch)

        def ready() -> None:
            if not quiet:
                output.say(f"The console is at {launch.address}")
                say_first_steps(launch)
                output.tell("Ctrl-C ends it; hubs go on without it.")

        serve_console(listener, ready, verbose=verbose, schedules=not no_schedules)


def prepare(
    fleet: Path | None, state: Path | None, bind: str | None, trusted_proxies: int
) -> tuple[Desk, Launch, tuple[str, int]]:
    """The desk, what this place says about the console, and where to listen."""
    import os

    from hubfleet import __version__, wiring
    from hubfleet.desk import Desk
    from hubfleet.fleet.console import console_place
    from hubfleet.fleet.secrets.age import Identity
    from hubfleet.kit.errors import failure
    from hubfleet.office.site.declared import declared_settings
    from hubfleet.office.site.launch import Launch

    installation = wiring.open_installation(fleet, state)
    installation.make_state_folder()
    service = installation.fleet.service
    place = console_place(service.console, service.domain)
    if place is None:
        raise failure(
            "console-without-address",
            "the declaration does not say where the console is",
            place=str(installation.fleet.root / "fleet.yaml"),
            why=f"people type it, and hubs send people there; `{service.domain}` is not this "
            "machine, so there is no address to guess",
            hint="add `console: {address: https://console.example.org}` to `service:`",
        )
    listen_at = parse_bind(bind or place.bind)
    launch = Launch(
        state=installation.state.path,
        address=place.address,
        version=__version__,
        database=os.environ.get("HUBFLEET_DATABASE"),
        names=("localhost", "127.0.0.1", "[::1]"),
        trusted_proxies=trusted_proxies,
        more=declared_settings(service, lambda secret: str(secret.reveal(Identity()))),
    )
    return Desk(installation), launch, listen_at


def parse_bind(text: str) -> tuple[str, int]:
    """`127.0.0.1:8010` or `[::1]:8010`; raises `bind-not-understood`."""
    from hubfleet.kit.errors import failure

    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise failure(
            "bind-not-understood",
            f"{text!r} is no address to listen on",
            place="--bind",
            hint="write HOST:PORT, such as 127.0.0.1:8010 or [::1]:8010",
        )
    return host, int(port)


def open_office(desk: Desk, launch: Launch) -> None:
    """Set Django up, bring the database up to date, and join the office to the fleet."""
    from hubfleet.office import ports
    from hubfleet.office.site.launch import prepare_database, start

    start(launch)
    prepare_database(launch)
    ports.install(desk)


def say_first_steps(launch: Launch) -> None:
    """While nobody can administer the console: the way to the first account."""
    from hubfleet.office.accounts import first_link

    if first_link.wanted():
        output.say(f"Nobody has an account yet. Begin here: {launch.address}{first_link.make()}")

"""`hubfleet login` and `hubfleet logout`: sign in to a console elsewhere, from a terminal."""

from __future__ import annotations

import socket
import time
from typing import Annotated, Any

import typer

from hubfleet.cli import output

_Address = Annotated[
    str, typer.Argument(metavar="URL", help="Such as https://console.example.org.")
]
_Scopes = Annotated[
    list[str] | None,
    typer.Option(
        "--scope",
        metavar="SCOPE",
        help="read, people, change or roll-out; several times for several; default: all.",
    ),
]
_ALL = ["read", "people", "change", "roll-out"]


def login(url: _Address, scope: _Scopes = None) -> None:
    """Sign in to a console: agree in a browser, then use --remote with other commands."""
    from hubfleet.cli import remote

    console = remote.Remote(remote.address(url))
    begun = console.post(
        "/device/code", {"client": f"hubfleet on {socket.gethostname()}", "scopes": scope or _ALL}
    )
    output.tell(f"Open {begun['verification_uri_complete']}")
    output.tell(f"and agree there, if the page shows the code {begun['user_code']}")
    token = _wait_for(console, begun)
    remote.keep({**remote.sign_ins(), console.address: token})
    me = remote.Remote(console.address, token).get("/me")
    output.say(f"You are signed in to {console.address} as {me['login']}.")


def _wait_for(console: Any, begun: dict[str, Any]) -> str:
    """The token, once somebody has agreed; raises `sign-in-refused` and `sign-in-expired`."""
    from hubfleet.kit.errors import failure

    pause, end = float(begun["interval"]), time.monotonic() + float(begun["expires_in"])
    while time.monotonic() < end:
        time.sleep(pause)
        body = {"device_code": begun["device_code"]}
        status, answer = console.try_to("POST", "/device/token", body)
        if status == 200:
            return str(answer["access_token"])
        match (answer or {}).get("error"):
            case "authorization_pending":
                continue
            case "slow_down":
                pause += 1
            case "access_denied":
                raise failure(
                    "sign-in-refused",
                    "the sign-in was refused in the browser",
                    place=console.address,
                    hint="run `hubfleet login` again, and agree if you started it",
                )
            case _:
                break
    raise failure(
        "sign-in-expired",
        "nobody agreed in time",
        place=console.address,
        why="a code is good for ten minutes",
        hint="run `hubfleet login` again",
    )


def logout(
    url: Annotated[
        str | None, typer.Argument(metavar="[URL]", help="Default: all consoles.")
    ] = None,
) -> None:
    """Forget a sign-in, and revoke its token at the console."""
    from hubfleet.cli import remote
    from hubfleet.kit.errors import HubfleetError

    kept = remote.sign_ins()
    gone = [one for one in kept if url is None or url in one]
    for one in gone:
        try:
            remote.Remote(one, kept[one]).ask("DELETE", "/tokens/current")
        except HubfleetError as error:
            # Away or expired: what matters is that it is not used from here any more.
            output.tell(f"note: {one}: {error.problems[0].what}; the token may still be good there")
        del kept[one]
        output.say(f"You are signed out of {one}.")
    if gone:
        remote.keep(kept)
    else:
        output.say("You were not signed in.")

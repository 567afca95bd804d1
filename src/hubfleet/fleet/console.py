"""Where the console is: `service.console`, and what follows from it for hubs. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from pydantic import Field

from hubfleet.fleet.declared import Declared
from hubfleet.fleet.fields import CONSOLE_PATTERN, LISTEN_PATTERN, Flag, Name
from hubfleet.fleet.providers import Provider
from hubfleet.kit.errors import Place, Problem

DEFAULT_PORT = 8010
_ANYWHERE = ("0.0.0.0", "[::]", "*")  # noqa: S104 - recognised, never bound by default


class Console(Declared):
    """The console of the service, at which people sign in to all hubs with `sign_in: console`."""

    address: str | None = Field(default=None, pattern=CONSOLE_PATTERN)
    """What people type to reach it, such as https://console.example.org; default for a service on
    `localhost`: http://localhost:8010."""
    bind: str | None = Field(default=None, pattern=LISTEN_PATTERN)
    """Where `hubfleet serve` listens, as `host:port`; default: 127.0.0.1 with the port of an
    address on `localhost`, else with port 8010."""
    providers: dict[Name, Provider] = {}
    """Where people may sign in to the console with an account that they have already."""
    staff_second_factor: Flag | None = None
    """Whether the operator's people need a second factor: without one the console shows them no
    more than their own account. Default: yes, but for a console that only this machine reaches."""


@dataclass(frozen=True, slots=True)
class ConsolePlace:
    """`address` has no trailing slash; `bind` is `host:port`."""

    address: str
    bind: str

    @property
    def issuer(self) -> str:
        """How the console calls itself as an OpenID Connect provider."""
        return f"{self.address}/identity"

    @property
    def nearby(self) -> str:
        """How programs of its own machine reach it, whatever stands in front of it."""
        host, _, port = self.bind.rpartition(":")
        return f"http://{'127.0.0.1' if host in _ANYWHERE else host}:{port}"

    @property
    def host(self) -> str:
        return urlsplit(self.address).hostname or ""


def console_place(console: Console, domain: str) -> ConsolePlace | None:
    """Where the console of a service with this domain is; None where nothing says it."""
    local = domain == "localhost" or domain.endswith(".localhost")
    default = f"http://localhost:{DEFAULT_PORT}" if local else None
    address = (console.address or default or "").rstrip("/")
    if not address:
        return None
    split = urlsplit(address)
    port = (split.port or DEFAULT_PORT) if is_loopback(split.hostname or "") else DEFAULT_PORT
    return ConsolePlace(address, console.bind or f"127.0.0.1:{port}")


def staff_needs_second_factor(console: Console, domain: str) -> bool:
    """What is declared, else yes wherever others than this machine's own people may try."""
    if console.staff_second_factor is not None:
        return console.staff_second_factor
    place = console_place(console, domain)
    return place is None or not is_loopback(place.host)


def console_problems(console: Console, hubs: dict[str, str], place: Place) -> Iterator[Problem]:
    """What is wrong with the declared address; `hubs` are names by domain."""
    if console.address is None:
        return
    split = urlsplit(console.address)
    host = split.hostname or ""
    if split.scheme == "http" and not is_loopback(host):
        yield Problem(
            "insecure-console",
            "`service.console.address` is not encrypted",
            place,
            "Whoever is on the way could sign in as anybody, to every hub.",
            f"write https://{split.netloc}, and let a reverse proxy with a certificate stand there",
        )
    if host in hubs:
        yield Problem(
            "console-on-a-hub",
            f"the console has the host name of the hub `{hubs[host]}`",
            place,
            "Pages of the hub could read and set the console's cookies.",
            "give the console a host name of its own",
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine is reached under the name."""
    return host in ("localhost", "127.0.0.1", "::1") or host.endswith(".localhost")

"""One bounded question over HTTP to somebody who is not trusted.

The address is looked up once and connected to as it was found, so that a name cannot be a public
one when it is checked and a private one when it is opened. A watch cuts the connection at the
deadline, however slowly an answer drips.
"""

from __future__ import annotations

import http.client
import ipaddress
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from hubfleet.kit.elsewhere import connection_to
from hubfleet.kit.errors import HubfleetError, failure

Resolve = Callable[[str, int], Sequence[str]]

_ITSELF = re.compile(r"localhost|127(\.\d{1,3}){3}")

BY_HAND = "write the digest behind the tag, as `docker buildx imagetools inspect` shows it"


class Deadline:
    """A moment from which on nothing is waited for."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        return self._end - time.monotonic()

    def sooner(self, seconds: float) -> Deadline:
        """So many seconds from now, or this one where that is sooner."""
        return Deadline(min(seconds, self.left))


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` is empty for HEAD."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes = b""


def addresses_of(host: str, port: int) -> Sequence[str]:
    """What the machine's own resolver says; raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


@dataclass(frozen=True, slots=True)
class Network:
    """`inside` are registries (`host` or `host:port`) that may have an address inside of this
    network; of those that are this machine itself no encryption is asked.
    """

    inside: Collection[str] = ()
    resolve: Resolve = field(default=addresses_of)

    def scheme_of(self, host: str) -> str:
        """`http` for this machine alone, as Docker has it."""
        name = host.partition(":")[0]
        return "http" if host in self.inside and _ITSELF.fullmatch(name) else "https"

    def ask(
        self,
        url: str,
        headers: Mapping[str, str],
        *,
        registry: str,
        deadline: Deadline,
        method: str = "GET",
        most: int = 0,
    ) -> Answer:
        """One answer, without following it anywhere; `registry` is whom errors name.

        Raises what went wrong, or `registry-answer-strange` for a body of more than `most` bytes.
        """
        host, where, target = self._door(url, registry, deadline)
        connection = connection_to(url, where, max(deadline.left, 0.01))
        # Nobody reads these headers but the host of the address: each hop writes its own.
        told = {"Host": host, "User-Agent": "hubfleet", "Connection": "close", **headers}
        with closing(connection):
            try:
                connection.connect()
                with _cut_off(connection, deadline):
                    connection.request(method, target, headers=told)
                    with closing(connection.getresponse()) as answer:
                        length = answer.length
                        body = answer.read(most + 1) if most else b""
            except (OSError, ValueError, http.client.HTTPException) as error:
                raise (slow(registry) if deadline.left <= 0 else _broken(registry, error)) from None
        if deadline.left <= 0:
            raise slow(registry)
        if len(body) > most:
            raise strange(registry, "Its answer is too large.")
        # Half of a body has another digest, and not every end of one says that it is early.
        if most and not answer.chunked and len(body) != length:
            raise strange(registry, "Its answer is not whole.")
        return Answer(answer.status, answer.headers, body)

    def _door(
        self, url: str, registry: str, deadline: Deadline
    ) -> tuple[str, tuple[str, int], str]:
        """The host as it is named, the address to open, and what to ask for there."""
        try:
            parts = urlsplit(url)
            host, name, port = parts.netloc, parts.hostname, parts.port
        except ValueError:
            raise strange(registry, "It leads to an address that is none.") from None
        if parts.scheme != self.scheme_of(host) or not name or "@" in host:
            raise strange(registry, "It leads to an address that is not https.")
        port = port or (443 if parts.scheme == "https" else 80)
        address = self._address(name, port, host in self.inside, registry, deadline)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        return host, (address, port), target

    def _address(
        self, host: str, port: int, inside: bool, registry: str, deadline: Deadline
    ) -> str:
        found = _in_time(lambda: self.resolve(host, port), deadline)
        if found is None:
            raise slow(registry)
        if isinstance(found, OSError) or not found:
            raise unreachable(registry, "Its name is not known.")
        for address in found:
            if inside or is_public(address):
                return address
        raise failure(
            "registry-inside",
            f"the registry `{registry}` is inside of a network",
            why="It has, or leads to, an address that nobody elsewhere reaches.",
            hint=f"{BY_HAND}, or let it be asked with --inside-registry",
        )


def is_public(text: str) -> bool:
    """Whether the whole internet means the same by this address."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        if address in _TRANSLATED:
            address = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        else:
            address = address.ipv4_mapped or address.sixtofour or address
    return address.is_global and not address.is_multicast


_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")


def _in_time(
    look: Callable[[], Sequence[str]], deadline: Deadline
) -> Sequence[str] | OSError | None:
    """A resolver can take minutes and cannot be stopped: it is left alone, and ends by itself."""
    found: list[Sequence[str] | OSError] = []

    def work() -> None:
        try:
            found.append(look())
        except (OSError, UnicodeError):
            found.append(OSError())

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(max(deadline.left, 0))
    return found[0] if found else None


@contextmanager
def _cut_off(connection: http.client.HTTPConnection, deadline: Deadline) -> Iterator[None]:
    """Shuts the connection at the deadline, whatever is being waited for."""
    # Kept: the connection forgets it while the body of a last answer is still being read.
    held = connection.sock

    def cut() -> None:
        # Not the encrypted socket's own way, which would wait for the other side.
        with suppress(OSError):
            socket.socket.shutdown(held, socket.SHUT_RDWR)

    watch = threading.Timer(max(deadline.left, 0), cut)
    watch.daemon = True
    watch.start()
    try:
        yield
    finally:
        watch.cancel()


def _broken(registry: str, error: Exception) -> HubfleetError:
    if isinstance(error, ssl.SSLCertVerificationError):
        return unreachable(registry, "Its certificate is not one that is trusted here.")
    if isinstance(error, ConnectionRefusedError):
        return unreachable(registry, "It refused the connection.")
    if isinstance(error, ssl.SSLError | OSError):
        return unreachable(registry, "The connection broke.")
    return strange(registry, "Its answer is not HTTP.")


def unreachable(registry: str, why: str) -> HubfleetError:
    """Nobody is there, or nobody who can be trusted."""
    return failure(
        "registry-unreachable",
        f"the registry `{registry}` did not answer",
        why=why,
        hint=f"export again where it can be reached, or {BY_HAND}",
    )


def slow(registry: str) -> HubfleetError:
    """The time is over."""
    return failure(
        "registry-slow",
        f"the registry `{registry}` did not answer in time",
        hint=f"export again later, or {BY_HAND}",
    )


def strange(registry: str, why: str) -> HubfleetError:
    """What answers is no registry, or a broken one."""
    return failure(
        "registry-answer-strange",
        f"what answers at `{registry}` is not a registry as the OCI describes it",
        why=why,
        hint=f"check the image's name, or {BY_HAND}",
    )

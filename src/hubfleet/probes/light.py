"""A light check: does the hub answer under its name? Hundreds of hubs in seconds, as nobody.

Four things in order, each with its own cause: the address leads to a machine (network), its
certificate is good for long enough (certificate), something answers there (proxy), and it is the
hub (hub). It shows no token and starts nothing; whether people can work is what `person` finds out.
HTTP is spoken by hand: one request on one connection, of which only the status line is read.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from hubfleet.kit.clock import now
from hubfleet.probes.certificates import trusting, valid_until, why_not_trusted
from hubfleet.probes.hanging import SECONDS, who_hangs
from hubfleet.probes.verdict import Cause, Verdict, explained

AT_ONCE = 64
"""Connections at the same time; a check waits for the network, and hardly works."""
LONGEST_LINE = 1024


@dataclass(frozen=True, slots=True)
class Address:
    """Where a hub answers: `url` and `connect_to` as in `target.Target`."""

    hub: str
    url: str
    connect_to: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True)
class LightLimits:
    """Seconds until the machine must be reached, and until the hub must have answered."""

    connect: float = 5
    answer: float = 10


@dataclass(frozen=True, slots=True)
class LightResult:
    """What one check found. `cause` is a class, `what` a sentence; both empty for a healthy hub."""

    hub: str
    verdict: Verdict
    seconds: float
    cause: str = ""
    what: str = ""
    hint: str = ""
    certificate_until: datetime | None = None


class _FoundError(Exception):
    """What is wrong with the hub."""

    def __init__(self, cause: Cause, detail: str) -> None:
        super().__init__(detail)
        self.cause = cause
        self.detail = detail


async def check_hubs(
    addresses: Sequence[Address],
    *,
    certificate_days: int = 14,
    at_once: int = AT_ONCE,
    limits: LightLimits | None = None,
    context: ssl.SSLContext | None = None,
) -> list[LightResult]:
    """Check these hubs; results in the order of `addresses`.

    `context` says whom to trust; default: the certificates that the machine trusts.
    """
    room = asyncio.Semaphore(at_once)
    trusted = context or trusting()

    async def one(address: Address) -> LightResult:
        async with room:
            return await check_hub(
                address, trusted, limits or LightLimits(), timedelta(days=certificate_days)
            )

    return list(await asyncio.gather(*(one(address) for address in addresses)))


async def check_hub(
    address: Address, context: ssl.SSLContext, limits: LightLimits, least: timedelta
) -> LightResult:
    """Check one hub; a certificate that ends within `least` makes it degraded."""
    began = time.monotonic()
    until: datetime | None = None
    try:
        reader, writer = await _connect(address, context, limits)
        try:
            until = valid_until(writer)
            await _ask(address, reader, writer, context, limits)
        finally:
            writer.close()
    except _FoundError as found:
        what, hint = explained(found.cause, found.detail)
        seconds = time.monotonic() - began
        return LightResult(address.hub, "failed", seconds, found.cause, what, hint, until)
    seconds = time.monotonic() - began
    left = until - now() if until else None
    if left is not None and left < least:
        ends = f"it ends on {until:%Y-%m-%d}, in {max(left.days, 0)} days"
        what, hint = explained("certificate", ends)
        return LightResult(address.hub, "degraded", seconds, "certificate", what, hint, until)
    return LightResult(address.hub, "healthy", seconds, certificate_until=until)


async def _connect(
    address: Address, context: ssl.SSLContext, limits: LightLimits
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, port, name, secure = _place(address)
    try:
        async with asyncio.timeout(limits.connect):
            return await asyncio.open_connection(
                host,
                port,
                ssl=context if secure else None,
                server_hostname=name if secure else None,
                limit=LONGEST_LINE,
            )
    except TimeoutError:
        raise _FoundError("network", f"no connection within {limits.connect:g} s") from None
    except ssl.SSLCertVerificationError as failed:
        raise _FoundError("certificate", why_not_trusted(failed)) from failed
    except ssl.SSLError as failed:
        raise _FoundError("proxy", f"no encrypted connection: {failed.reason}") from failed
    except ConnectionError as failed:
        # The machine is there, and nothing listens: what ought to listen is the proxy.
        raise _FoundError("proxy", f"the connection failed: {_plain(failed)}") from failed
    except OSError as failed:
        raise _FoundError("network", f"{name}: {_plain(failed)}") from failed


def _place(address: Address) -> tuple[str, int, str, bool]:
    """Host and port to open, the hub's name, and whether the connection is encrypted."""
    parts = urlsplit(address.url)
    name, secure = parts.hostname or "", parts.scheme == "https"
    host, port = address.connect_to or (name, parts.port or (443 if secure else 80))
    return host, port, name, secure


async def _ask(
    address: Address,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    context: ssl.SSLContext,
    limits: LightLimits,
) -> None:
    parts = urlsplit(address.url)
    request = (
        f"GET {parts.path or '/'}hub/health HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        "User-Agent: hubfleet-probe\r\nConnection: close\r\n\r\n"
    )
    try:
        async with asyncio.timeout(limits.answer):
            writer.write(request.encode("ascii"))
            await writer.drain()
            line = await reader.readline()
    except TimeoutError:
        host, port, name, secure = _place(address)
        seconds = min(SECONDS, limits.answer)
        cause = await who_hangs((host, port), name, context if secure else None, seconds)
        raise _FoundError(cause, f"no answer within {limits.answer:g} s") from None
    except OSError as failed:
        raise _FoundError("proxy", f"the connection failed: {_plain(failed)}") from failed
    except ValueError as failed:
        raise _FoundError("proxy", "the answer was not understood") from failed
    _judge(line)


def _judge(line: bytes) -> None:
    """The proxy answers for a hub that it does not know, or that does not answer it."""
    words = line.split(maxsplit=2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():
        raise _FoundError("proxy", "the answer was not understood")
    status = int(words[1])
    if status == 404:
        raise _FoundError("proxy", "the proxy knows no hub of this name")
    if status in {502, 503, 504}:
        raise _FoundError("hub", "the proxy gets no answer from the hub")
    if status != 200:
        raise _FoundError("hub", f"/hub/health answers with {status}")


def _plain(failed: OSError) -> str:
    return failed.strerror or str(failed) or type(failed).__name__

"""An HTTP session that reaches a hub under its public name, whoever resolves that name."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from hubfleet.probes.target import Target


class _FixedAddress(AbstractResolver):
    """Sends the hub's name, and names below it, to one address; Python does not resolve
    `*.localhost`, browsers do.
    """

    def __init__(self, name: str, address: tuple[str, int]) -> None:
        self._name = name
        self._address = address
        self._others = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        if host != self._name and not host.endswith(f".{self._name}"):
            return await self._others.resolve(host, port, family)
        to_host, to_port = self._address
        return [
            ResolveResult(
                hostname=host,
                host=to_host,
                port=to_port,
                family=socket.AF_INET6 if ":" in to_host else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
        ]

    async def close(self) -> None:
        await self._others.close()


def open_session(target: Target) -> aiohttp.ClientSession:
    """A session without limits of its own: the stages bound every call.

    It keeps no cookies: the probe shows its token with each call, as scripts of people do.
    """
    resolver: AbstractResolver
    if target.connect_to is None:
        resolver = aiohttp.ThreadedResolver()
    else:
        resolver = _FixedAddress(host_of(target), target.connect_to)
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(resolver=resolver),
        timeout=aiohttp.ClientTimeout(total=None),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": "hubfleet-probe"},
    )


def host_of(target: Target) -> str:
    """The host name in the hub's address, in small letters."""
    return urlsplit(target.url).hostname or ""


def port_of(target: Target) -> int:
    """The port in the hub's address, or that of its scheme."""
    parts = urlsplit(target.url)
    return parts.port or (443 if parts.scheme == "https" else 80)

"""Who keeps a request waiting: the way there, the proxy, or the hub behind it?

From outside all three look alike. A proxy that lives answers for a name that no hub has by itself.
"""

from __future__ import annotations

import asyncio
import ssl

from hubfleet.probes.verdict import Cause

NOBODY = "hubfleet-nobody.invalid"
"""A name that no hub can have (RFC 2606)."""

SECONDS = 2.0
"""For each of the two questions, which a machine at rest answers in milliseconds."""


async def who_hangs(
    address: tuple[str, int], name: str, context: ssl.SSLContext | None, seconds: float = SECONDS
) -> Cause:
    """`network`, `proxy` or `hub`; `context` None where the hub is reached without encryption."""
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_connection(
                *address, ssl=context, server_hostname=name if context else None
            )
    except (OSError, TimeoutError):
        return "network"
    try:
        async with asyncio.timeout(seconds):
            request = f"GET / HTTP/1.1\r\nHost: {NOBODY}\r\nConnection: close\r\n\r\n"
            writer.write(request.encode("ascii"))
            await writer.drain()
            return "hub" if await reader.read(1) else "proxy"
    except (OSError, TimeoutError):
        return "proxy"
    finally:
        writer.close()

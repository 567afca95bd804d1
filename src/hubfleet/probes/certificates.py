"""The certificate with which a hub proves its name."""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime
from functools import cache


@cache
def trusting() -> ssl.SSLContext:
    """Trusts whom the machine trusts; reading those takes many milliseconds, so once."""
    return ssl.create_default_context()


def valid_until(writer: asyncio.StreamWriter) -> datetime | None:
    """Until when the peer's certificate is valid; None on a connection that is not encrypted."""
    peer = writer.get_extra_info("peercert")
    if not peer or "notAfter" not in peer:
        return None
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(peer["notAfter"]), UTC)


def why_not_trusted(failed: BaseException) -> str:
    """OpenSSL's own words, such as `certificate has expired`."""
    words = getattr(failed, "verify_message", "") or str(failed)
    return str(words)[:200]

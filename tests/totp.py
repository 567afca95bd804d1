"""What an authenticator app shows (RFC 6238): our own reckoning, not that of the library."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time


def totp(secret: str, later: int = 0) -> str:
    """The code so many half minutes from now."""
    counter = int(time.time()) // 30 + later
    key = base64.b32decode(secret)
    mac = hmac.new(key, counter.to_bytes(8, "big"), hashlib.sha1).digest()
    start = mac[-1] & 15
    number = int.from_bytes(mac[start : start + 4], "big") & 0x7FFFFFFF
    return f"{number % 1_000_000:06}"

"""Encryption of what the tables must not hold in clear: texts of mails, secrets of second factors.

The key is made from the site's secret key, so a copy of the database alone opens nothing. Knows no
hub and no person; the lowest floor of the office, beside the ports.
"""

from __future__ import annotations

import base64
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from hubfleet.kit.errors import failure


def seal(text: str, purpose: str) -> bytes:
    """Encrypted; what was sealed for one purpose does not open for another."""
    return _keys(purpose, settings.SECRET_KEY, tuple(settings.SECRET_KEY_FALLBACKS)).encrypt(
        text.encode()
    )


def unseal(sealed: bytes, purpose: str) -> str:
    """The text again; raises `sealed-with-another-key`."""
    keys = _keys(purpose, settings.SECRET_KEY, tuple(settings.SECRET_KEY_FALLBACKS))
    try:
        return keys.decrypt(sealed).decode()
    except InvalidToken:
        raise failure(
            "sealed-with-another-key",
            "a value in the database does not open",
            why="it was encrypted with another secret key than this console has, or was changed",
            hint="restore the state folder's `console` folder that belongs to this database",
        ) from None


@lru_cache(maxsize=8)
def _keys(purpose: str, secret: str, earlier: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([_key(purpose, one) for one in (secret, *earlier)])


def _key(purpose: str, secret: str) -> Fernet:
    info = f"hubfleet {purpose}".encode()
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(secret.encode())
    return Fernet(base64.urlsafe_b64encode(derived))

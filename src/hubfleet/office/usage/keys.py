"""The secret that hashes are made with: made once, kept sealed."""

from __future__ import annotations

import secrets
from functools import lru_cache

from hubfleet.office.sealing import seal, unseal
from hubfleet.office.usage.hashing import Keyring
from hubfleet.office.usage.models import Secret

_PURPOSE = "hashes of people who use hubs"


def keyring() -> Keyring:
    """Makes the secret at the first call; raises `sealed-with-another-key`."""
    row = Secret.objects.filter(id=1).first()
    if row is None:
        Secret.objects.bulk_create(
            [Secret(id=1, sealed=seal(secrets.token_hex(32), _PURPOSE))], ignore_conflicts=True
        )
        # Whoever was first wins, also when that was another process just now.
        row = Secret.objects.get(id=1)
    return _ring(bytes(row.sealed))


@lru_cache(maxsize=2)
def _ring(sealed: bytes) -> Keyring:
    return Keyring(bytes.fromhex(unseal(sealed, _PURPOSE)))

"""Names of people as keyed hashes. Pure.

The key is another one for each community, each kind of period and each period, all made from one
secret. So within a period a person counts once, on however many hubs of a community, and nobody,
without the secret, can follow anybody from one period to the next or learn a name by trying names.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from datetime import date
from hashlib import sha256

from hubfleet.office.usage.periods import Kind

BYTES = 16
"""Kept of each hash: two people are never taken for one."""


class Keyring:
    """Hashes with keys made from one secret."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._keys: dict[tuple[str, Kind, date], bytes] = {}

    def __repr__(self) -> str:
        return "Keyring(...)"

    def hashed(self, community: str, kind: Kind, start: date, *words: str) -> str:
        """Of a person's name, or of a name and what belongs to it."""
        return _hash(self._key(community, kind, start), words)[: 2 * BYTES]

    def _key(self, community: str, kind: Kind, start: date) -> bytes:
        named = (community, kind, start)
        if named not in self._keys:
            words = ("use", community, kind, start.isoformat())
            self._keys[named] = bytes.fromhex(_hash(self._secret, words))
        return self._keys[named]


def _hash(key: bytes, words: Iterable[str]) -> str:
    # No two lists of words give the same text, whatever is in them.
    text = "".join(f"{len(word)}:{word}" for word in words)
    return hmac.new(key, text.encode("utf-8", "surrogatepass"), sha256).hexdigest()


def one_spelling(user: str) -> str:
    """A person's name on a hub, the same on all: JupyterHub lower-cases names."""
    return user.strip().lower()

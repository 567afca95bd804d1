"""Who owns a name: the first of a provider's people who came in under it, for ever.

Providers let people rename themselves and give old names to others; some tell `Ada` from `ada`.
A home belongs to a name, so a name must never pass to another person by itself. Kept outside the
hub's database, like the homes' numbers. To give a name to somebody else, take its line out.
"""

from __future__ import annotations

import json
from pathlib import Path

from hubfleet.kit.files import write_atomically


class Identities:
    """`identities.json`: for each provider, names and the unchanging ids behind them."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def belongs_to(self, provider: str, name: str, subject: str) -> bool:
        """Whether nobody else of this provider owns the name."""
        return self._read().get(provider, {}).get(name, subject) == subject

    def claim(self, provider: str, name: str, subject: str) -> bool:
        """Make the name this person's where it is nobody's; False where it is another's."""
        known = self._read()
        owner = known.setdefault(provider, {}).setdefault(name, subject)
        if owner == subject:
            write_atomically(self._path, json.dumps(known, indent=1, sort_keys=True) + "\n")
        return owner == subject

    def _read(self) -> dict[str, dict[str, str]]:
        """Raises ValueError when the file is damaged: guessing would hand out somebody's home."""
        if not self._path.exists():
            return {}
        known: dict[str, dict[str, str]] = json.loads(self._path.read_text(encoding="utf-8"))
        return known

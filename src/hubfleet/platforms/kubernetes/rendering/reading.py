"""Values that are being adopted: what was read of them, and what that says already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from hubfleet.fleet.model import HubValues


class Reading:
    """Readers `get`, then `declare`; what they `consume` is said by what they declared."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values
        self.fields: dict[str, Any] = {}
        self.consumed: set[tuple[str, ...]] = set()
        self.pins: dict[str, str] = {}
        self.secrets: dict[str, Any] = {}
        self.notes: list[str] = []

    def get(self, *path: str) -> Any:
        """What is at a path; None where nothing is."""
        found: Any = self._values
        for key in path:
            if not isinstance(found, Mapping) or key not in found:
                return None
            found = found[key]
        return found

    def consume(self, *path: str) -> None:
        """What is there needs not be passed through."""
        self.consumed.add(path)

    def note(self, sentence: str) -> None:
        """Tell a person."""
        self.notes.append(sentence)

    def declare(self, field: str, value: Any) -> bool:
        """Set a field by its dotted key; False, and nothing set, where it cannot hold the value."""
        return self.declare_at(tuple(field.split(".")), value)

    def declare_at(self, path: tuple[str, ...], value: Any) -> bool:
        """The same for keys with dots."""
        try:
            HubValues.model_validate(_nested(path, value))
        except ValidationError:
            return False
        target = self.fields
        for key in path[:-1]:
            target = target.setdefault(key, {})
        target[path[-1]] = value
        return True


def _nested(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    for key in reversed(path):
        value = {key: value}
    found: dict[str, Any] = value
    return found

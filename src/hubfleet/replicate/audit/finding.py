"""One thing that stands in the way, at the place where it is declared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hubfleet.fleet.model import Hub
from hubfleet.kit.errors import Place
from hubfleet.replicate.audit.kinds import KINDS, LEVELS, Level


@dataclass(frozen=True, slots=True)
class Finding:
    """`key` is the field; `place` is where it is declared, None where no file says it."""

    level: Level
    code: str
    hub: str
    key: str
    what: str
    why: str
    cure: str
    place: Place | None = None

    @property
    def order(self) -> tuple[object, ...]:
        """The worst first."""
        return LEVELS.index(self.level), self.hub, self.key, self.code, self.what

    def as_json(self) -> dict[str, Any]:
        """The shape that `--json` promises."""
        return {
            "level": self.level,
            "code": self.code,
            "hub": self.hub,
            "key": self.key,
            "what": self.what,
            "why": self.why,
            "cure": self.cure,
            "place": None if self.place is None else str(self.place),
        }


def found(
    hub: Hub, code: str, key: str, words: Mapping[str, str] = {}, level: Level | None = None
) -> Finding:
    """A finding of the kind `code`, with its words filled in."""
    kind = KINDS[code]
    effective = hub.effective.get(key)
    return Finding(
        level or kind.levels[0],
        code,
        hub.name,
        key,
        kind.what.format(hub=hub.name, **words),
        kind.why,
        kind.cure.format(hub=hub.name, **words),
        effective.place if effective else None,
    )

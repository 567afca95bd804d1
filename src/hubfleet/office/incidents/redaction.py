"""Names of people in what is written about an incident: found for whoever writes, taken out of what
is published. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

ANALYSIS = ("contributing", "went_well", "went_wrong", "lucky", "summary", "response")
"""Where a name reads as blame, or as praise that others miss."""

_ADDRESS = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
SOMEBODY = "a person"


@dataclass(frozen=True, slots=True)
class Named:
    """A person named in a section."""

    section: str
    name: str


def spellings(login: str, name: str) -> tuple[str, ...]:
    """How somebody may be written: whole name, login, and the parts of the name that are long."""
    parts = [part for part in name.split() if len(part) >= 3]
    return tuple(dict.fromkeys(one for one in (name.strip(), login, *parts) if one))


def _pattern(names: Iterable[str]) -> re.Pattern[str] | None:
    """The longest first, so that a whole name goes before its parts."""
    wanted = sorted({name for name in names if name.strip()}, key=len, reverse=True)
    if not wanted:
        return None
    return re.compile(rf"(?<!\w)@?({'|'.join(map(re.escape, wanted))})(?!\w)", re.IGNORECASE)


def people_in(texts: Mapping[str, str], names: Iterable[str]) -> tuple[Named, ...]:
    """Who is named in the analysis, each once for a section: addresses, then names."""
    pattern = _pattern(names)
    found: dict[Named, None] = {}
    for section in ANALYSIS:
        text = texts.get(section, "")
        for match in _ADDRESS.finditer(text):
            found[Named(section, match[0])] = None
        # What is part of an address was told with it.
        for match in pattern.finditer(_ADDRESS.sub(" ", text)) if pattern else ():
            found[Named(section, match[1])] = None
    return tuple(found)


def without_people(text: str, instead: Mapping[str, str]) -> str:
    """The text with words instead of names; addresses of mail go too."""
    text = _ADDRESS.sub("an address", text)
    pattern = _pattern(instead)
    if pattern is None:
        return text
    lowered = {name.lower(): words for name, words in instead.items()}
    return pattern.sub(lambda match: lowered[match[1].lower()], text)

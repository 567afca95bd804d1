"""What an import did: for every key of the source where it went, and what is to be done now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hubfleet.kit.errors import Problem
from hubfleet.replicate.importing.found import Fate, Went
from hubfleet.replicate.importing.settling import Settled

_WORDS: dict[Went, str] = {
    "typed": "as fields",
    "passed": "passed through",
    "secret": "secret, not written",
    "not-carried": "not carried",
}


@dataclass(frozen=True, slots=True)
class Report:
    """`of_source` are fates of keys that belong to no hub, `people` is what a running hub told."""

    hubs: tuple[Settled, ...]
    of_source: tuple[Fate, ...] = ()
    files: tuple[str, ...] = ()
    missing: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    written: bool = True
    people: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {
            "written": self.written,
            "files": list(self.files),
            "hubs": [_hub_json(one) for one in self.hubs],
            "source": [fate.as_json() for fate in self.of_source],
            "notes": list(self.notes),
            "missing": [problem.as_json() for problem in self.missing],
            **({"people": dict(self.people)} if self.people else {}),
        }

    def lines(self, *, full: bool = False) -> Iterator[str]:
        """For people; `full` also tells of what went as it should."""
        for one in self.hubs:
            yield f"{one.found.name} on {one.found.cluster}: {_counted(one.fates)}"
            yield from (f"  {line}" for line in _fates(one.fates, full=full))
            if full:
                yield from (
                    f"  {key}: set by hubfleet" + (f" (`{by}`)" if by else "")
                    for key, by in one.added.items()
                )
            yield from (f"  note: {note}" for note in one.notes)
        if self.of_source:
            yield f"the source itself: {_counted(self.of_source)}"
            yield from (f"  {line}" for line in _fates(self.of_source, full=full))
        yield from (f"note: {note}" for note in self.notes)
        verb = "wrote" if self.written else "would write"
        yield f"{verb} {len(self.files)} {'file' if len(self.files) == 1 else 'files'}"


def _hub_json(one: Settled) -> dict[str, Any]:
    return {
        "hub": one.found.name,
        "cluster": one.found.cluster,
        "keys": [fate.as_json() for fate in one.fates],
        "added": [{"path": path, "field": by or None} for path, by in one.added.items()],
        "notes": list(one.notes),
    }


def _counted(fates: Iterable[Fate]) -> str:
    counts = Counter(fate.went for fate in fates)
    total = sum(counts.values())
    told = [f"{counts[went]} {words}" for went, words in _WORDS.items() if counts[went]]
    return f"{total} {'key' if total == 1 else 'keys'}" + (f", {', '.join(told)}" if told else "")


def _fates(fates: Iterable[Fate], *, full: bool) -> Iterator[str]:
    for fate in fates:
        if not full and fate.went in ("typed", "passed"):
            continue
        place = f"{fate.origin.place}: " if fate.origin.place else ""
        to = f" -> {fate.to}" if fate.to else ""
        why = f": {fate.why}" if fate.why else ""
        yield f"{place}{fate.origin.key}{to} ({_WORDS[fate.went]}{why})"

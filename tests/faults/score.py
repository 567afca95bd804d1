"""How well causes are named: precision and recall for each cause. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tests.faults.lab import Outcome


@dataclass(frozen=True)
class Score:
    """Of one cause: how often it was there, how often it was said, and how often both."""

    cause: str
    there: int
    said: int
    right: int

    @property
    def precision(self) -> float | None:
        return self.right / self.said if self.said else None

    @property
    def recall(self) -> float | None:
        return self.right / self.there if self.there else None


def scores(pairs: Iterable[tuple[str, str]]) -> list[Score]:
    """From pairs of what was there and what was said, both empty for a healthy hub."""
    found = list(pairs)
    there, said = Counter(one for one, _ in found), Counter(one for _, one in found)
    right = Counter(one for one, other in found if one == other)
    causes = sorted({*there, *said} - {""})
    return [Score(cause, there[cause], said[cause], right[cause]) for cause in causes]


def pairs_of(outcomes: Sequence[Outcome]) -> list[tuple[str, str]]:
    """Every look at a hub: during the fault and after it."""
    found = []
    for one in outcomes:
        for hub, seen in one.during.items():
            found.append((one.fault.cause if hub in one.fault.hits else "", seen.cause))
        found += [("", seen.cause) for seen in one.after.values()]
    return found

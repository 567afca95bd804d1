"""Problems: what is wrong, where, why, and what mends it.

A `Problem` is a value; `HubfleetError` carries one or more of them up to the
command line, which prints them and ends with exit code 1.
Anything that is not a `HubfleetError` is a bug and gets a crash log.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import total_ordering


@total_ordering
@dataclass(frozen=True, slots=True)
class Place:
    """A spot in a file; `line` and `column` count from 1, 0 means the whole file."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        if not self.line:
            return self.file
        return f"{self.file}:{self.line}:{self.column}"

    def __lt__(self, other: Place) -> bool:
        return (self.file, self.line, self.column) < (other.file, other.line, other.column)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    `code` is a stable kebab-case name that scripts may match on.
    `place` is None only where no file is concerned (a port, a process).
    """

    code: str
    what: str
    place: Place | str | None = None
    why: str = ""
    hint: str = ""

    def __str__(self) -> str:
        lines = [f"error[{self.code}]: {self.what}"]
        if self.place is not None:
            lines.append(f"  --> {self.place}")
        if self.why:
            lines.append(f"  why: {self.why}")
        if self.hint:
            lines.append(f"  hint: {self.hint}")
        return "\n".join(lines)

    def as_json(self) -> dict[str, str | None]:
        """The shape that `--json` promises: code, place, what, why, hint."""
        return {
            "code": self.code,
            "place": None if self.place is None else str(self.place),
            "what": self.what,
            "why": self.why,
            "hint": self.hint,
        }


class HubfleetError(Exception):
    """A known failure: at least one problem, each with its cure."""

    def __init__(self, *problems: Problem) -> None:
        if not problems:
            raise ValueError("an error needs at least one problem")
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class TransientError(HubfleetError):
    """A known failure that may be gone at the next attempt; only these are tried again."""


def failure(
    code: str, what: str, *, place: Place | str | None = None, why: str = "", hint: str = ""
) -> HubfleetError:
    """A `HubfleetError` with a single problem."""
    return HubfleetError(Problem(code, what, place, why, hint))


def in_reading_order(problems: Iterable[Problem]) -> list[Problem]:
    """Sorted by place, then by text, without repeats."""
    return sorted(set(problems), key=_reading_order)


def _reading_order(problem: Problem) -> tuple[str, int, int, str, str]:
    place = problem.place
    if isinstance(place, Place):
        return (place.file, place.line, place.column, problem.code, problem.what)
    return (place or "", 0, 0, problem.code, problem.what)

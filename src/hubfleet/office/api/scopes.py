"""What a token may be used for. A scope never gives more than its person may do. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Scope(StrEnum):
    """Closed; each operation needs exactly one."""

    READ = "read"
    PEOPLE = "people"
    CHANGE = "change"
    ROLL_OUT = "roll-out"
    DISCOVER = "discover"


WORDS = {
    Scope.READ: "see what you see",
    Scope.PEOPLE: "add, remove and invite people",
    Scope.CHANGE: "change the declaration in your name",
    Scope.ROLL_OUT: "roll out, roll back and probe",
    Scope.DISCOVER: "list the addresses of hubs for Prometheus, and nothing else",
}


def known(names: Iterable[str]) -> list[Scope]:
    """The scopes of these names, without repeats; raises `ValueError` for one that is none."""
    return sorted({Scope(name) for name in names})

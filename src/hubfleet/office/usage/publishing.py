"""Numbers as rows to hand out: what few people make up is hidden where strangers read. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hubfleet.office.usage.shapes import Numbers, Report
from hubfleet.office.usage.words import DEFINITIONS, FEW, HIDDEN, WHEN, WHO

_OF_PEOPLE = (
    "users",
    "billed_users",
    "users_by_day",
    "most_users_of_a_day",
    "most_users_of_a_week",
    "sessions",
    "server_hours",
    "memory_hours_requested",
    "memory_hours_used",
    "cpu_hours",
    "peak",
)
"""What tells of few people as soon as there are few."""


def rows_of(report: Report, *, public: bool = False) -> list[dict[str, Any]]:
    """The parts, else the total alone, each with its range; `public` ones say what is hidden."""
    named = report.parts if report.by else {report.scope: report.total}
    column = report.by or "scope"
    hidden = hidden_parts(named) if public else set()
    return [
        {
            column: name,
            "from": report.first.isoformat(),
            "to": report.last.isoformat(),
            **shown(numbers, hide=name in hidden),
            **({"hidden": name in hidden} if public else {}),
        }
        for name, numbers in named.items()
    ]


def shown(numbers: Numbers, *, hide: bool) -> dict[str, Any]:
    """One row of values; None where it is hidden or not known."""
    values = numbers.as_json()
    return {name: None if hide and name in _OF_PEOPLE else values[name] for name in values}


def hidden_parts(named: Mapping[str, Numbers]) -> set[str]:
    """Parts of fewer people than are published.

    Where that is one part alone, the total would tell it: the next smallest goes with it.
    """
    people = {name: people_of(numbers) for name, numbers in named.items()}
    some = {name: count for name, count in people.items() if count > 0}
    hidden = {name for name, count in some.items() if count < FEW}
    if len(hidden) == 1 and len(some) > 1:
        rest = {name: count for name, count in some.items() if name not in hidden}
        hidden.add(min(rest, key=lambda name: (rest[name], name)))
    return hidden


def people_of(numbers: Numbers) -> int:
    """How many stand behind the row at the most that is known for sure."""
    if numbers.users is not None:
        return numbers.users
    return max(numbers.most_users_of_a_day, numbers.most_users_of_a_week)


def as_json(report: Report, *, public: bool = False) -> dict[str, Any]:
    """The whole answer with the definitions of its numbers."""
    hide = public and 0 < people_of(report.total) < FEW
    return {
        "scope": report.scope or None,
        "from": report.first.isoformat(),
        "to": report.last.isoformat(),
        "total": shown(report.total, hide=hide),
        "by": report.by,
        "rows": rows_of(report, public=public) if report.by else [],
        "definitions": {**DEFINITIONS},
        "notes": [WHO, WHEN, *([HIDDEN] if public else [])],
        "troubles": {} if public else dict(report.troubles),
    }

"""Hubs that are to end on a day that was promised: none of them is removed before it.

The console writes the days into a file of the state folder; whoever plans reads it there, so that
neither needs the other.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

from hubfleet.kit.clock import today
from hubfleet.kit.errors import Problem, failure
from hubfleet.kit.files import make_private_folder, write_atomically
from hubfleet.planning.plan import Plan
from hubfleet.planning.steps import RemoveHub


def read(path: Path) -> dict[str, date]:
    """The last day of each hub that ends; nothing without the file. Raises `damaged-file`."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    try:
        return {str(hub): date.fromisoformat(day) for hub, day in json.loads(text).items()}
    except (ValueError, TypeError, AttributeError):
        raise failure(
            "damaged-file",
            "it cannot be read which hubs end when",
            place=str(path),
            why="a hub could be removed before the day that its community was promised",
            hint="run `hubfleet hub endings`, which writes the file anew",
        ) from None


def write(path: Path, endings: Mapping[str, date]) -> None:
    """Replace the file when it says something else; without endings it goes."""
    if not endings:
        path.unlink(missing_ok=True)
        return
    text = json.dumps({hub: str(day) for hub, day in sorted(endings.items())}, indent=1) + "\n"
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        make_private_folder(path.parent)
        write_atomically(path, text)


def objections(plan: Plan, path: Path, timezone: str) -> tuple[Problem, ...]:
    """The refusals of today in a time zone; the file is read only when the plan removes a hub."""
    if not plan.count(RemoveHub):
        return ()
    return tuple(refusals(plan, read(path), today(timezone)))


def refusals(plan: Plan, endings: Mapping[str, date], day: date) -> Iterator[Problem]:
    """Removals that come before the end of a hub's last day."""
    for step in plan.steps:
        if not isinstance(step, RemoveHub):
            continue
        last = endings.get(step.name)
        if last is not None and day <= last:
            yield Problem(
                "removal-too-early",
                f"{step.name} may not be removed before {last} is over",
                why="that is the last day that its community was promised",
                hint="declare it again until then, or end the promise: "
                f"`hubfleet hub end {step.name} --cancel`",
            )

"""The first draft of a report, written from the record; and a report as Markdown. Pure.

Blameless: people are spoken of by what they did in it, never by name. What no record can answer is
left empty, with a question for whoever writes.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hubfleet.office.incidents.clocks import Times, in_words
from hubfleet.office.incidents.words import ACTION_KINDS, KINDS, SECTIONS


@dataclass(frozen=True, slots=True)
class Line:
    """One entry of the timeline."""

    at: datetime
    kind: str
    origin: str
    who: str
    text: str
    public: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """All that is known of an incident that is over."""

    number: int
    title: str
    kind: str
    priority: str
    source: str
    began_at: datetime
    ended_at: datetime
    times: Times
    hubs: tuple[str, ...]
    communities: tuple[str, ...]
    users_affected: int | None
    users_measured: int | None
    user_minutes: int | None
    lines: tuple[Line, ...]
    update_every: timedelta
    unverified: str = ""


SOON = timedelta(minutes=5)
LATE = timedelta(minutes=15)


def draft(record: Record) -> dict[str, str]:
    """A text for each section; those that people must write begin with what the record suggests."""
    return {
        "summary": _summary(record),
        "impact": _impact(record),
        "detection": _detection(record),
        "response": _response(record),
        "contributing": _bullets([*_suspected(record), *_changes(record)]),
        "went_well": _bullets(_well(record)),
        "went_wrong": _bullets(_wrong(record)),
        "lucky": "",
    }


def _summary(record: Record) -> str:
    began, ended = record.began_at, record.ended_at
    until = f"{ended:%H:%M}" if began.date() == ended.date() else f"{ended:%Y-%m-%d %H:%M}"
    where = _listed(record.hubs) if record.hubs else "the service"
    lasted = in_words(record.times.resolve)
    return (
        f"On {began:%Y-%m-%d} from {began:%H:%M} to {until} UTC ({lasted}), {where} had an "
        f"incident of priority {record.priority}: {KINDS[record.kind]}."
    )


def _impact(record: Record) -> str:
    many = f"{len(record.hubs)} hubs" if len(record.hubs) != 1 else "1 hub"
    owners = f" of {_listed(record.communities)}" if record.communities else ""
    where = f"{many}{owners}: {_listed(record.hubs)}." if record.hubs else "The whole service."
    lasted = f"People could not work as usual for {in_words(record.times.mitigate)}."
    if record.users_affected is None:
        return f"{where}\n{lasted}\n{_not_counted(record.users_measured)}"
    people = (
        "1 person was" if record.users_affected == 1 else f"{record.users_affected} people were"
    )
    minutes = f", {record.user_minutes} user-minutes in all" if record.user_minutes else ""
    return f"{where}\n{lasted}\n{people} affected{minutes}."


def _not_counted(measured: int | None) -> str:
    if measured is None:
        return "How many people that were was not counted."
    there = "1 person" if measured == 1 else f"{measured} people"
    return f"{there} had a server there meanwhile; how many could not work was not counted."


def _detection(record: Record) -> str:
    seen = {line.origin for line in record.lines if line.kind == "observed"}
    if record.source == "machine":
        ways = {"turn": "our own checks", "alert": "an alert"}
        by = next((words for origin, words in ways.items() if origin in seen), "an alert")
    else:
        by = "a person"
    return f"It was known from {by} {in_words(record.times.detect)} after it began."


def _response(record: Record) -> str:
    told = [line for line in record.lines if line.public]
    said = [
        f"It was taken on {in_words(record.times.acknowledge)} after it was known."
        if record.times.acknowledge is not None
        else "Nobody had to take it on: it ended by itself.",
        f"People could work again {in_words(record.times.mitigate)} after it began.",
    ]
    count = len(told)
    said.append(
        f"The public was told {count} time{'s' if count != 1 else ''}."
        if told
        else "The public was told nothing beside the state on the status page."
    )
    if record.unverified:
        said.append(f"It was ended without a probe that agrees: {record.unverified}")
    acts = [line.text for line in record.lines if line.kind == "action" and line.origin == "person"]
    return "\n".join(said) + (f"\n\n{_bullets(acts)}" if acts else "")


def _suspected(record: Record) -> list[str]:
    return [line.text for line in record.lines if line.kind == "hypothesis"]


def _changes(record: Record) -> list[str]:
    """Rollouts before it began may be part of the cause."""
    return [
        f"Changed {in_words(record.began_at - line.at)} before: {line.text}"
        for line in record.lines
        if line.origin == "rollout" and line.at <= record.began_at
    ]


def _well(record: Record) -> list[str]:
    found = []
    if record.times.detect is not None and record.times.detect <= SOON:
        found.append(f"It was known {in_words(record.times.detect)} after it began.")
    if record.times.acknowledge is not None and record.times.acknowledge <= SOON:
        found.append(f"It was taken on within {in_words(record.times.acknowledge)}.")
    if _told(record) and not missed_updates(record):
        found.append("The public was told as often as promised.")
    return found


def _wrong(record: Record) -> list[str]:
    found = []
    if record.times.detect is not None and record.times.detect > LATE:
        found.append(f"It was known only {in_words(record.times.detect)} after it began.")
    if record.times.acknowledge is not None and record.times.acknowledge > LATE:
        found.append(f"It took {in_words(record.times.acknowledge)} until somebody took it on.")
    missed = missed_updates(record)
    if missed:
        times = "once" if missed == 1 else f"{missed} times"
        found.append(f"An update of the public was late {times}.")
    return found


def _told(record: Record) -> list[datetime]:
    return sorted(line.at for line in record.lines if line.public)


def missed_updates(record: Record) -> int:
    """How often the public waited longer than promised."""
    opened = record.began_at + (record.times.detect or timedelta(0))
    moments = [opened, *_told(record), record.ended_at]
    moments = [min(max(one, opened), record.ended_at) for one in moments]
    pairs = itertools.pairwise(moments)
    return sum(later - earlier > record.update_every for earlier, later in pairs)


def _bullets(lines: Sequence[str]) -> str:
    return "\n".join(f"- {' '.join(line.split())}" for line in dict.fromkeys(lines))


def _listed(names: Sequence[str]) -> str:
    if len(names) > 12:
        return f"{', '.join(names[:10])} and {len(names) - 10} others"
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def markdown(value: Mapping[str, Any]) -> str:
    """`reports.as_value` as Markdown; what people typed becomes no heading and no row."""
    parts = [f"# {_inline(value['title'])}", ""]
    parts += [f"- {name}: {_inline(said)}" for name, said in value["facts"]]
    for key, title in SECTIONS.items():
        text = value["sections"].get(key, "").strip()
        parts += ["", f"## {title}", "", _block(text) if text else "Not written yet."]
        if key == "impact":
            parts += ["", "## Timeline (UTC)", "", *_timeline(value["timeline"])]
    parts += ["", "## Actions", "", *_actions(value["actions"])]
    return "\n".join(parts).rstrip() + "\n"


def _timeline(lines: Sequence[Mapping[str, str]]) -> list[str]:
    rows = ["| time | by | what |", "|---|---|---|"]
    rows += [f"| {one['at']} | {_cell(one['who'])} | {_cell(one['text'])} |" for one in lines]
    return rows if lines else ["Nothing was recorded."]


def _actions(actions: Sequence[Mapping[str, str]]) -> list[str]:
    if not actions:
        return ["None."]
    rows = ["| what | why | owner | due | where |", "|---|---|---|---|---|"]
    for one in actions:
        cells = (one["text"], ACTION_KINDS[one["kind"]], one["owner"], one["due"], one["link"])
        rows.append("| " + " | ".join(_cell(cell) for cell in cells) + " |")
    return rows


_SPECIAL = str.maketrans({char: f"\\{char}" for char in "\\`*_[]<>#|!&~"})


def _inline(text: str) -> str:
    return " ".join(text.split()).translate(_SPECIAL)


def _cell(text: str) -> str:
    return _inline(text)


def _block(text: str) -> str:
    """Lines stay, also those of a list; nothing begins a heading, a rule or code."""
    found = []
    for line in text.splitlines():
        bullet = line.lstrip().startswith("- ")
        said = _inline(line.lstrip()[2:] if bullet else line)
        if said.startswith(("=", "+", "-")):
            said = f"\\{said}"
        found.append(f"- {said}" if bullet else said)
    return "\n".join(found)

"""Revisions in words, for people.

Who and why are somebody's text, and probes quote what hubs say: nothing of it may move the cursor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hubfleet.cli import output
from hubfleet.kit.clock import timestamp

if TYPE_CHECKING:
    from hubfleet.office.ledger.revisions import Difference, RevisionRecord

_COLOURS = {"healthy": "green", "degraded": "yellow", "failed": "red"}
_COLUMNS = ("id", "hub", "revision", "at", "who", "action", "verdict", "why")


def print_rows(rows: Sequence[Mapping[str, Any]]) -> None:
    """A table of `RevisionRecord.row()`."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in _COLUMNS:
        table.add_column(column, overflow="fold")
    for row in rows:
        cells = [Text(_plain(row[column] or "-")) for column in _COLUMNS]
        cells[6].stylize(_COLOURS.get(str(row["verdict"]), "dim"))
        table.add_row(*cells)
    output.stdout_console().print(table)


def print_revision(
    record: RevisionRecord, earlier: RevisionRecord | None, changes: Sequence[Difference]
) -> None:
    """All that is known about one revision."""
    output.say(f"{record.name}  {record.action}  {record.verdict or 'not probed'}")
    facts = {
        "when": f"{timestamp(record.at)}, after {record.seconds:.1f} s",
        "who": record.who or "-",
        "why": record.why or "-",
        "rollout": record.rollout,
        "declaration": record.declaration[:12] or "-",
        "snapshot": record.snapshot or "-",
    }
    if record.restored_from:
        facts["back to"] = f"what {record.hub}@{record.restored_from} was"
    for word, value in facts.items():
        output.say(f"  {word:<12} {_plain(value)}")
    output.say()
    if record.action == "remove":
        output.say("The hub was removed; people's files are kept in the state folder.")
    elif not record.values:
        output.say("Its values were not written down: it was made by an earlier hubfleet.")
    else:
        output.say(f"Changes since {earlier.name}:" if earlier else "Its values, as the first:")
    _print_changes(changes, first=earlier is None)
    if record.probe:
        _print_probe(record.probe)


def print_differences(
    old: RevisionRecord, new: RevisionRecord, changes: Sequence[Difference]
) -> None:
    """What differs, line by line."""
    unknown = [one.name for one in (old, new) if not one.values]
    if unknown:
        output.tell(f"note: the values of {' and '.join(unknown)} were not written down")
    if not changes:
        output.say(f"{old.name} and {new.name} do not differ.")
        return
    output.say(f"From {old.name} to {new.name}:")
    _print_changes(changes, first=False)


def _print_changes(changes: Sequence[Difference], *, first: bool) -> None:
    shown = [change for change in changes if change.new is not None] if first else changes
    width = max((len(change.key) for change in shown), default=0)
    for change in shown:
        new = _plain(output.in_short(change.new))
        value = new if first else f"{_plain(output.in_short(change.old))} -> {new}"
        output.say(f"  {_plain(change.key):<{width}}  {value}")


def _print_probe(probe: Mapping[str, Any]) -> None:
    output.say()
    output.say(f"Probe: {_plain(probe.get('verdict', '-'))} in {probe.get('seconds', 0):.1f} s")
    for stage in probe.get("stages", ()):
        word = "ok" if stage["ok"] else "failed"
        line = f"  {stage['name']:<8} {word:<6} {stage['seconds']:>5.1f} s  {stage['detail']}"
        output.say(_plain(line.rstrip()))
    for word in ("cause", "hint"):
        if probe.get(word):
            output.say(f"  {word}: {_plain(probe[word])}")


def _plain(value: object) -> str:
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in str(value)
    )

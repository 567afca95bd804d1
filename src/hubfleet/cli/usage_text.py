"""What `hubfleet usage` prints for people, from what `--json` holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hubfleet.cli import output


def print_use(found: Mapping[str, Any]) -> None:
    """What `--json` holds, for people."""
    days = f"from {found['from']} to {found['to']}, in days of UTC"
    output.say(f"Use of {found['scope'] or 'all hubs'} {days}")
    meanings, values = found["definitions"], found["total"]
    width = max(map(len, meanings))
    for name, meaning in meanings.items():
        value = "-" if values[name] is None else f"{values[name]:,}"
        output.say(f"  {name:<{width}}  {value:>12}  {meaning}")
    output.say(" ".join(found["notes"]))
    if found["by"]:
        output.say()
        _print_rows(found["by"], found["rows"])


_COLUMNS = (
    "users",
    "billed_users",
    "most_users_of_a_day",
    "sessions",
    "server_hours",
    "memory_hours_requested",
    "memory_hours_used",
    "peak",
    "failed",
)


def _print_rows(by: str, rows: Sequence[Mapping[str, Any]]) -> None:
    from rich.table import Table

    if not rows:
        output.say("Nothing was measured in these days.")
        return
    table = Table(box=None, pad_edge=False)
    table.add_column(by)
    for name in _COLUMNS:
        table.add_column(name.replace("_", " "), justify="right")
    for row in rows:
        cells = ("-" if row[name] is None else f"{row[name]:,}" for name in _COLUMNS)
        table.add_row(row[by], *cells)
    output.stdout_console().print(table)

"""What `status` shows, whether the hubs are here or behind a console elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hubfleet.cli import output

_COLOURS = {
    "running": "green",
    "starting": "yellow",
    "hanging": "red",
    "crashed": "red",
    "stopped": "red",
}


_NARROW = 100
"""Columns of a screen below which a table would break every word."""


def print_table(rows: Sequence[Mapping[str, object]]) -> None:
    """One row a hub, as `status_rows` makes them; on a narrow screen two lines a hub."""
    from rich.table import Table
    from rich.text import Text

    columns = ["hub", "cluster", "stage", "state", "url", "revision"]
    columns += ["note"] if any(row["note"] for row in rows) else []
    console = output.stdout_console()
    if console.width < _NARROW:
        for row in rows:
            console.print(f"{row['hub']}  {row['state']}  {row['note'] or ''}".rstrip())
            console.print(f"    {row['url'] or 'no address yet'}", soft_wrap=True)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column == "url")
    for row in rows:
        cells = [Text(str(row[column] or "-")) for column in columns]
        cells[3].stylize(_COLOURS.get(str(row["state"]), "dim"))
        table.add_row(*cells)
    console.print(table)

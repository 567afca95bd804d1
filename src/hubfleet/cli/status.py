"""`hubfleet status`: what is true now?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hubfleet.cli import options, output

if TYPE_CHECKING:
    from hubfleet.wiring import Installation


def status(
    fleet: options.Fleet = None,
    state: options.State = None,
    show_passwords: Annotated[
        bool, typer.Option("--show-passwords", help="Also print how to sign in to each hub.")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Show every hub, declared or existing: its state, address and revision."""
    from hubfleet import wiring

    installation = wiring.open_installation(fleet, state)
    rows = status_rows(installation)
    if as_json:
        output.print_json({"hubs": rows, "remarks": installation.remarks()})
        return
    if not rows:
        output.say("This fleet has no hub yet; declare one in communities/<community>/hubs/.")
        return
    _print_table(rows)
    for remark in installation.remarks():
        output.tell(f"note: {remark}")
    if show_passwords:
        from hubfleet.cli.up import print_addresses

        print_addresses(installation)


def status_rows(installation: Installation) -> list[dict[str, object]]:
    """One row a hub: `{"hub", "cluster", "stage", "state", "url", "revision", "note"}`.

    `state` is that of the world, or `absent` for a declared hub that was never created; `stage` is
    None for a hub that nobody declares.
    """
    from hubfleet.fleet.sign_in import access_note
    from hubfleet.kit.clock import today
    from hubfleet.planning.plan import make_plan
    from hubfleet.planning.steps import action, hub_name

    observations = installation.observe()
    observed = {hub.name: hub for seen in observations for hub in seen.hubs.values()}
    declared = installation.fleet.hubs
    waiting = {
        hub_name(step): f"{action(step)} is waiting"
        for step in make_plan(installation.fleet, observations).steps
    }
    rows: list[dict[str, object]] = []
    for name in sorted({*declared, *observed}):
        hub, seen = declared.get(name), observed.get(name)
        access = access_note(hub.values.access, today(hub.timezone)) if hub else ""
        notes = (seen.note if seen else "", waiting.get(name, ""), access)
        rows.append(
            {
                "hub": name,
                "cluster": seen.cluster if seen else hub.cluster if hub else "",
                "stage": hub.stage if hub else None,
                "state": seen.state if seen else "absent",
                "url": seen.url if seen else "",
                "revision": seen.revision if seen else 0,
                "note": "; ".join(note for note in notes if note),
            }
        )
    return rows


_COLOURS = {
    "running": "green",
    "starting": "yellow",
    "hanging": "red",
    "crashed": "red",
    "stopped": "red",
}


_NARROW = 100
"""Columns of a screen below which a table would break every word."""


def _print_table(rows: list[dict[str, object]]) -> None:
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

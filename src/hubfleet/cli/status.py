"""`hubfleet status`: what is true now?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hubfleet.cli import options, output
from hubfleet.cli.status_table import print_table

if TYPE_CHECKING:
    from hubfleet.wiring import Installation


def status(
    fleet: options.Fleet = None,
    state: options.State = None,
    show_passwords: Annotated[
        bool, typer.Option("--show-passwords", help="Also print how to sign in to each hub.")
    ] = False,
    remote: options.Remote = None,
    as_json: options.Json = False,
) -> None:
    """Show every hub, declared or existing: its state, address and revision."""
    from hubfleet import wiring

    if remote:
        from hubfleet.cli import remote_verbs

        remote_verbs.status(remote, as_json=as_json)
        return

    installation = wiring.open_installation(fleet, state)
    rows = status_rows(installation)
    unfinished = installation.unfinished()
    remarks = [*([unfinished.sentence()] if unfinished else []), *installation.remarks()]
    if as_json:
        console = console_row(installation)
        output.print_json({"hubs": rows, "console": console, "remarks": remarks})
        return
    if not rows:
        output.say("This fleet has no hub yet; declare one in communities/<community>/hubs/.")
        return
    print_table(rows)
    if console := console_row(installation):
        note = f"  {console['note']}" if console["note"] else ""
        output.say(f"console  {console['state']}  {console['url']}{note}")
    for remark in remarks:
        output.tell(f"note: {remark}")
    if show_passwords:
        from hubfleet.cli.up import print_addresses

        print_addresses(installation)


def console_row(installation: Installation) -> dict[str, str] | None:
    """`{"state", "url", "since", "note"}`; None for a fleet that needs none and has none.

    `crashed` is one that the keeper starts again, `stopped` one that nobody does.
    """
    from hubfleet.platforms.local.console_process import read_minding

    found, wanted = installation.running_console(), installation.console()
    minding = read_minding(installation.state)
    if found is not None:
        times = "once" if minding.restarts == 1 else f"{minding.restarts} times"
        note = f"started again {times} since `up`" if minding.restarts else ""
        return {"state": "running", "url": found.address, "since": found.since, "note": note}
    if wanted is None:
        return None
    if not minding.next_try:
        return {"state": "stopped", "url": wanted.address, "since": "", "note": ""}
    how = f" {minding.last_exit}" if minding.last_exit else ""
    note = f"ended{how}; tried again at {minding.next_try}"
    return {"state": "crashed", "url": wanted.address, "since": "", "note": note}


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
        for step in make_plan(installation.joined.reachable(), observations).steps
    }
    rows: list[dict[str, object]] = []
    for name in sorted({*declared, *observed}):
        hub, seen = declared.get(name), observed.get(name)
        access = access_note(hub.values.access, today(hub.timezone)) if hub else ""
        closing = f"closes at {seen.closing}" if seen and seen.closing else ""
        notes = (seen.note if seen else "", closing, waiting.get(name, ""), access)
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

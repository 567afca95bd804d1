"""`hubfleet rollback`: bring one hub back to an earlier revision."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from hubfleet.cli import exits, options, output

if TYPE_CHECKING:
    from hubfleet.platforms.platform import OtherSoftware, RollbackPreview, Snapshot


def rollback(
    hub: options.HubArgument,
    to: Annotated[
        int | None,
        typer.Option(
            "--to", metavar="REVISION", min=1, help="Default: the last one that is not running."
        ),
    ] = None,
    listed: Annotated[
        bool, typer.Option("--list", help="Show what can be gone back to, and do nothing.")
    ] = False,
    database: Annotated[
        bool,
        typer.Option("--database", help="Put the hub database back even where its schema fits."),
    ] = False,
    migrate_again: Annotated[
        bool,
        typer.Option(
            "--migrate-again", help="Let the installed JupyterHub migrate an older database."
        ),
    ] = False,
    leave_down: Annotated[
        bool,
        typer.Option(
            "--leave-down", help="Restore for an older JupyterHub, and leave the hub down for it."
        ),
    ] = False,
    message: Annotated[
        str, typer.Option("--message", "-m", metavar="WHY", help="Why, for the history.")
    ] = "",
    yes: options.Yes = False,
    state: options.State = None,
    port: options.Port = None,
    as_json: options.Json = False,
) -> None:
    """Restore a hub's configuration, environment and, where its schema changed, its database."""
    from hubfleet import wiring

    if migrate_again and leave_down:
        raise typer.BadParameter("--migrate-again and --leave-down exclude each other")
    local = wiring.local_platform(state, port=port)
    made = local.snapshots(hub)
    if listed:
        _list(hub, made, as_json=as_json)
        return
    software: OtherSoftware = "refuse"
    if migrate_again or leave_down:
        software = "migrate" if migrate_again else "leave-down"
    snapshot = _chosen(hub, made, to, local.running_revision(hub))
    preview = local.preview_rollback(hub, snapshot.id, put_database_back=database)
    if not as_json:
        print_preview(preview)
    if not yes:
        _ask(hub)
    outcome = wiring.roll_back(
        local,
        hub,
        snapshot.id,
        output.tell,
        why=message,
        other_software=software,
        put_database_back=database,
    )
    if as_json:
        output.print_json({"hub": hub, "to": asdict(snapshot), **asdict(outcome)})
        return
    done = f"{hub} is back at revision {snapshot.revision}, as revision {outcome.revision}"
    output.say(done if outcome.changed else f"{hub} runs revision {snapshot.revision} already")
    if outcome.note:
        output.say(outcome.note)


def print_preview(preview: RollbackPreview) -> None:
    """What will be restored, and what people keep and lose."""
    from hubfleet.platforms.local.homes.quota import readable

    kept = preview.snapshot
    output.say(f"{kept.hub} goes back to revision {kept.revision} ({kept.id}, made {kept.at})")
    width = max((len(change.key) for change in preview.changes), default=0)
    for change in preview.changes:
        old, new = output.in_short(change.old), output.in_short(change.new)
        output.say(f"    {change.key:<{width}}  {old} -> {new}")
    if not preview.changes:
        output.say("    the effective values are the same")
    database = f"is put back ({readable(kept.size)})" if preview.database else "stays as it is"
    output.say(f"    hub database {database}")
    for sentence in preview.keeps:
        output.say(f"  kept: {sentence}")
    for sentence in preview.loses:
        output.say(f"  lost: {sentence}")


def _list(hub: str, made: Sequence[Snapshot], *, as_json: bool) -> None:
    from hubfleet.platforms.local.homes.quota import readable

    if as_json:
        output.print_json({"hub": hub, "snapshots": [asdict(one) for one in made]})
        return
    for one in made:
        schema = one.database_schema or "no database"
        size = readable(one.size)
        output.say(f"revision {one.revision:>4}  {one.at}  {size:>8}  schema {schema}  {one.id}")
    if not made:
        output.say(f"{hub} has no snapshot yet; `hubfleet apply` makes one before each change.")


def _chosen(hub: str, made: Sequence[Snapshot], to: int | None, running: int) -> Snapshot:
    from hubfleet.kit.errors import failure

    fitting = [one for one in made if (one.revision == to if to else one.revision != running)]
    if fitting:
        return fitting[-1]
    revisions = ", ".join(sorted({str(one.revision) for one in made}, key=int))
    raise failure(
        "no-such-snapshot",
        f"{hub} has no snapshot of " + (f"revision {to}" if to else "an earlier revision"),
        why=f"there are those of revision {revisions}" if revisions else "there is none",
        hint=f"`hubfleet rollback {hub} --list` shows what can be gone back to",
    )


def _ask(hub: str) -> None:
    from hubfleet.kit.errors import failure

    if not sys.stdin.isatty():
        raise failure(
            "not-confirmed",
            f"nobody is there to confirm the rollback of {hub}",
            hint="add --yes to do what is shown above",
        )
    if not typer.confirm("Roll back?", err=True):
        raise typer.Exit(exits.FAILED)

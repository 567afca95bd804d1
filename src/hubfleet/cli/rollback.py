"""`hubfleet rollback`: bring one hub back to an earlier revision."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from hubfleet.cli import exits, options, output

if TYPE_CHECKING:
    from hubfleet.kit.errors import HubfleetError
    from hubfleet.platforms.platform import (
        OtherSoftware,
        Outcome,
        Platform,
        RollbackPreview,
        Snapshot,
    )

_To = Annotated[
    int | None,
    typer.Option(
        "--to", metavar="REVISION", min=1, help="Default: the last one that differs from now."
    ),
]
_Listed = Annotated[
    bool, typer.Option("--list", help="Show what can be gone back to, and do nothing.")
]
_Database = Annotated[
    bool, typer.Option("--database", help="Put the hub database back even where its schema fits.")
]
_MigrateAgain = Annotated[
    bool,
    typer.Option("--migrate-again", help="Let the installed JupyterHub migrate an older database."),
]
_LeaveDown = Annotated[
    bool,
    typer.Option(
        "--leave-down", help="Restore for an older JupyterHub, and leave the hub down for it."
    ),
]


def rollback(
    hub: options.HubArgument,
    to: _To = None,
    listed: _Listed = False,
    database: _Database = False,
    migrate_again: _MigrateAgain = False,
    leave_down: _LeaveDown = False,
    message: options.Message = "",
    yes: options.Yes = False,
    fleet: options.Fleet = None,
    state: options.State = None,
    by: options.By = "",
    remote: options.Remote = None,
    port: options.Port = None,
    as_json: options.Json = False,
) -> None:
    """Restore a hub's configuration, environment and, where its schema changed, its database."""
    from hubfleet import wiring

    if remote:
        from hubfleet.cli import remote_verbs

        how = {"listed": listed, "yes": yes, "as_json": as_json}
        remote_verbs.rollback(remote, hub, to, message, **how)
        return
    software = _software(migrate_again, leave_down)
    platform = wiring.platform_holding(hub, fleet, state, port=port)
    made = platform.snapshots(hub)
    if listed:
        _list(hub, made, as_json=as_json)
        return
    snapshot, preview = _chosen(platform, hub, made, to, database=database)
    if not as_json:
        print_preview(preview)
    if not yes:
        _ask(hub)
    outcome = wiring.roll_back(
        platform,
        hub,
        snapshot,
        output.tell,
        state=wiring.state_folder(state),
        why=message,
        by=by,
        other_software=software,
        put_database_back=database,
    )
    _print_outcome(hub, snapshot, outcome, as_json=as_json)


def _software(migrate_again: bool, leave_down: bool) -> OtherSoftware:
    if migrate_again and leave_down:
        raise typer.BadParameter("--migrate-again and --leave-down exclude each other")
    if migrate_again:
        return "migrate"
    return "leave-down" if leave_down else "refuse"


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


def _print_outcome(hub: str, snapshot: Snapshot, outcome: Outcome, *, as_json: bool) -> None:
    if as_json:
        output.print_json({"hub": hub, "to": asdict(snapshot), **asdict(outcome)})
        return
    done = f"{hub} is back at revision {snapshot.revision}, as revision {outcome.revision}"
    output.say(done if outcome.changed else f"{hub} runs revision {snapshot.revision} already")
    if outcome.note:
        output.say(outcome.note)


def _list(hub: str, made: Sequence[Snapshot], *, as_json: bool) -> None:
    from hubfleet.platforms.local.homes.quota import readable

    if as_json:
        output.print_json({"hub": hub, "snapshots": [asdict(one) for one in made]})
        return
    for one in made:
        schema = one.database_schema or "no database"
        size = readable(one.size)
        output.say(f"revision {one.revision:>4}  {one.at}  {size:>8}  schema {schema}  {one.id}")
    if made:
        total = readable(sum(one.size for one in made))
        output.say(f"{output.counted(len(made), 'snapshot')}, {total} together")
    else:
        output.say(f"{hub} has no snapshot yet; `hubfleet apply` makes one before each change.")


def _chosen(
    platform: Platform, hub: str, made: Sequence[Snapshot], to: int | None, *, database: bool
) -> tuple[Snapshot, RollbackPreview]:
    """The snapshot of the revision asked for, else the last one that differs from what runs.

    After a rollback the hub runs again what its newest snapshot holds: going there changes nothing.
    """
    from hubfleet.kit.errors import HubfleetError

    for one in reversed(made):
        if to is not None and one.revision != to:
            continue
        try:
            preview = platform.preview_rollback(hub, one.id, put_database_back=database)
        except HubfleetError:
            if to is not None:
                raise
            continue
        if to is not None or preview.changes or preview.database:
            return one, preview
    raise _nothing(hub, made, to)


def _nothing(hub: str, made: Sequence[Snapshot], to: int | None) -> HubfleetError:
    from hubfleet.kit.errors import failure

    revisions = ", ".join(sorted({str(one.revision) for one in made}, key=int))
    if made and to is None:
        why = f"there are those of revision {revisions}, and going there would change nothing"
    else:
        why = f"there are those of revision {revisions}" if revisions else "there is none"
    return failure(
        "no-such-snapshot",
        f"{hub} has no snapshot of " + (f"revision {to}" if to else "an earlier revision"),
        why=why,
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

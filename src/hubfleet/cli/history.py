"""`hubfleet history`: what was applied to which hub, when, by whom and why."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hubfleet.cli import options, output
from hubfleet.cli.help_text import WholeSentences

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hubfleet.office.ledger.ledger import Ledger


class _ListByDefault(WholeSentences):
    """`history ant/prod` means `history list ant/prod`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        known = args and (args[0] in self.commands or args[0] in ctx.help_option_names)
        parsed: list[str] = super().parse_args(ctx, args if known else ["list", *args])
        return parsed


app = typer.Typer(
    name="history",
    cls=_ListByDefault,
    help="What was applied to which hub, when, by whom and why.",
    rich_markup_mode=None,
)

_NOTHING = "Nothing was applied yet: `hubfleet apply` makes the first revisions."
_Revision = Annotated[
    str, typer.Argument(metavar="REVISION", help="community/hub@number, or the number in `id`.")
]


@app.command("list")
def list_revisions(
    hub: Annotated[
        str | None, typer.Argument(metavar="[HUB]", help="community/hub; default: all.")
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, max=10_000, help="At most so many.")
    ] = 30,
    before: Annotated[
        int | None, typer.Option("--before", metavar="ID", help="Only older ones than this.")
    ] = None,
    state: options.State = None,
    remote: options.Remote = None,
    as_json: options.Json = False,
) -> None:
    """Show revisions, the newest first (`hubfleet history` alone does the same)."""
    from hubfleet.cli import history_text

    if remote:
        from hubfleet.cli import remote_verbs

        remote_verbs.history(remote, hub, limit, before, as_json=as_json)
        return

    with _ledger(state) as ledger:
        found = ledger.revisions(hub, limit=limit + 1, before=before) if ledger else []
    rows, more = [record.row() for record in found[:limit]], len(found) > limit
    if as_json:
        output.print_json({"revisions": rows, "before": rows[-1]["id"] if more else None})
    elif rows:
        history_text.print_rows(rows)
        if more:
            output.tell(f"older ones: --before {rows[-1]['id']}")
    elif hub is None:
        output.say(_NOTHING)
    else:
        output.say(f"No revision of {hub} is known; `hubfleet history` lists those of all hubs.")


@app.command("show")
def show(revision: _Revision, state: options.State = None, as_json: options.Json = False) -> None:
    """Show one revision: who, why, when, its probe, and what it changed."""
    from hubfleet.cli import history_text
    from hubfleet.office.ledger.revisions import differences

    with _ledger(state) as ledger:
        record = _known(ledger).revision(revision)
        earlier = _known(ledger).previous(record)
    changes = differences(earlier, record)
    if as_json:
        value = {"previous": earlier.id if earlier else None, **record.as_json()}
        output.print_json({**value, "changes": [change.as_json() for change in changes]})
    else:
        history_text.print_revision(record, earlier, changes)


@app.command("diff")
def diff(
    old: Annotated[str, typer.Argument(metavar="A", help="The older revision.")],
    new: Annotated[str, typer.Argument(metavar="B", help="The newer one; of another hub, too.")],
    state: options.State = None,
    as_json: options.Json = False,
) -> None:
    """Show what differs between two revisions."""
    from hubfleet.cli import history_text
    from hubfleet.office.ledger.revisions import differences

    with _ledger(state) as ledger:
        first, second = _known(ledger).revision(old), _known(ledger).revision(new)
    changes = differences(first, second)
    if as_json:
        found = [change.as_json() for change in changes]
        output.print_json({"old": first.row(), "new": second.row(), "changes": found})
    else:
        history_text.print_differences(first, second, changes)


@app.command("repair")
def repair(state: options.State = None) -> None:
    """Put a damaged ledger aside; the next `apply` begins a new one."""
    from hubfleet import wiring
    from hubfleet.office.ledger.repair import damage, put_aside

    folder = wiring.state_folder(state).path
    # Not under a rollout that writes to it.
    with wiring.lease_of(state, "hubfleet history repair"):
        found = damage(folder)
        if found is None:
            output.say("The ledger is sound; nothing was changed.")
            return
        aside = put_aside(folder)
    output.say(f"The ledger was damaged ({found}); it is now {aside.name}.")
    output.say("Hubs are untouched; the next `hubfleet apply` begins a new history.")


@contextmanager
def _ledger(state: Path | None) -> Iterator[Ledger | None]:
    """The ledger, None where nothing was ever written: looking makes no files."""
    from hubfleet import __version__, wiring
    from hubfleet.office.site.opening import open_ledger

    folder, url = wiring.state_folder(state), os.environ.get("HUBFLEET_DATABASE")
    if not (url or folder.ledger.exists() or folder.journal.exists()):
        yield None
        return
    with open_ledger(folder.path, url, version=__version__) as ledger:
        yield ledger


def _known(ledger: Ledger | None) -> Ledger:
    from hubfleet.kit.errors import failure

    if ledger is None:
        raise failure(
            "no-history",
            "nothing was applied yet",
            hint="`hubfleet apply` makes the first revisions",
        )
    return ledger

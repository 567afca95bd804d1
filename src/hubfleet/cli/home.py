"""`hubfleet home`: people's files: how much there is, nightly copies, putting files back."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hubfleet.cli import exits, options, output
from hubfleet.cli.help_text import WholeSentences

if TYPE_CHECKING:
    from pathlib import Path

    from hubfleet.platforms.local.folders import HubFolder
    from hubfleet.platforms.local.homes.restore import Restored
    from hubfleet.platforms.local.homes.taking import Taken

app = typer.Typer(
    name="home",
    cls=WholeSentences,
    help="People's files: how much there is, nightly copies, putting files back.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("list")
def list_homes(
    hub: options.HubArgument, state: options.State = None, as_json: options.Json = False
) -> None:
    """Show whose home is which, what is in it as last measured, and its last snapshot."""
    from hubfleet import wiring
    from hubfleet.platforms.local.homes.chores import as_json as chores_as_json
    from hubfleet.platforms.local.homes.chores import chores_of
    from hubfleet.platforms.local.homes.people import find_hub
    from hubfleet.platforms.local.homes.project_quota import enforcement
    from hubfleet.platforms.local.homes.snapshots import snapshots

    folder = find_hub(wiring.state_folder(state), hub)
    rows, at = home_rows(folder)
    stamps = [snapshot.stamp for snapshot in snapshots(folder.path)]
    said = enforcement(folder.path)
    if as_json:
        value = {"hub": hub, "measured": at, "quotas": said, "homes": rows, "snapshots": stamps}
        output.print_json({**value, "chores": chores_as_json(chores_of(folder.path))})
        return
    if not rows:
        output.say("Nobody has a home here yet; it is made when a person's server starts.")
    else:
        _print_table(rows)
        output.tell(f"measured {at}; `hubfleet home usage {hub}` measures again")
    if stamps:
        output.tell(f"snapshots: {', '.join(stamps)}")
    output.tell(_nightly(folder))
    output.tell(said)


def _nightly(folder: HubFolder) -> str:
    """When snapshots are made by themselves, and how the last one went."""
    from hubfleet.platforms.local.homes.chores import chores_of
    from hubfleet.platforms.local.homes.people import kept_of

    declared = kept_of(folder)
    if not declared.nightly:
        return "nightly snapshots: switched off"
    last = chores_of(folder.path).get("snapshot")
    return f"nightly snapshots: from {declared.hour}:00; {last.said() if last else 'none yet'}"


def home_rows(folder: HubFolder) -> tuple[list[dict[str, Any]], str]:
    """One row a person, and when the homes were measured; measures where nobody did before.

    `state` is `ok`, `warn` or `refuse`; `quota` is in bytes, None without one; `problem` says why
    the figures are a lower bound.
    """
    from hubfleet.platforms.local.homes.measuring import measure_hub_apart
    from hubfleet.platforms.local.homes.people import numbers_of, quota_of
    from hubfleet.platforms.local.homes.quota import judge_quota
    from hubfleet.platforms.local.homes.snapshots import snapshots
    from hubfleet.platforms.local.homes.usage import HomeUsage, stored_usage

    usage = stored_usage(folder.path) or measure_hub_apart(folder.path)
    quota = quota_of(folder)
    made = snapshots(folder.path)
    rows: list[dict[str, Any]] = []
    for user, number in numbers_of(folder.path).items():
        home = usage.homes.get(user, HomeUsage(0, 0, "not measured yet"))
        holding = [snapshot.stamp for snapshot in made if number in snapshot.homes]
        rows.append(
            {
                "user": user,
                "home": number,
                "bytes": home.bytes,
                "files": home.files,
                "quota": quota,
                "state": judge_quota(home.bytes, quota).state,
                "last_snapshot": holding[-1] if holding else None,
                "problem": home.problem,
            }
        )
    return rows, usage.at


@app.command("usage")
def usage(
    hubs: options.HubsArgument = None,
    state: options.State = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Measure all homes now and keep the result; behind other work, so that hubs stay quick."""
    from hubfleet.platforms.archives.reasons import shown
    from hubfleet.platforms.local.homes.measuring import measure_hub_apart
    from hubfleet.platforms.local.homes.quota import readable

    measured = []
    for folder in _chosen(state, hubs):
        found = measure_hub_apart(folder.path)
        measured.append({"hub": folder.name, **found.as_json()})
        if as_json or quiet:
            continue
        total, files = (
            sum(home.bytes for home in found.homes.values()),
            sum(home.files for home in found.homes.values()),
        )
        output.say(f"{folder.name}  {len(found.homes)} homes, {files} files, {readable(total)}")
        for user, home in sorted(found.homes.items(), key=lambda pair: -pair[1].bytes):
            problem = f"  {home.problem}" if home.problem else ""
            output.say(f"    {readable(home.bytes):>8}  {home.files:>8}  {shown(user)}{problem}")
    if as_json:
        output.print_json({"hubs": measured})


@app.command("snapshot")
def snapshot(
    hubs: options.HubsArgument = None,
    keep_daily: Annotated[
        int | None,
        typer.Option("--keep-daily", min=0, help="Days of which one is kept; default: the hub's."),
    ] = None,
    keep_weekly: Annotated[
        int | None,
        typer.Option(
            "--keep-weekly", min=0, help="Weeks of which one is kept; default: the hub's."
        ),
    ] = None,
    state: options.State = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Copy all homes aside and delete the copies that are old enough; run it every night."""
    from hubfleet.kit.errors import HubfleetError, Problem
    from hubfleet.platforms.local.homes.people import kept_of
    from hubfleet.platforms.local.homes.priority import give_way
    from hubfleet.platforms.local.homes.retention import Keep
    from hubfleet.platforms.local.homes.taking import take_snapshot

    folders = _chosen(state, hubs)
    give_way()
    done: list[dict[str, object]] = []
    problems: list[Problem] = []
    for folder in folders:
        try:
            declared = kept_of(folder)
            daily = declared.daily if keep_daily is None else keep_daily
            weekly = declared.weekly if keep_weekly is None else keep_weekly
            taken = take_snapshot(folder.path, Keep(daily, weekly))
        except HubfleetError as error:
            problems += error.problems
            continue
        done.append({"hub": folder.name, **taken.as_json()})
        if not (as_json or quiet):
            _print_taken(folder.name, taken)
    if as_json:
        output.print_json({"hubs": done, "problems": [one.as_json() for one in problems]})
    elif problems:
        output.print_problems(problems)
    if problems:
        raise typer.Exit(exits.FAILED)


def _print_taken(hub: str, taken: Taken) -> None:
    from hubfleet.platforms.local.homes.quota import readable

    homes = taken.snapshot.homes.values()
    new = readable(sum(home.copied_bytes for home in homes))
    output.say(f"{hub}  {taken.snapshot.stamp}: {len(homes)} homes, {new} new")
    for stamp in taken.deleted:
        output.say(f"    deleted {stamp}")
    for note in taken.snapshot.notes:
        output.tell(f"note: {note}")
    more = taken.snapshot.noted - len(taken.snapshot.notes)
    if more:
        output.tell(f"note: and {more} more like these")


@app.command("restore")
def restore(
    hub: options.HubArgument,
    user: Annotated[str, typer.Argument(metavar="USER", help="Whose home.")],
    path: Annotated[
        str, typer.Argument(metavar="PATH", help="A file or folder in it; default: all of it.")
    ] = "",
    at: Annotated[
        str | None, typer.Option("--at", metavar="SNAPSHOT", help="Default: the newest.")
    ] = None,
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="FOLDER", help="A new folder in the home to put it into."),
    ] = None,
    in_place: Annotated[
        bool,
        typer.Option("--in-place", help="Put it where it was; what it replaces is kept aside."),
    ] = False,
    yes: options.Yes = False,
    state: options.State = None,
    as_json: options.Json = False,
) -> None:
    """Put files back from a snapshot, beside the present ones (in ~/restored-SNAPSHOT)."""
    from hubfleet import wiring
    from hubfleet.platforms.local.homes.people import find_hub
    from hubfleet.platforms.local.homes.restore import restore_beside, restore_in_place

    if in_place and to is not None:
        raise typer.BadParameter("--in-place and --to exclude each other")
    folder = find_hub(wiring.state_folder(state), hub).path
    if in_place:
        _ask(folder, user, path, yes=yes)
        restored = restore_in_place(folder, user, path, at=at)
    else:
        restored = restore_beside(folder, user, path, at=at, to=to)
    if as_json:
        output.print_json({"hub": hub, "user": user, **restored.as_json()})
    else:
        _print_restored(restored)


def _ask(folder: Path, user: str, path: str, *, yes: bool) -> None:
    """Raises `not-confirmed` where nobody can be asked, and leaves with 1 at a no."""
    from hubfleet.kit.errors import failure
    from hubfleet.platforms.local.homes.people import number_of
    from hubfleet.platforms.local.servers import running_servers

    number = number_of(folder, user)
    if yes:
        return
    if not sys.stdin.isatty():
        raise failure(
            "not-confirmed",
            "files in a home would be replaced",
            place=str(folder / "homes" / str(number)),
            hint="add --yes, or leave out --in-place to put the files beside the present ones",
        )
    working = any(server.number == number for server in running_servers(folder))
    runs = f" {user}'s server runs and may write there." if working else ""
    what = repr(path) if path else "the whole home"
    if not typer.confirm(f"Replace {what} of {user}?{runs} What is there is kept.", err=True):
        raise typer.Exit(exits.FAILED)


def _print_restored(restored: Restored) -> None:
    files = "1 file" if restored.files == 1 else f"{restored.files} files"
    output.say(f"{files} from {restored.snapshot}, now in ~/{restored.folder}")
    if restored.kept_in is not None:
        output.say(f"what they replaced is in ~/{restored.kept_in}")
    for note in restored.notes:
        output.tell(f"note: {note}")


def _chosen(state: Path | None, patterns: Sequence[str] | None) -> list[HubFolder]:
    """The hubs that were created here and match; raises `no-such-hub` for a pattern that none
    does.
    """
    from hubfleet import wiring
    from hubfleet.planning.plan import matches
    from hubfleet.platforms.local.homes.people import find_hub

    place = wiring.state_folder(state)
    known = list(place.known_hubs())
    for pattern in patterns or []:
        if not any(matches(folder.name, [pattern]) for folder in known):
            find_hub(place, pattern)
    return [folder for folder in known if not patterns or matches(folder.name, patterns)]


_COLOURS = {"warn": "yellow", "refuse": "red"}


def _print_table(rows: list[dict[str, Any]]) -> None:
    from rich.table import Table
    from rich.text import Text

    from hubfleet.platforms.archives.reasons import shown
    from hubfleet.platforms.local.homes.quota import readable

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("user", "home", "used", "files", "quota", "state", "last snapshot", "problem"):
        table.add_column(column, justify="right" if column in {"used", "files"} else "left")
    for row in rows:
        table.add_row(
            Text(shown(row["user"])),
            str(row["home"]),
            readable(row["bytes"]),
            str(row["files"]),
            readable(row["quota"]) if row["quota"] else "-",
            Text(row["state"], style=_COLOURS.get(row["state"], "")),
            row["last_snapshot"] or "-",
            Text(row["problem"]),
        )
    output.stdout_console().print(table)

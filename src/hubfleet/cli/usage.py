"""`hubfleet usage`: how hubs are used, with the definition of every number."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from hubfleet.cli import options, output

if TYPE_CHECKING:
    from hubfleet.fleet.model import Fleet
    from hubfleet.office.usage.shapes import Report

Wanted = Annotated[
    str | None,
    typer.Argument(metavar="[HUB]", help="community/hub, or a community; default: all hubs."),
]
Month = Annotated[
    str | None,
    typer.Option(metavar="MONTH", help="Such as 2026-11; default: the month that it is in UTC."),
]
From = Annotated[
    str | None, typer.Option("--from", metavar="DAY", help="The first day, such as 2026-11-02.")
]
To = Annotated[
    str | None, typer.Option("--to", metavar="DAY", help="The last day; default: today in UTC.")
]
Parts = Annotated[
    Literal["day", "hub", "community"] | None,
    typer.Option("--by", help="One row for each of them."),
]
Csv = Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write rows there as CSV.")]
Parquet = Annotated[
    Path | None, typer.Option("--parquet", metavar="FILE", help="Write rows there as Parquet.")
]
Public = Annotated[
    bool, typer.Option("--public", help="Hide what tells of fewer than 5 people, for publication.")
]


def usage(
    hub: Wanted = None,
    month: Month = None,
    first: From = None,
    last: To = None,
    by: Parts = None,
    csv: Csv = None,
    parquet: Parquet = None,
    public: Public = False,
    fleet: options.Fleet = None,
    state: options.State = None,
    remote: options.Remote = None,
    as_json: options.Json = False,
) -> None:
    """Show how many people used hubs, and how much, in a month or a range of days."""
    days = days_asked(month, first, last)
    if remote:
        from hubfleet.cli import remote_verbs

        _only_here(csv, parquet, public=public)
        remote_verbs.usage(remote, hub or "", days, by, as_json=as_json)
        return
    from hubfleet import wiring
    from hubfleet.fleet.load import load_fleet

    declared = load_fleet(wiring.fleet_root(fleet))
    made = _report(hub or "", days, by, declared, wiring.state_folder(state).path)
    from hubfleet.cli.usage_text import print_use
    from hubfleet.office.usage import exporting, publishing

    found, rows = publishing.as_json(made, public=public), publishing.rows_of(made, public=public)
    if csv is not None:
        exporting.write_csv(csv, rows)
    if parquet is not None:
        exporting.write_parquet(parquet, rows)
    if as_json:
        output.print_json(found)
    elif csv is None and parquet is None:
        print_use(found)
    for why in found["troubles"].values():
        output.tell(f"note: {why}")


def _only_here(*files: Path | None, public: bool) -> None:
    if public or any(files):
        raise typer.BadParameter("--csv, --parquet and --public work without --remote")


def days_asked(month: str | None, first: str | None, last: str | None) -> tuple[date, date]:
    """The range of days; wrong usage for what is none."""
    from hubfleet.kit.clock import now
    from hubfleet.office.usage.periods import month_of

    today = now().date()
    if month and (first or last):
        raise typer.BadParameter("give either --month or --from and --to")
    if not first and not last:
        try:
            return month_of(month or today.isoformat()[:7])
        except ValueError:
            raise typer.BadParameter(
                f"{month!r} is not a month; write one such as 2026-11"
            ) from None
    if not first:
        raise typer.BadParameter("--to needs --from")
    begin, end = _day(first), _day(last) if last else today
    if end < begin:
        raise typer.BadParameter(f"--to {end} is before --from {begin}")
    return begin, end


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a day; write one such as 2026-11-02") from None


def _report(name: str, days: tuple[date, date], by: Any, declared: Fleet, state: Path) -> Report:
    from hubfleet import __version__
    from hubfleet.office.site.installed import require_office

    require_office()
    url = os.environ.get("HUBFLEET_DATABASE")
    if not url and not (state / "office.sqlite").is_file():
        raise nothing_measured(state)
    from hubfleet.office.site.launch import Launch, prepare_database, start

    launch = Launch(state, "http://localhost", __version__, database=url)
    start(launch)
    prepare_database(launch)
    from django.db import connections

    from hubfleet.office.usage.numbers import Scope, report

    try:
        _known(name, declared)
        return report(Scope(name), *days, by)
    finally:
        connections.close_all()


def nothing_measured(state: Path) -> Exception:
    """The error where no console was ever started."""
    from hubfleet.kit.errors import failure

    return failure(
        "use-not-measured",
        "nothing is known of use here",
        place=str(state),
        why="the console reads the hubs every minute, and none was ever started here",
        hint="run `hubfleet serve`, and ask again when people have worked",
    )


def _known(name: str, declared: Fleet) -> None:
    """Hubs and communities that are declared, or were when they were used."""
    from hubfleet.cli.responsibilities import unknown_community
    from hubfleet.kit.errors import failure
    from hubfleet.office.usage.models import UseDay

    community, slash, _ = name.partition("/")
    declared_here = name in declared.hubs if slash else name in ("", *declared.communities)
    if declared_here or UseDay.objects.filter(scope=name).exists():
        return
    if not slash or community not in declared.communities:
        raise unknown_community(community, sorted(declared.communities))
    known = declared.communities[community].hubs
    raise failure(
        "unknown-hub",
        f"there is no hub '{name}'",
        hint=f"declared for {community}: {', '.join(known) or 'none'}",
    )

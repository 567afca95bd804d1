"""`hubfleet hub`: how a hub ends, and what is left of it."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hubfleet.cli import exits, options, output
from hubfleet.cli.help_text import WholeSentences

if TYPE_CHECKING:
    from hubfleet.fleet.model import Fleet
    from hubfleet.office.audit.record import Actor
    from hubfleet.office.leaving.ending import Consent
    from hubfleet.office.leaving.models import Asset, Ending

app = typer.Typer(
    name="hub",
    cls=WholeSentences,
    help="How a hub ends: dates, consent, deletion with evidence.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

By = Annotated[
    str,
    typer.Option(
        "--by", metavar="LOGIN", help="As this account of the console; default: who runs this."
    ),
]
Reason = Annotated[
    str, typer.Option("--reason", metavar="WHY", help="Why; with a consent: how you know of it.")
]
ConsentOf = Annotated[
    str,
    typer.Option(
        "--consent-of",
        metavar="LOGIN",
        help="A representative who has agreed, by login or address; needs --reason.",
    ),
]


@app.command("end")
def end(
    hub: options.HubArgument,
    on: Annotated[
        str, typer.Option("--on", metavar="DATE", help="The last day, such as 2026-12-01.")
    ] = "",
    consent_of: ConsentOf = "",
    confirm: Annotated[
        bool, typer.Option("--confirm", help="Confirm, as the second person.")
    ] = False,
    extend: Annotated[
        bool, typer.Option("--extend", help="Move the last day by `service.ending.extension`.")
    ] = False,
    cancel: Annotated[bool, typer.Option("--cancel", help="Take it back: the hub stays.")] = False,
    reason: Reason = "",
    by: By = "",
    fleet: options.Fleet = None,
    state: options.State = None,
    as_json: options.Json = False,
) -> None:
    """Ask that a hub ends, agree to it, confirm it, move its last day, or take it back."""
    chosen = [bool(on), confirm, extend, cancel]
    if sum(chosen) > 1 or not (any(chosen) or consent_of):
        raise typer.BadParameter(
            "say one of --on DATE, --consent-of, --confirm, --extend, --cancel"
        )
    if consent_of and any(chosen) and not on:
        raise typer.BadParameter("--consent-of goes with --on DATE, or stands alone")
    declared = _open(fleet, state)
    from hubfleet.cli.as_whom import actor
    from hubfleet.cli.hub_text import print_ending
    from hubfleet.office.accounts.actions import Action
    from hubfleet.office.accounts.people import day_of
    from hubfleet.office.leaving import ending as acts

    consent = _consent(consent_of, reason)
    asks = actor(by, Action.CONFIRM_ENDING if confirm else Action.END_HUB, hub, declared)
    today = day_of(declared)
    if on:
        mine = consent or _own_consent(asks.login, hub, declared)
        found = acts.begin(
            hub, _day(on), asks, fleet=declared, asked_on=today, reason=reason, consent=mine
        )
    else:
        found = acts.latest_ending(hub)
        wish = "confirm" if confirm else "extend" if extend else "cancel" if cancel else "agree"
        _change(found, wish, asks, declared, consent, reason)
    if as_json:
        output.print_json(_as_json(found, today))
    else:
        print_ending(found, today)


def _change(
    found: Ending, wish: str, asks: Actor, declared: Fleet, consent: Consent | None, reason: str
) -> None:
    """Do it, and bring the hub's own pages up to date."""
    from hubfleet.office.accounts.people import day_of
    from hubfleet.office.leaving import ending as acts

    if wish == "agree":
        assert consent is not None
        acts.agree(found, consent, asks, fleet=declared)
    elif wish == "cancel":
        acts.cancel(found, asks, fleet=declared, reason=reason)
        _withdraw(found, asks.login, declared)
    else:
        if wish == "confirm":
            acts.confirm(found, asks, fleet=declared)
        else:
            acts.extend(found, asks, fleet=declared, today=day_of(declared))
        _announce(found, asks.login, declared)


@app.command("endings")
def endings(
    fleet: options.Fleet = None,
    state: options.State = None,
    as_json: options.Json = False,
) -> None:
    """Show the hubs that end or have ended, with their dates."""
    declared = _open(fleet, state)
    from hubfleet.cli.hub_text import print_endings
    from hubfleet.office.accounts.people import day_of
    from hubfleet.office.leaving import turning
    from hubfleet.office.leaving.models import Ending
    from hubfleet.office.leaving.notice import write_last_days

    today = day_of(declared)
    write_last_days()
    turning.notice_gone(declared, today)
    found = list(Ending.objects.order_by("last_day", "id"))
    if as_json:
        output.print_json({"endings": [_as_json(one, today) for one in found]})
    else:
        print_endings(found, today)


@app.command("evidence")
def evidence(
    hub: options.HubArgument,
    data: Annotated[
        str,
        typer.Option(
            "--data",
            metavar="FATE",
            help="What the community said of people's data: exported or waived.",
        ),
    ] = "",
    record: Annotated[
        str,
        typer.Option(
            "--record",
            metavar="KIND",
            help="Write down that nothing is left of a kind, with --reason how you know.",
        ),
    ] = "",
    consent_of: ConsentOf = "",
    reason: Reason = "",
    by: By = "",
    fleet: options.Fleet = None,
    state: options.State = None,
    as_json: options.Json = False,
) -> None:
    """Look for what a hub that ends has or left behind, kind by kind; 1 while something is left."""
    if data and data not in ("exported", "waived"):
        raise typer.BadParameter("--data is exported or waived")
    if data and not consent_of:
        raise typer.BadParameter("--data needs --consent-of: a representative says so")
    declared = _open(fleet, state)
    from hubfleet.cli.as_whom import actor
    from hubfleet.cli.hub_text import print_assets
    from hubfleet.office.accounts.actions import Action
    from hubfleet.office.accounts.people import day_of
    from hubfleet.office.leaving import ending as acts
    from hubfleet.office.leaving import evidence as looking
    from hubfleet.office.leaving import turning

    today = day_of(declared)
    turning.notice_gone(declared, today)
    found = acts.latest_ending(hub)
    consent = _consent(consent_of, reason)
    if data and consent is not None:
        asks = actor(by, Action.END_HUB, hub, declared)
        acts.mark_data(found, data, consent, asks, fleet=declared)
    assets = looking.look(found)
    if record:
        asks = actor(by, Action.ERASE_HUB, hub, declared)
        looking.write_down(found, record, reason, asks)
        assets = looking.look(found)
    nothing_left = found.settled_at is not None
    if as_json:
        value = {**_as_json(found, today), "nothing_left": nothing_left}
        output.print_json({**value, "assets": looking.as_json(found, assets)})
    else:
        print_assets(found, assets)
    if not nothing_left:
        raise typer.Exit(exits.FAILED)


@app.command("erase")
def erase(
    hub: options.HubArgument,
    yes: options.Yes = False,
    by: By = "",
    fleet: options.Fleet = None,
    state: options.State = None,
    as_json: options.Json = False,
) -> None:
    """Delete what a removed hub left behind, for good; needs consent and a second person."""
    declared = _open(fleet, state)
    from hubfleet.cli.as_whom import actor
    from hubfleet.cli.hub_text import print_assets, print_doomed
    from hubfleet.kit.errors import HubfleetError
    from hubfleet.office.accounts.actions import Action
    from hubfleet.office.accounts.people import day_of
    from hubfleet.office.leaving import ending as acts
    from hubfleet.office.leaving import erasing, turning
    from hubfleet.office.leaving import evidence as looking

    asks = actor(by, Action.ERASE_HUB, hub, declared)
    today = day_of(declared)
    turning.notice_gone(declared, today)
    found = acts.latest_ending(hub)
    against = tuple(erasing.objections(found, today, declared.hubs))
    if against:
        raise HubfleetError(*against)
    before = looking.look(found)
    if not as_json:
        print_doomed(found, before)
    _ask(hub, before, yes=yes)
    assets = erasing.erase(found, asks, today=today)
    if as_json:
        nothing_left = found.settled_at is not None
        value = {**_as_json(found, today), "nothing_left": nothing_left}
        output.print_json({**value, "assets": looking.as_json(found, assets)})
    else:
        print_assets(found, assets)


@app.command("certificate")
def certificate(
    hub: options.HubArgument,
    to: Annotated[
        Path, typer.Option("--to", metavar="FILE", help="The PDF to write; replaced if there.")
    ],
    fleet: options.Fleet = None,
    state: options.State = None,
    as_json: options.Json = False,
) -> None:
    """Write the certificate of deletion, once nothing is left."""
    declared = _open(fleet, state)
    import hashlib

    from hubfleet.kit.clock import now
    from hubfleet.kit.files import write_atomically
    from hubfleet.office.leaving import certificate as paper
    from hubfleet.office.leaving.ending import latest_ending

    pdf = paper.make(latest_ending(hub), declared, now())
    write_atomically(to, pdf)
    digest = hashlib.sha256(pdf).hexdigest()
    if as_json:
        output.print_json({"hub": hub, "path": str(to), "bytes": len(pdf), "sha256": digest})
    else:
        output.say(f"{to}: {len(pdf)} bytes, sha256 {digest}")


def _open(fleet: Path | None, state: Path | None) -> Fleet:
    """The office of this place; the declaration as it is now."""
    from hubfleet.cli.serve import open_office, prepare
    from hubfleet.office.site.installed import require_office

    require_office()
    desk, launch, _ = prepare(fleet, state, None, 0)
    open_office(desk, launch)
    return desk.fleet()


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text} is not a day; write one such as 2026-12-01") from None


def _consent(of: str, reason: str) -> Consent | None:
    from hubfleet.office.leaving.ending import Consent

    return Consent(of.strip(), reason) if of.strip() else None


def _own_consent(login: str, hub: str, fleet: Fleet) -> Consent | None:
    """A representative who asks has agreed."""
    from hubfleet.office.leaving.ending import Consent, representatives

    known = representatives(fleet, hub.partition("/")[0])
    return Consent(login) if login in known else None


def _announce(found: Ending, login: str, fleet: Fleet) -> None:
    """On the hub's own pages, where the declaration can be changed from here."""
    from hubfleet.office.leaving import notice

    if found.progress.agreed:
        _tell(
            notice.announce(found, _asked(login, fleet)),
            f"{notice.KEY}: {notice.announcement(found)}",
        )


def _withdraw(found: Ending, login: str, fleet: Fleet) -> None:
    from hubfleet.office.leaving import notice

    _tell(notice.withdraw(found, _asked(login, fleet)), f"take {notice.KEY} of {found.hub} back")


def _asked(login: str, fleet: Fleet) -> Any:
    from hubfleet.office.accounts import people
    from hubfleet.office.audit.record import Actor
    from hubfleet.office.changes.changing import Asked

    person = people.by_login(login)
    name = person.name or login if person else login
    email = person.email if person else fleet.service.contact
    return Asked(
        Actor(login=login, through="cli"), name, email, "A hub's end is told on its pages."
    )


def _tell(problem: Any, by_hand: str) -> None:
    if problem is not None:
        output.tell(f"The hub's pages do not say so yet: {problem.what}. By hand: {by_hand}")


def _as_json(found: Ending, today: date) -> dict[str, Any]:
    from hubfleet.cli.hub_text import ending_as_json

    return ending_as_json(found, today)


def _ask(hub: str, assets: list[Asset], *, yes: bool) -> None:
    """Raises `not-confirmed` where nobody can be asked, and leaves with 1 at a no."""
    import sys

    from hubfleet.kit.errors import failure

    if yes:
        return
    files = sum(one.count for one in assets)
    if not sys.stdin.isatty():
        raise failure(
            "not-confirmed",
            f"what {hub} left behind would be deleted for good",
            why=f"{files} files and rows",
            hint="add --yes",
        )
    if not typer.confirm(f"Delete all of this for good? {hub} cannot be brought back.", err=True):
        raise typer.Exit(exits.FAILED)

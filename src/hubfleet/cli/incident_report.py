"""`hubfleet incident report` and `debt`: what was learned, and what is still owed?"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from hubfleet.cli import options, output
from hubfleet.cli.incident_office import open_here, who

if TYPE_CHECKING:
    from hubfleet.fleet.model import Fleet
    from hubfleet.office.audit.record import Actor

Step = Literal["begin", "review", "close", "publish"]
_STEPS: tuple[Step, ...] = ("begin", "review", "close", "publish")


def report(
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="The incident's number.")],
    begin: Annotated[bool, typer.Option("--begin", help="Draft it from the record.")] = False,
    write: Annotated[
        list[str] | None,
        typer.Option("--write", metavar="SECTION=TEXT", help="Write a section; may be repeated."),
    ] = None,
    action: Annotated[
        str, typer.Option("--action", metavar="TEXT", help="Add something to do.")
    ] = "",
    owner: Annotated[
        str | None, typer.Option("--owner", metavar="LOGIN", help="Whose it is to do or to write.")
    ] = None,
    due: Annotated[str, typer.Option("--due", metavar="DAY", help="When it is due.")] = "",
    link: Annotated[str, typer.Option("--link", metavar="URL", help="Where it is followed.")] = "",
    why: Annotated[
        str, typer.Option("--why", metavar="KIND", help="prevent, detect, mitigate or process.")
    ] = "prevent",
    done: Annotated[
        int | None, typer.Option("--done", metavar="ACTION", help="Say that an action is done.")
    ] = None,
    review: Annotated[bool, typer.Option("--review", help="Say that you have read it.")] = False,
    close: Annotated[bool, typer.Option("--close", help="Nothing is left to agree on.")] = False,
    publish: Annotated[bool, typer.Option("--publish", help="Put it on the status page.")] = False,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE", help="Write it there: .md or .pdf.")
    ] = None,
    by: options.By = "",
    fleet: options.Fleet = None,
    state: options.State = None,
    as_json: options.Json = False,
) -> None:
    """Show, write, review, close or publish the report of an incident."""
    declared, actor = open_here(fleet, state), who(by)
    from hubfleet.office.incidents import reports

    asked = {"begin": begin, "review": review, "close": close, "publish": publish}
    if begin:
        reports.start(actor, number)
    if write or (owner is not None and not action):
        reports.write(actor, number, _sections(write or []), owner=owner)
    if action:
        reports.set_action(
            actor, number, action, kind=why, owner=owner or "", due=_day(due), link=link
        )
    if done is not None:
        reports.finish_action(actor, number, done)
    for step in _STEPS[1:]:
        if asked[step]:
            _act(step, actor, number)
    _show(number, declared, to, as_json=as_json)


def _act(step: Step, actor: Actor, number: int) -> None:
    from hubfleet.office.incidents import reports

    acts = {"review": reports.review, "close": reports.close, "publish": reports.publish}
    acts[step](actor, number)


def _sections(said: list[str]) -> dict[str, str]:
    from hubfleet.office.incidents.words import SECTIONS

    found = {}
    for one in said:
        name, equals, text = one.partition("=")
        if not equals or name not in SECTIONS:
            raise typer.BadParameter(
                f"{one!r} is no section with its text; write one of {', '.join(SECTIONS)} and =",
                param_hint="--write",
            )
        found[name] = text
    return found


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is no day; write one such as 2026-12-01", param_hint="--due"
        ) from None


def _show(number: int, declared: Fleet, to: Path | None, *, as_json: bool) -> None:
    from django.db import transaction

    from hubfleet.kit.clock import timestamp
    from hubfleet.office.incidents import drafting, reports

    with transaction.atomic():
        report = reports.report_of(number)
    value: dict[str, Any] = reports.as_value(report, declared)
    named = reports.named_in(report, declared)
    if to is not None:
        _write(to, value)
    if as_json:
        about = {
            "state": report.state,
            "owner": report.owner or None,
            "due_at": timestamp(report.due_at),
            "reviewed_by": report.reviewed_by or None,
            "names_people": [{"section": one.section, "name": one.name} for one in named],
        }
        output.print_json({**about, **value})
        return
    output.say(f"{report.state}; due {timestamp(report.due_at)}; {report.owner or 'nobody'} writes")
    for one in named:
        output.tell(f"blameless? `{one.section}` names {one.name}")
    if to is None:
        output.say()
        output.say(drafting.markdown(value))
    else:
        output.say(f"Written: {to}")


def _write(to: Path, value: dict[str, Any]) -> None:
    from hubfleet.kit.errors import failure
    from hubfleet.office.incidents import documents, drafting

    content = documents.pdf(value) if to.suffix == ".pdf" else drafting.markdown(value).encode()
    try:
        to.write_bytes(content)
    except OSError as error:
        raise failure(
            "report-not-saved",
            "the report cannot be written there",
            place=str(to),
            why=error.strerror or str(error),
            hint="choose another file with --to, or mend the folder's rights",
        ) from None


def debt(
    late: Annotated[bool, typer.Option("--late", help="Only what is overdue.")] = False,
    fleet: options.Fleet = None,
    state: options.State = None,
    as_json: options.Json = False,
) -> None:
    """List what is owed: updates of the public, reports, reviews, actions."""
    declared = open_here(fleet, state)
    from hubfleet.cli import incident_text
    from hubfleet.kit.clock import now
    from hubfleet.office.incidents.debts import owed

    rows = [one.as_json() for one in owed(declared, now()) if one.late or not late]
    if as_json:
        output.print_json({"owed": rows})
    elif rows:
        incident_text.print_debt(rows)
    else:
        output.say("Nothing is owed.")

"""`hubfleet incident`: what is broken, who is on it, and what was told?"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hubfleet.cli import incident_report, incident_silence, options, output
from hubfleet.cli.help_text import WholeSentences
from hubfleet.cli.incident_office import open_here, who

if TYPE_CHECKING:
    from hubfleet.fleet.model import Fleet
    from hubfleet.office.incidents.models import Incident

app = typer.Typer(
    name="incident",
    cls=WholeSentences,
    help="What is broken, who is on it, what was told, and what was learned.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.command("report")(incident_report.report)
app.command("debt")(incident_report.debt)
app.command("silence")(incident_silence.silence)
app.command("token")(incident_silence.token)

Number = Annotated[int, typer.Argument(metavar="NUMBER", help="The incident's number.")]
Text = Annotated[str, typer.Argument(metavar="[TEXT]", help="In a sentence.")]
Hubs = Annotated[
    list[str] | None, typer.Option("--hub", metavar="HUB", help="community/hub; may be repeated.")
]
Kind = Annotated[
    str | None, typer.Option("--kind", metavar="KIND", help="Such as hub-unreachable or other.")
]
Priority = Annotated[
    str | None, typer.Option("--priority", metavar="P", help="P1 (now) to P4 (when planned).")
]
Since = Annotated[
    str | None,
    typer.Option("--since", metavar="TIME", help="When it began, such as 2026-03-01T09:12Z."),
]
RoleName = Annotated[
    str, typer.Argument(metavar="ROLE", help="responder, communications or expert.")
]


@app.command("declare")
def declare(
    title: Annotated[str, typer.Argument(metavar="[TITLE]", help="What is wrong.")] = "",
    hub: Hubs = None,
    community: Annotated[
        list[str] | None, typer.Option("--community", metavar="NAME", help="All of its hubs.")
    ] = None,
    cluster: Annotated[
        list[str] | None, typer.Option("--cluster", metavar="NAME", help="All hubs on it.")
    ] = None,
    kind: Kind = None,
    priority: Priority = None,
    since: Since = None,
    message: options.Message = "",
    by: options.By = "",
    fleet: options.Fleet = None,
    state: options.State = None,
    as_json: options.Json = False,
) -> None:
    """Open an incident by hand; without hubs it is about the service as a whole."""
    declared = open_here(fleet, state)
    from hubfleet.office.incidents import acting

    hubs = acting.hubs_named(declared, hub or [], community or [], cluster or [])
    made = acting.declare(
        who(by), declared, hubs, kind=kind or "other", title=title, text=message,
        priority=priority or "", began_at=_moment(since),
    )  # fmt: skip
    _show(made.pk, declared, as_json=as_json)


@app.command("list")
def list_incidents(
    everything: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False,
    hub: Hubs = None,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, max=10_000, help="At most so many.")
    ] = 30,
    fleet: options.Fleet = None,
    state: options.State = None,
    as_json: options.Json = False,
) -> None:
    """Show open incidents, the newest first."""
    declared = open_here(fleet, state)
    from hubfleet.cli import incident_text
    from hubfleet.office.incidents import showing

    found = showing.newest(only_open=not everything, hubs=hub or None)[:limit]
    rows = [showing.row(one, declared) for one in found]
    if as_json:
        output.print_json({"incidents": rows})
    elif rows:
        incident_text.print_rows(rows)
    else:
        output.say("No incident is open." if not everything else "There was no incident yet.")


@app.command("show")
def show(
    number: Number,
    fleet: options.Fleet = None,
    state: options.State = None,
    as_json: options.Json = False,
) -> None:
    """Show one incident: state, people, conditions, timeline."""
    _show(number, open_here(fleet, state), as_json=as_json)


@app.command("ack")
def acknowledge(
    number: Number,
    by: options.By = "",
    fleet: options.Fleet = None,
    state: options.State = None,
    as_json: options.Json = False,
) -> None:
    """Take an incident on; whoever does so first leads the response."""
    declared = open_here(fleet, state)
    from hubfleet.office.incidents import acting

    acting.acknowledge(who(by), number)
    _show(number, declared, as_json=as_json)


@app.command("say")
def say(
    number: Number,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What happened, in a sentence.")],
    kind: Annotated[
        str,
        typer.Option(
            "--kind", metavar="KIND",
            help="observed, hypothesis, action, communication or decision.",
        ),
    ] = "observed",
    public: Annotated[
        str,
        typer.Option(
            "--public", metavar="STATUS",
            help="Tell everybody: investigating, identified, monitoring or resolved.",
        ),
    ] = "",
    link: Annotated[str, typer.Option("--link", metavar="URL", help="Where more is seen.")] = "",
    by: options.By = "",
    fleet: options.Fleet = None,
    state: options.State = None,
    as_json: options.Json = False,
) -> None:  # fmt: skip
    """Add to the timeline; with --public also to the status page and as mail."""
    declared = open_here(fleet, state)
    from hubfleet.office.incidents import acting

    acting.say(who(by), declared, number, text, kind=kind, public=public, link=link)
    _show(number, declared, as_json=as_json)


@app.command("update")
def update(
    number: Number,
    priority: Priority = None,
    kind: Kind = None,
    title: Annotated[str | None, typer.Option("--title", metavar="TEXT", help="Its title.")] = None,
    channel: Annotated[
        str | None, typer.Option("--channel", metavar="WHERE", help="Where its people talk.")
    ] = None,
    users: Annotated[
        int | None, typer.Option("--users", metavar="N", min=0, help="How many people it hit.")
    ] = None,
    since: Since = None,
    by: options.By = "",
    fleet: options.Fleet = None,
    state: options.State = None,
    as_json: options.Json = False,
) -> None:
    """Correct what is known of an incident; what it was stays in the timeline."""
    declared = open_here(fleet, state)
    from hubfleet.office.incidents import acting

    acting.correct(
        who(by), number, priority=priority, kind=kind, title=title, channel=channel,
        users_affected=users, began_at=_moment(since),
    )  # fmt: skip
    _show(number, declared, as_json=as_json)


@app.command("hand-over")
def hand_over(
    number: Number,
    role: RoleName,
    to: Annotated[str, typer.Argument(metavar="LOGIN", help="Who is asked.")],
    by: options.By = "",
    fleet: options.Fleet = None,
    state: options.State = None,
    as_json: options.Json = False,
) -> None:
    """Ask somebody to take a role over; it is theirs once they accept."""
    declared = open_here(fleet, state)
    from hubfleet.office.incidents import roles

    roles.offer(who(by), number, role, to)
    _show(number, declared, as_json=as_json)


@app.command("accept")
def accept(
    number: Number,
    role: Annotated[str, typer.Argument(metavar="[ROLE]", help="Which, if several.")] = "",
    decline: Annotated[bool, typer.Option("--decline", help="Say that you cannot.")] = False,
    by: options.By = "",
    fleet: options.Fleet = None,
    state: options.State = None,
    as_json: options.Json = False,
) -> None:
    """Accept a role that somebody handed over."""
    declared = open_here(fleet, state)
    from hubfleet.office.incidents import roles

    act = roles.decline if decline else roles.accept
    act(who(by), number, role)
    _show(number, declared, as_json=as_json)


@app.command("mitigate")
def mitigate(
    number: Number,
    text: Text = "",
    by: options.By = "",
    fleet: options.Fleet = None,
    state: options.State = None,
    as_json: options.Json = False,
) -> None:
    """Say that people can work again, though it is not over."""
    declared = open_here(fleet, state)
    from hubfleet.office.incidents import acting

    acting.mitigate(who(by), number, text)
    _show(number, declared, as_json=as_json)


@app.command("resolve")
def resolve(
    number: Number,
    text: Text = "",
    probe: Annotated[
        bool, typer.Option("--probe", help="Probe its hubs first; takes many seconds.")
    ] = False,
    unverified: Annotated[
        str, typer.Option("--unverified", metavar="REASON", help="End it although no probe agrees.")
    ] = "",
    by: options.By = "",
    fleet: options.Fleet = None,
    state: options.State = None,
    as_json: options.Json = False,
) -> None:
    """End an incident; probes must agree that its hubs work."""
    declared = open_here(fleet, state)
    from hubfleet.office.incidents import acting

    if probe:
        _probe(number, declared)
    acting.resolve(who(by), declared, number, text, unverified=unverified)
    _show(number, declared, as_json=as_json)


def _probe(number: int, declared: Fleet) -> None:
    from hubfleet.office.incidents.proof import unproven
    from hubfleet.office.ports import desk
    from hubfleet.office.watching import probing

    names = [one.hub for one in unproven(_one(number), declared, _now())]
    for result in desk().probe(names) if names else ():
        output.tell(f"{result.hub}: {result.verdict}")
        probing.keep(result)


def _one(number: int) -> Incident:
    from hubfleet.office.incidents.models import Incident
    from hubfleet.office.incidents.timeline import no_such_incident

    found = Incident.objects.filter(pk=number).first()
    if found is None:
        raise no_such_incident(number)
    return found


def _show(number: int, declared: Fleet, *, as_json: bool) -> None:
    """What it is now: the answer of every act."""
    from hubfleet.cli import incident_text
    from hubfleet.office.incidents import showing

    value: dict[str, Any] = showing.whole(_one(number), declared)
    if as_json:
        output.print_json(value)
    else:
        incident_text.print_whole(value)


def _now() -> datetime:
    from hubfleet.kit.clock import now

    return now()


def _moment(text: str | None) -> datetime | None:
    """A moment with its zone, or in UTC."""
    from datetime import UTC

    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is no moment; write one such as 2026-03-01T09:12Z", param_hint="--since"
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)

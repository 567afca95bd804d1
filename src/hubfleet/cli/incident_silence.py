"""`hubfleet incident silence` and `token`: what opens no incident, and who may tell of alerts?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hubfleet.cli import options, output
from hubfleet.cli.incident_office import open_here, who


def silence(
    target: Annotated[
        str, typer.Argument(metavar="[HUB]", help="community/hub, or a community.")
    ] = "",
    reason: Annotated[str, typer.Option("--reason", metavar="WHY", help="Needed.")] = "",
    lasts: Annotated[
        str, typer.Option("--for", metavar="TIME", help="How long, such as 2h or 1d.")
    ] = "",
    kind: Annotated[str, typer.Option("--kind", metavar="KIND", help="Only this kind.")] = "",
    everything: Annotated[bool, typer.Option("--everything", help="All hubs.")] = False,
    end: Annotated[
        int | None, typer.Option("--end", metavar="ID", help="End this silence now.")
    ] = None,
    by: options.By = "",
    fleet: options.Fleet = None,
    state: options.State = None,
    as_json: options.Json = False,
) -> None:
    """Let alerts of a hub open no incident for a while; alone it lists what is silenced."""
    from hubfleet.kit.clock import timestamp

    open_here(fleet, state)
    from hubfleet.office.incidents import silences

    if end is not None:
        _end(end, by)
    elif target or everything:
        _begin(target, kind, reason, lasts, by)
    rows = [
        {
            "id": one.pk,
            "hub": one.hub or None,
            "kind": one.kind or None,
            "until": timestamp(one.ends_at),
            "reason": one.reason,
            "by": one.made_by,
        }
        for one in silences.in_force()
    ]
    if as_json:
        output.print_json({"silences": rows})
        return
    for row in rows:
        about = f"{row['hub'] or 'everything'}{', ' + str(row['kind']) if row['kind'] else ''}"
        output.say(f"{row['id']:>4}  {about} until {row['until']} by {row['by']}: {row['reason']}")
    if not rows:
        output.say("Nothing is silenced.")


def _begin(target: str, kind: str, reason: str, lasts: str, by: str) -> None:
    from datetime import timedelta

    from hubfleet.kit.clock import now
    from hubfleet.kit.units import parse_duration
    from hubfleet.office.incidents import silences

    try:
        span = timedelta(seconds=parse_duration(lasts)) if lasts else timedelta(0)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--for") from None
    silences.silence(who(by), target, kind, reason, now() + span)


def _end(number: int, by: str) -> None:
    from hubfleet.kit.errors import failure
    from hubfleet.office.incidents import silences
    from hubfleet.office.incidents.models import Silence

    found = Silence.objects.filter(pk=number).first()
    if found is None:
        raise failure(
            "no-such-silence",
            f"there is no silence {number}",
            hint="`hubfleet incident silence` lists those that hold",
        )
    silences.end(who(by), found)


def token(
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="FILE", help="Write it there, readable by you alone."),
    ] = None,
    revoke_others: Annotated[
        bool, typer.Option("--revoke-others", help="Earlier ones are no good any more.")
    ] = False,
    by: options.By = "",
    fleet: options.Fleet = None,
    state: options.State = None,
    as_json: options.Json = False,
) -> None:
    """Make the token with which Alertmanager tells the console of alerts; shown once."""
    import os

    from hubfleet.kit.errors import failure

    open_here(fleet, state)
    from hubfleet.office.incidents import tokens

    text = tokens.make(who(by), revoke_others=revoke_others)
    if to is None:
        if as_json:
            output.print_json({"token": text})
        else:
            output.say(text)
        return
    try:
        descriptor = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(text)
    except OSError as error:
        raise failure(
            "token-not-saved",
            "the token cannot be written there",
            place=str(to),
            why=error.strerror or str(error),
            hint="choose another file with --to; the token that was made is lost, and harmless",
        ) from None
    if as_json:
        output.print_json({"file": str(to)})
    else:
        output.say(f"Written: {to}")

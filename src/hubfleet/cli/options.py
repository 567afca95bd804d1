"""Options that mean the same in every command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def _duration(text: str) -> str:
    """`10m`; a plain 0 is no time at all."""
    from hubfleet.kit.units import parse_duration

    told = "0s" if text == "0" else text
    try:
        parse_duration(told)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    return told


Fleet = Annotated[
    Path | None,
    typer.Option(
        "--fleet",
        metavar="DIR",
        envvar="HUBFLEET_FLEET",
        help="The fleet's folder; default: the nearest one upwards with fleet.yaml.",
    ),
]
State = Annotated[
    Path | None,
    typer.Option(
        "--state",
        metavar="DIR",
        envvar="HUBFLEET_STATE",
        help="Where hubs live on this machine; default: ~/.local/share/hubfleet.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print values as JSON, messages to stderr.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]
Port = Annotated[
    int | None,
    typer.Option(
        "--port",
        min=1024,
        max=65535,
        envvar="HUBFLEET_PORT",
        help="The port on which people reach the hubs; default: the last one, else 8000.",
    ),
]
Only = Annotated[
    list[str] | None,
    typer.Option("--only", metavar="HUB", help="Only these: community/hub, community, or with *."),
]
Fingerprint = Annotated[
    str | None,
    typer.Option("--plan", metavar="FINGERPRINT", help="Apply this plan and no other."),
]
Message = Annotated[
    str, typer.Option("--message", "-m", metavar="WHY", help="Why; kept in the history.")
]
By = Annotated[
    str,
    typer.Option(
        "--by", metavar="WHO", help="Who asked for it, for the history; default: who runs this."
    ),
]
Remote = Annotated[
    str | None,
    typer.Option(
        "--remote",
        metavar="URL",
        envvar="HUBFLEET_REMOTE",
        help="Ask a console where you are signed in (`hubfleet login`), and not this machine.",
    ),
]
DespiteFreeze = Annotated[
    str, typer.Option(metavar="REASON", help="Change things on days of a freeze.")
]
Resume = Annotated[
    bool, typer.Option("--resume", help="Only go on with the rollout that was cut off.")
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Walk the rollout on a simulation; change nothing.")
]
Simulate = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="What takes how long and fails in a dry run (YAML)."),
]
Events = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write every event there as a JSON line.")
]
Drain = Annotated[
    str | None,
    typer.Option(
        "--drain",
        metavar="TIME",
        parser=_duration,
        help="How long people of removed hubs may go on; default: `rollout.drain`.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
AllowRemovals = Annotated[
    bool, typer.Option("--allow-removals", help="Remove hubs that are no longer declared.")
]
Force = Annotated[bool, typer.Option("--force", help="Even when the plan changes very much.")]
WithoutProbes = Annotated[
    bool,
    typer.Option(
        "--without-probes",
        help="Do not try changed hubs as a person would: one that answers counts as healthy.",
    ),
]
WithoutIsolation = Annotated[
    bool,
    typer.Option(
        "--without-isolation",
        envvar="HUBFLEET_WITHOUT_ISOLATION",
        help="Start hubs although people would not be kept apart on this machine.",
    ),
]
TakeOwnership = Annotated[
    bool,
    typer.Option(
        "--take-ownership",
        help="On Kubernetes: take back the fields that somebody else changed.",
    ),
]
HubArgument = Annotated[str, typer.Argument(metavar="HUB", help="community/hub")]
HubsArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="HUB", help="community/hub, community, or with *; default: all."),
]

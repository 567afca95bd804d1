"""Options that mean the same in every command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
HubArgument = Annotated[str, typer.Argument(metavar="HUB", help="community/hub")]
HubsArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="HUB", help="community/hub, community, or with *; default: all."),
]

"""`hubfleet schema`: what editors need to help with the declaration."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from hubfleet.cli import output


class Kind(StrEnum):
    fleet = "fleet"
    cluster = "cluster"
    community = "community"
    hub = "hub"
    oncall = "oncall"


def schema(
    kind: Annotated[Kind | None, typer.Argument(help="The kind of file; default: all.")] = None,
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="DIR", help="Write <kind>.schema.json files there."),
    ] = None,
) -> None:
    """Print or write the JSON Schema of the declaration's files."""
    import json

    from hubfleet.fleet.schema import json_schemas

    schemas = json_schemas()
    if kind is not None:
        schemas = {kind.value: schemas[kind.value]}
    if to is None:
        output.print_json(schemas if kind is None else schemas[kind.value])
        return
    to.mkdir(parents=True, exist_ok=True)
    for name, value in schemas.items():
        path = to / f"{name}.schema.json"
        path.write_text(json.dumps(value, indent=2) + "\n")
        output.say(str(path))

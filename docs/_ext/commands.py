"""The command line as Markdown, from the Typer program itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from hubfleet.cli import app


def all_commands() -> Iterator[tuple[str, Any]]:
    """`name, command` for every command, groups opened."""
    yield from _inside(typer.main.get_command(app), "hubfleet")


def _inside(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    for child_name, child in getattr(command, "commands", {}).items():
        full = f"{name} {child_name}"
        if hasattr(child, "commands"):
            yield from _inside(child, full)
        else:
            yield full, child


def markdown() -> str:
    """One section for each command: what it does, how it is called, its options."""
    parts: list[str] = []
    for name, command in all_commands():
        usage = " ".join(command.collect_usage_pieces(command.make_context(name, [], **_LENIENT)))
        parts += [f"## `{name}`", "", command.help or "", ""]
        parts += ["```text", f"{name} {usage}", "```", ""]
        rows = [row for parameter in command.params for row in _rows(parameter)]
        if rows:
            parts += ["| option | meaning |", "|---|---|", *rows, ""]
    return "\n".join(parts)


_LENIENT: dict[str, Any] = {"resilient_parsing": True}


def _rows(parameter: Any) -> Iterator[str]:
    if parameter.name == "help" or getattr(parameter, "hidden", False):
        return
    if parameter.param_type_name == "argument":
        spelled = f"`{parameter.metavar or parameter.name.upper()}`"
    else:
        names = ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
        spelled = names if parameter.is_flag else f"{names} `{parameter.metavar or 'VALUE'}`"
    meaning = parameter.help or ""
    if parameter.envvar:
        meaning += f" Environment: `{parameter.envvar}`."
    yield f"| {spelled} | {meaning} |".replace("[", "\\[")

"""The list of commands in `--help`, with their whole sentences.

Typer cuts each to what fits on the rest of a line; what a command does not do is often at its end.
"""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup


class WholeSentences(TyperGroup):
    """A group of commands that is explained without cuts."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """As Typer does it, but that long sentences go on in the next line."""
        rows = []
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            if command is not None and not command.hidden:
                rows.append((name, _first_paragraph(command.help or "")))
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)


def _first_paragraph(text: str) -> str:
    return " ".join(text.strip().partition("\n\n")[0].split())

"""Printing: values to stdout, messages to stderr, errors in one shape.

Rich is imported only when something is printed with it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from hubfleet.kit.errors import Problem
from hubfleet.kit.units import counted as counted  # noqa: PLC0414, a word of this room

if TYPE_CHECKING:
    from rich.console import Console


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def say(text: str = "") -> None:
    """A line on stdout, as it is: no markup is read, so nobody's text can become one."""
    sys.stdout.write(text + "\n")


def tell(text: str) -> None:
    """A message on stderr."""
    sys.stderr.write(text + "\n")


def print_problems(problems: Iterable[Problem]) -> None:
    """Every problem on stderr, an empty line between them."""
    shown = [str(problem) for problem in problems]
    if sys.stderr.isatty():
        shown = [_coloured(text) for text in shown]
    tell("\n\n".join(shown))


def in_short(value: Any) -> str:
    """A value of the declaration in one line: text as it is, the rest as JSON, `-` for nothing."""
    if value is None:
        return "-"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def stdout_console() -> Console:
    """For tables on stdout. Markup is off: values of the declaration are printed as they are."""
    from rich.console import Console

    # What is piped into another program must not be cut to the width of a screen.
    width = None if sys.stdout.isatty() else 1000
    return Console(markup=False, highlight=False, width=width)


def stderr_console() -> Console:
    """For progress on stderr."""
    from rich.console import Console

    return Console(stderr=True, markup=False, highlight=False)


def _coloured(text: str) -> str:
    head, _, rest = text.partition("\n")
    return f"\x1b[1;31m{head}\x1b[0m" + (f"\n{rest}" if rest else "")

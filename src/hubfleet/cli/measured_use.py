"""Measured use for a bundle: from the console's database, where there is one.

`replicate` knows neither the console nor Django; so it is asked here, and only where a look into
the database's file says that there is something to find.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from hubfleet.cli.office_file import has_use

if TYPE_CHECKING:
    from hubfleet.platforms.local.folders import StateFolder
    from hubfleet.replicate.bundle.manifest import Told
    from hubfleet.replicate.bundle.use import Use


Answer = tuple["Use | None", tuple["Told", ...]]
"""What goes along, and what is told of what does not."""


def use_asked(
    names: Sequence[str], state: StateFolder, file: Path | None, *, without: bool
) -> Answer:
    """As the options say: from a file, from the console, or not at all."""
    if file is not None and without:
        raise typer.BadParameter("give either --usage or --without-usage")
    if without:
        return None, ()
    if file is None:
        return _measured(names, state)
    from hubfleet.replicate.bundle.use import read_use

    return read_use(file, names), ()


def _measured(names: Sequence[str], state: StateFolder) -> Answer:
    """A bundle is made also where nothing was measured or can be read; then it says so."""
    from hubfleet.kit.errors import HubfleetError
    from hubfleet.replicate.data.stored import with_stored

    url = os.environ.get("HUBFLEET_DATABASE")
    if not url and not has_use(state.path / "office.sqlite"):
        return None, (_nothing_measured(names),)
    try:
        found = _from_office(names, state.path, url)
    except HubfleetError as error:
        return None, (_not_read(names, error.problems[0].code),)
    if found is None:
        return None, (_nothing_measured(names),)
    return with_stored(found, names, state), ()


def _from_office(names: Sequence[str], state: Path, url: str | None) -> Use | None:
    """Reads alone: an export changes no table, whichever version made them."""
    from hubfleet import __version__
    from hubfleet.office.site.launch import Launch, start

    start(Launch(state, "http://localhost", __version__, database=url))
    from django.core.exceptions import ImproperlyConfigured
    from django.db import DatabaseError, connections

    from hubfleet.kit.errors import failure
    from hubfleet.office.usage.months import use_of

    try:
        return use_of(names)
    except (DatabaseError, ImproperlyConfigured) as error:
        raise failure("use-not-read", "the console's database cannot be read") from error
    finally:
        connections.close_all()


def _nothing_measured(names: Sequence[str]) -> Told:
    from hubfleet.replicate.bundle.manifest import Told

    return Told(
        what=f"{_of(names)}: measured use and its cost",
        why="No use was measured here.",
        cure="let a console measure it, or name a file of it with --usage",
    )


def _not_read(names: Sequence[str], code: str) -> Told:
    """The code alone: the rest of the error may name a host."""
    from hubfleet.replicate.bundle.manifest import Told

    return Told(
        what=f"{_of(names)}: measured use and its cost",
        why=f"The console's database could not be read ({code}).",
        cure="see what `hubfleet usage` says, and export again or name a file with --usage",
    )


def _of(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else names[0].partition("/")[0]

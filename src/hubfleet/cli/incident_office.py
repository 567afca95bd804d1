"""Opening the office for `hubfleet incident`: the same tables and rules as the console has."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hubfleet.fleet.model import Fleet
    from hubfleet.office.audit.record import Actor


def open_here(fleet: Path | None, state: Path | None) -> Fleet:
    """The declared fleet, with the office's database of this place open; raises `no-office`."""
    from hubfleet import wiring
    from hubfleet.cli.office_file import accounts_in
    from hubfleet.cli.serve import open_office, prepare
    from hubfleet.kit.errors import failure

    folder = wiring.state_folder(state)
    if (
        not os.environ.get("HUBFLEET_DATABASE")
        and accounts_in(folder.path / "office.sqlite") is None
    ):
        raise failure(
            "no-office",
            "there is no office here: incidents are kept in its database",
            place=str(folder.path),
            why="the console was never started with this state folder",
            hint="run `hubfleet serve` (or `hubfleet up`) once, name the place with --state, or "
            "the database with HUBFLEET_DATABASE",
        )
    desk, launch, _ = prepare(fleet, state, None, 0)
    open_office(desk, launch)
    return desk.fleet()


def who(by: str) -> Actor:
    """Who acts: `--by`, else whoever runs the command."""
    import getpass

    from hubfleet.office.audit.record import Actor

    return Actor(login=by or getpass.getuser(), through="cli")

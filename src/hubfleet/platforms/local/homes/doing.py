"""One chore in a process of its own, behind everybody else's work.

`python -m hubfleet.platforms.local.homes.doing snapshot|usage FOLDER` does it for the hub in FOLDER
and writes down how it went, whoever started it and whether they still live.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import cast, get_args

from hubfleet.kit.clock import now
from hubfleet.kit.errors import HubfleetError
from hubfleet.platforms.local.folders import HubFolder
from hubfleet.platforms.local.homes.chores import Kind, begun, ended, note
from hubfleet.platforms.local.homes.measuring import measure_and_hold
from hubfleet.platforms.local.homes.people import kept_of
from hubfleet.platforms.local.homes.priority import give_way
from hubfleet.platforms.local.homes.retention import Keep
from hubfleet.platforms.local.homes.taking import take_snapshot


def command(kind: Kind, folder: Path) -> list[str]:
    """How to start it."""
    # -I: what lies in the current folder must not be imported by a process of the operator's.
    return [sys.executable, "-I", "-m", __name__, kind, str(folder)]


def do(kind: Kind, folder: Path) -> bool:
    """Do it and write down how it went; False when it failed."""
    chore = begun(now())
    note(folder, kind, chore)
    try:
        if kind == "snapshot":
            declared = kept_of(HubFolder(folder))
            take_snapshot(folder, Keep(declared.daily, declared.weekly))
        else:
            measure_and_hold(folder)
    except HubfleetError as error:
        problem = error.problems[0]
        if problem.code == "snapshot-running":
            # Somebody makes one by hand: that one counts.
            note(folder, kind, ended(chore, now()))
            return True
        what = f"{problem.what}: {problem.why}" if problem.why else problem.what
        note(folder, kind, ended(chore, now(), what))
        return False
    except (OSError, ValueError) as error:
        note(folder, kind, ended(chore, now(), str(error)))
        return False
    note(folder, kind, ended(chore, now()))
    return True


def main(arguments: list[str]) -> int:
    """See the module."""
    kind, folder = arguments
    assert kind in get_args(Kind)
    give_way()
    return 0 if do(cast("Kind", kind), Path(folder)) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

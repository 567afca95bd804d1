"""Ledgers for tests, on SQLite and on PostgreSQL, and entries to write into them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubfleet.office.site.opening import open_ledger
from hubfleet.rollout.ports import (
    Act,
    ActEnded,
    ActIntended,
    PlannedStep,
    RevisionMade,
    RolloutBegun,
)

if TYPE_CHECKING:
    from hubfleet.office.ledger.ledger import Ledger

AT = "2026-03-01T09:30:00Z"


@dataclass(frozen=True)
class LedgerHome:
    """Where a ledger is; `url` is None for the file."""

    state: Path
    url: str | None = None

    def open(self, version: str = "0.1.0") -> Ledger:
        return open_ledger(self.state, self.url, version=version)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`hubfleet ARGUMENTS` as a person would run it."""
        place = {"HUBFLEET_STATE": str(self.state), "HUBFLEET_DATABASE": self.url or ""}
        return subprocess.run(
            [sys.executable, "-m", "hubfleet", *arguments],
            env={**os.environ, **place},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
            timeout=60,
        )

    def start(self, code: str, *arguments: str) -> subprocess.Popen[str]:
        """A process that finds this place as `ledger` and tells with `say`, hears with stdin."""
        command = [sys.executable, "-W", "error", "-c", _HEAD + code, str(self.state)]
        return subprocess.Popen(
            [*command, self.url or "", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )


_HEAD = """
import sys
from pathlib import Path
from hubfleet.office.site.opening import open_ledger
from hubfleet.kit.errors import HubfleetError
from tests.integration.office.ledgers import *
def say(what): print(what, flush=True)
ledger = open_ledger(Path(sys.argv[1]), sys.argv[2] or None, version="0.1.0")
"""


def begun(rollout: str = "r1", *, epoch: int = 0, at: str = AT, **more: Any) -> RolloutBegun:
    steps = (PlannedStep("ant/prod", "reef", "create", 1),)
    return RolloutBegun(rollout, at, "f" * 16, "d" * 64, "ada", "why not", steps, epoch, **more)


def intended(
    hub: str = "ant/prod", rollout: str = "r1", *, action: Act = "create", epoch: int = 0
) -> ActIntended:
    return ActIntended(rollout, AT, hub, action, epoch, "snap-1")


def ended(hub: str = "ant/prod", rollout: str = "r1", *, action: Act = "create") -> ActEnded:
    return ActEnded(rollout, AT, hub, action, ok=True, changed=True, revision=1, seconds=1.5)


def revision(
    number: int = 1,
    hub: str = "ant/prod",
    *,
    values: Mapping[str, Any] = {"limits.memory": "1G"},
    at: str = AT,
    **more: Any,
) -> RevisionMade:
    facts: dict[str, Any] = {
        "action": "create" if number == 1 else "update",
        "declaration": "d" * 64,
        "environment": "e" * 64,
        "software": {"jupyterhub": "6.1.1"},
        "who": "ada",
        "why": "more memory",
        "began": AT,
        "seconds": 12.5,
        **more,
    }
    return RevisionMade("r1", at, hub, number, values=values, **facts)

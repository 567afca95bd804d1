"""`hubfleet incident` as an operator uses it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.fleets import write_fleet


def hubfleet(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    where = ["--fleet", str(root), "--state", str(root.parent / "state")]
    return subprocess.run(
        [sys.executable, "-m", "hubfleet", *words, *where],
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_incident_from_its_declaration_to_its_end(tmp_path: Path) -> None:
    root = tmp_path / "fleet"
    write_fleet(root, {"ant/prod": {}})
    early = hubfleet(root, "incident", "list")
    assert early.returncode == 1
    assert early.stderr == (
        "error[no-office]: there is no office here: incidents are kept in its database\n"
        f"  --> {tmp_path / 'state'}\n"
        "  why: the console was never started with this state folder\n"
        "  hint: run `hubfleet serve` (or `hubfleet up`) once, name the place with --state, or "
        "the database with HUBFLEET_DATABASE\n"
    )
    assert hubfleet(root, "run-due", "people").returncode == 0
    none = hubfleet(root, "incident", "list")
    assert (none.returncode, none.stdout) == (0, "No incident is open.\n")

    words = ["incident", "declare", "Slow", "--hub", "ant/prod", "--kind", "other"]
    assert hubfleet(root, *words, "--by", "eve").returncode == 0
    assert hubfleet(root, "incident", "ack", "1", "--by", "eve").returncode == 0
    shown = json.loads(hubfleet(root, "incident", "show", "1", "--json").stdout)
    assert (shown["title"], shown["state"]) == ("Slow", "acknowledged")
    unproven = hubfleet(root, "incident", "resolve", "1", "--by", "eve")
    assert unproven.returncode == 1
    ended = hubfleet(root, "incident", "resolve", "1", "--unverified", "seen", "--by", "eve")
    assert ended.returncode == 0, ended.stderr
    assert hubfleet(root, "incident", "list").stdout == "No incident is open.\n"

"""Kill -9 at random moments, then resume: the same end, nothing done twice; `tests.crashes`."""

from __future__ import annotations

import json
import subprocess
import sys


def fuzz(*arguments: str) -> tuple[int, dict[str, object]]:
    command = [sys.executable, "-m", "tests.crashes", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_every_resume_reaches_the_same_end_and_nothing_is_done_twice():
    code, told = fuzz("--kills", "25")
    assert told["faults"] == []
    assert code == 0


def test_a_journal_that_forgets_is_found_out():
    code, told = fuzz("--kills", "40", "--forgetful")
    assert code == 1
    assert told["faults"]

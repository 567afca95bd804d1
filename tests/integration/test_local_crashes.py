"""Kill -9 of `apply` and keeper at random moments, with real hubs; `tests.local_crashes`."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.integration


def fuzz(*arguments: str) -> tuple[int, dict[str, object]]:
    command = [sys.executable, "-m", "tests.local_crashes", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_every_resume_with_real_hubs_reaches_the_end_that_it_must():
    code, told = fuzz("--kills", "6", "--seed", "3")
    assert told["faults"] == []
    assert code == 0


def test_a_ledger_that_forgets_what_was_cut_off_is_found_out():
    code, told = fuzz("--kills", "40", "--seed", "1", "--forgetful")
    assert code == 1
    assert told["faults"]

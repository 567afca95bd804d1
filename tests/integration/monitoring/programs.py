"""The programs that read what is rendered, or a visible skip with the reason."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest


def program(name: str) -> str:
    """From HUBFLEET_TEST_<NAME>, else the PATH."""
    variable = f"HUBFLEET_TEST_{name.upper()}"
    found = os.environ.get(variable) or shutil.which(name)
    if found is None or not Path(found).is_file():
        pytest.skip(f"no `{name}` on the PATH, and {variable} names none")
    return found


def ask(name: str, *arguments: str, cwd: Path | None = None) -> str:
    """What the program prints; it must end well."""
    command = [program(name), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout

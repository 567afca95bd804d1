"""Running code without root's power to read everything, whoever runs the tests."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NOBODY = 65534

_DROP = f"""
import _strptime, os, sys
from pathlib import Path
from hubfleet.platforms.local.homes import restore, taking, usage
if os.geteuid() == 0:
    os.setgroups([]); os.setresgid({NOBODY}, {NOBODY}, {NOBODY})
    os.setresuid({NOBODY}, {NOBODY}, {NOBODY})
"""


@contextmanager
def reachable_folder() -> Iterator[Path]:
    """A folder that others can come to, which `tmp_path` of root is not."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def run_as_owner(code: str, folder: Path) -> str:
    """What `code` prints; it finds `folder`, which is made its own, in `sys.argv[1]`.

    The modules `usage`, `taking` and `restore` are imported before the rights are dropped, because
    the interpreter may lie where only root can read.
    """
    if os.geteuid() == 0:
        for path in [folder, *folder.rglob("*")]:
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    done = subprocess.run(
        [sys.executable, "-c", _DROP + code, str(folder)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout

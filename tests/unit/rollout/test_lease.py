"""One rollout at a time."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys

import pytest

from hubfleet.kit.errors import HubfleetError
from hubfleet.rollout.lease import hold

HOLDER = """
import sys
from pathlib import Path
from hubfleet.rollout.lease import hold
with hold(Path(sys.argv[1]), "hubfleet apply"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_second_is_told_who_holds_the_fleet_and_since_when(tmp_path):
    path = tmp_path / "apply.lock"
    with hold(path, "hubfleet apply"), pytest.raises(HubfleetError) as caught, hold(path, "again"):
        pass
    pattern = (
        r"error\[fleet-held\]: the fleet is being changed by \S+ "
        rf"\(`hubfleet apply`, process {os.getpid()}\) since \d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\dZ\n"
        rf"  --> {re.escape(str(path))}\n"
        r"  why: two rollouts at once could undo each other's work\n"
        r"  hint: wait until it has ended, then run the command again"
    )
    assert re.fullmatch(pattern, str(caught.value))


def test_it_is_free_again_after_the_block(tmp_path):
    path = tmp_path / "apply.lock"
    with hold(path, "one"):
        pass
    with hold(path, "two"):
        assert path.exists()


def test_a_killed_holder_leaves_it_free(tmp_path):
    path = tmp_path / "apply.lock"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(HubfleetError), hold(path, "me"):
            pass
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    with hold(path, "me"):
        assert path.exists()

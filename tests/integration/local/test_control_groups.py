"""Control groups of the machine's own kernel, of whichever version it has, without a hub."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from hubfleet.platforms.local.limits import (
    Group,
    Limiter,
    empty_group,
    find_limiter,
    make_group,
    members,
    memory_kills,
)
from tests.places import until

pytestmark = pytest.mark.integration

MB = 1024**2
EATER = """
import resource, sys
blocks = []
for _ in range(200):
    blocks.append(bytearray(2**20))
"""
BURNER = """
import time
end = time.monotonic() + 1.5
before = time.process_time()
while time.monotonic() < end:
    pass
print((time.process_time() - before) / 1.5)
"""


@pytest.fixture
def limiter() -> Limiter:
    found = find_limiter()
    if found.version == 0:
        pytest.skip("this machine does not let us use control groups")
    return found


@pytest.fixture
def name() -> Iterator[str]:
    made = f"hubfleet-test-{os.getpid()}-{time.monotonic_ns()}"
    yield made
    limiter = find_limiter()
    paths = tuple(parent / made for parent in set(limiter.parents.values()))
    until(lambda: empty_group(paths), "the group to be gone")


def run_in(group: Group, program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", "-c", program],
        capture_output=True,
        text=True,
        preexec_fn=group.join,
        check=False,
    )


def test_who_takes_too_much_memory_is_killed_and_it_is_counted(limiter: Limiter, name: str) -> None:
    group = make_group(limiter, name, memory=64 * MB, cpu=None, memory_guarantee=16 * MB)
    assert run_in(group, "print('small')").stdout == "small\n"
    assert memory_kills(group.paths) == 0
    assert run_in(group, EATER).returncode == -9
    assert memory_kills(group.paths) == 1


def test_a_share_of_cpu_holds(limiter: Limiter, name: str) -> None:
    group = make_group(limiter, name, memory=None, cpu=0.25, cpu_guarantee=0.1)
    assert float(run_in(group, BURNER).stdout) < 0.4


def test_limits_can_be_changed_and_all_members_are_known_and_ended(
    limiter: Limiter, name: str
) -> None:
    make_group(limiter, name, memory=32 * MB, cpu=0.1)
    group = make_group(limiter, name, memory=512 * MB, cpu=None)
    assert run_in(group, EATER).returncode == 0
    with subprocess.Popen(["sleep", "60"], preexec_fn=group.join) as process:  # noqa: PLW1509
        assert members(group.paths) == {process.pid}
        until(lambda: empty_group(group.paths), "the group to be gone")
        assert process.wait(10) == -9

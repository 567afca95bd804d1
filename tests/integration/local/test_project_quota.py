"""Quotas that a real file system enforces, on an image that is mounted for the test."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hubfleet.platforms.local.homes.admission import check_before_start
from hubfleet.platforms.local.homes.project_quota import enforce, enforcement
from hubfleet.platforms.local.homes.restore import restore_in_place
from hubfleet.platforms.local.homes.taking import take_snapshot
from hubfleet.platforms.local.hub.setting import INSIDE
from hubfleet.platforms.local.sandbox import (
    HOME_INSIDE,
    Seat,
    bubblewrap_command,
    find_sandbox,
    interpreter_folders,
    write_accounts,
)
from tests.unit.local.homes import make_homes

pytestmark = pytest.mark.integration

MB = 1024**2


@pytest.fixture(params=["ext4", "xfs"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A hub's folder on a file system with project quotas, with ada's and bo's homes."""
    options = {
        "ext4": ["-q", "-O", "quota,project", "-E", "quotatype=prjquota"],
        "xfs": ["-q"],
    }[request.param]
    program = shutil.which(f"mkfs.{request.param}")
    if os.geteuid() != 0 or program is None:
        pytest.skip(f"needs root and mkfs.{request.param}")
    image, place = tmp_path / "image", tmp_path / "place"
    with image.open("wb") as file:
        file.truncate(512 * MB)
    place.mkdir()
    subprocess.run([program, *options, str(image)], check=True, capture_output=True)
    mount = ["mount", "-o", "loop,prjquota", str(image), str(place)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"this kernel does not mount {request.param} with project quotas")
    try:
        yield make_homes(place / "hubs" / "reef" / "prod", {"ada": {"a": "x" * MB}, "bo": {}})
    finally:
        subprocess.run(["umount", str(place)], check=True)


FILL = """
import os, sys
written = 0
with open(sys.argv[1], sys.argv[3]) as file:
    try:
        for _ in range(int(sys.argv[2])):
            file.write(os.urandom(2**20))
            file.flush()
            os.fsync(file.fileno())
            written += 1
    except OSError as error:
        # ext4 says one, XFS the other, when a project is full.
        assert error.errno in {28, 122}, error
    finally:
        print(written, flush=True)
        os._exit(0)
"""


def fill(path: Path, megabytes: int, mode: str = "wb") -> int:
    """Write up to so many megabytes; returns how many there was room for.

    Without the right to exceed limits, which root has on ext4 and nobody has in a sandbox.
    """
    unprivileged = ["setpriv", "--bounding-set=-sys_resource"]
    writing = [sys.executable, "-c", FILL, str(path), str(megabytes), mode]
    done = subprocess.run([*unprivileged, *writing], check=True, capture_output=True, text=True)
    return int(done.stdout)


def test_a_person_cannot_write_beyond_the_quota_and_others_can(folder: Path) -> None:
    assert enforce(folder, 1, 10 * MB) == "enforced"
    assert enforce(folder, 2, 40 * MB) == "enforced"
    # What was there before counts, too.
    assert 7 <= fill(folder / "homes" / "1" / "much", 20) <= 9
    (folder / "homes" / "2" / "deep" / "er").mkdir(parents=True)
    assert fill(folder / "homes" / "2" / "deep" / "er" / "much", 20) == 20
    assert check_before_start(folder, "ada", 10 * MB).state == "warn"
    assert enforcement(folder).startswith("Quotas are enforced by the file system: ")


def test_the_sandbox_takes_away_the_right_of_root_to_exceed_quotas(folder: Path) -> None:
    program = find_sandbox().program
    if program is None:
        pytest.skip("needs bubblewrap")
    home = folder / "homes" / "1"
    enforce(folder, 1, 10 * MB)
    seat = Seat(
        home=home,
        inside=INSIDE,
        accounts=write_accounts(folder / "accounts"),
        hidden=folder,
        hostname="test",
        readable=interpreter_folders(None),
    )
    walls = bubblewrap_command(program, seat)
    writing = [sys.executable, "-c", FILL, str(HOME_INSIDE / "much"), "20", "wb"]
    done = subprocess.run([*walls, *writing], check=True, capture_output=True, text=True)
    assert 7 <= int(done.stdout) <= 9


def test_a_quota_can_be_raised_lowered_and_lifted(folder: Path) -> None:
    much = folder / "homes" / "1" / "much"
    for quota, least, most in ((10 * MB, 7, 9), (20 * MB, 17, 19), (None, 60, 60)):
        assert enforce(folder, 1, quota) == "enforced"
        assert least <= fill(much, 60) <= most
    assert enforce(folder, 1, 5 * MB) == "enforced"
    assert fill(much, 1, "ab") == 0
    much.unlink()
    assert fill(much, 3) == 3


def test_what_is_restored_counts_and_snapshots_do_not(folder: Path) -> None:
    enforce(folder, 1, 10 * MB)
    assert fill(folder / "homes" / "1" / "six", 6) == 6
    # Two copies of six megabytes: the homes' own limit does not hold for them.
    taken = take_snapshot(folder)
    copied = taken.snapshot.path / "1" / "six"
    assert copied.stat().st_size == 6 * MB
    (folder / "homes" / "1" / "six").unlink()
    restore_in_place(folder, "ada", "six")
    assert fill(folder / "homes" / "1" / "more", 20) <= 3


def test_a_home_that_was_half_counted_is_counted_again(folder: Path) -> None:
    home = folder / "homes" / "1"
    (home / "old").mkdir()
    assert fill(home / "old" / "five", 5) == 5
    enforce(folder, 1, 10 * MB)
    enforce(folder, 1, 9 * MB)
    assert fill(home / "more", 20) <= 3
    numbers = json.loads((folder / "homes.json").read_text())
    assert numbers == {"ada": 1, "bo": 2}

"""Homes on bad days: people write while a snapshot is made, swap folders, and machines stop."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from hubfleet.platforms.local.homes.restore import restore_beside
from hubfleet.platforms.local.homes.retention import Keep
from hubfleet.platforms.local.homes.snapshots import snapshots, snapshots_folder
from hubfleet.platforms.local.homes.taking import take_snapshot
from hubfleet.platforms.local.homes.usage import measure_home
from tests.places import until
from tests.unit.local.homes import make_homes, write

pytestmark = pytest.mark.integration

TAKE = """
import sys
from pathlib import Path
from hubfleet.platforms.local.homes.taking import take_snapshot
print("begun", flush=True)
take_snapshot(Path(sys.argv[1]))
"""


@contextmanager
def meanwhile(act: Callable[[], None]) -> Iterator[None]:
    """`act` over and over in another thread."""
    ended = threading.Event()

    def go_on() -> None:
        while not ended.is_set():
            act()

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@contextmanager
def just_before_opening(
    name: str, act: Callable[[], None], *, when: Callable[[], bool] = lambda: True
) -> Iterator[None]:
    """Do `act` once, between the look at a name and its opening: only the kernel can say no."""
    real, done = os.open, list[str]()

    def acting_open(path: str | Path, *arguments: Any, **named: Any) -> int:
        if path == name and not done and when():
            done.append(name)
            act()
        return real(path, *arguments, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "open", acting_open)
        yield
    assert done


@pytest.fixture
def tempted(tmp_path: Path) -> Path:
    """A hub in which Ada has a folder and a file, and links to where she must not read."""
    write(tmp_path / "elsewhere/mine", "canary")
    folder = make_homes(tmp_path / "hub", {"ada": {"place/mine": "own", "file": "own"}})
    home = folder / "homes/1"
    (home / "link").symlink_to(tmp_path / "elsewhere")
    (home / "link-to-file").symlink_to(tmp_path / "elsewhere/mine")
    return folder


def swap(home: Path, name: str, link: str) -> None:
    (home / name).rename(home / "aside")
    (home / link).rename(home / name)


def test_a_folder_that_becomes_a_link_is_not_followed_by_a_snapshot(tempted: Path) -> None:
    building = tempted / "snapshots/.building/1"
    act = lambda: swap(tempted / "homes/1", "place", "link")  # noqa: E731
    with just_before_opening("place", act, when=building.exists):
        taken = take_snapshot(tempted)
    assert taken.snapshot.notes == ("home 1: place is a link, which is not followed",)
    assert _texts(taken.snapshot.path / "1") == ["own"]


def test_a_file_that_becomes_a_link_is_not_followed_by_a_snapshot(tempted: Path) -> None:
    act = lambda: swap(tempted / "homes/1", "file", "link-to-file")  # noqa: E731
    with just_before_opening("file", act):
        taken = take_snapshot(tempted)
    assert taken.snapshot.notes == ("home 1: file is a link, which is not followed",)
    assert _texts(taken.snapshot.path / "1") == ["own"]


def test_a_file_that_becomes_a_pipe_does_not_hold_up_a_snapshot(tempted: Path) -> None:
    home = tempted / "homes/1"

    def become_a_pipe() -> None:
        (home / "file").unlink()
        os.mkfifo(home / "file")

    with just_before_opening("file", become_a_pipe):
        taken = take_snapshot(tempted)
    assert taken.snapshot.notes == ("home 1: file is not an ordinary file",)


def test_a_home_that_becomes_a_link_is_not_followed(tempted: Path, tmp_path: Path) -> None:
    homes = tempted / "homes"
    (homes / "link").symlink_to(tmp_path / "elsewhere")
    with just_before_opening("1", lambda: swap(homes, "1", "link")):
        taken = take_snapshot(tempted)
    assert taken.snapshot.homes == {}
    assert taken.snapshot.notes == ("home 1 is a link, which is not followed",)


def test_a_folder_that_becomes_a_link_is_not_measured(tempted: Path) -> None:
    with just_before_opening("place", lambda: swap(tempted / "homes/1", "place", "link")):
        usage = measure_home(tempted, 1)
    assert (usage.files, usage.problem) == (3, "place is a link, which is not followed")


def test_a_file_that_vanishes_is_no_problem(tempted: Path) -> None:
    with just_before_opening("file", (tempted / "homes/1/file").unlink):
        taken = take_snapshot(tempted)
    assert taken.snapshot.notes == ()


def test_a_restored_file_does_not_go_through_a_link(tempted: Path, tmp_path: Path) -> None:
    take_snapshot(tempted)
    home = tempted / "homes/1"

    def swap_the_new_folder() -> None:
        (home / "new/place").rename(home / "aside")
        (home / "new/place").symlink_to(tmp_path / "elsewhere")

    before = sorted((tmp_path / "elsewhere").iterdir())
    real = os.mkdir

    def acting_mkdir(path: str, *arguments: Any, **named: Any) -> None:
        real(path, *arguments, **named)
        if path == "place":
            swap_the_new_folder()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "mkdir", acting_mkdir)
        restored = restore_beside(tempted, "ada", to="new")
    assert restored.notes == ("place is a link, which is not followed",)
    assert sorted((tmp_path / "elsewhere").iterdir()) == before


def _texts(folder: Path) -> list[str]:
    return [p.read_text() for p in sorted(folder.rglob("*")) if p.is_file() and not p.is_symlink()]


def test_a_snapshot_while_people_write_is_whole_or_says_what_is_not(tmp_path: Path) -> None:
    """A writer fills a file with one letter at a time, in one call: a mixed copy would show."""
    folder = make_homes(tmp_path, {"ada": {f"still/{n}": f"text {n}" for n in range(100)}})
    home = folder / "homes/1"
    size = 300_000
    write(home / "busy", b"a" * size)
    letters = iter("bcdefghijklmnopqrstuvwxyz" * 100_000)

    def write_heavily() -> None:
        with open(home / "busy", "r+b") as file:
            file.write(next(letters).encode() * size)
        write(home / f"short-{time.monotonic_ns() % 7}", "x")
        (home / f"short-{time.monotonic_ns() % 7}").unlink(missing_ok=True)

    with meanwhile(write_heavily):
        for _ in range(40):
            taken = take_snapshot(folder, Keep(0, 0))
            copy = taken.snapshot.path / "1"
            noted = any("changed while it was copied" in note for note in taken.snapshot.notes)
            whole = len(set((copy / "busy").read_bytes())) == 1
            assert whole or noted
            assert {p.read_text() for p in (copy / "still").iterdir()} == {
                f"text {n}" for n in range(100)
            }
    last = take_snapshot(folder, Keep(0, 0)).snapshot.path / "1"
    assert (last / "busy").read_bytes() == (home / "busy").read_bytes()


def test_kill_9_in_a_snapshot_leaves_no_half_one_in_use(tmp_path: Path) -> None:
    files = {f"folder{n % 20}/file{n}": b"x" * 2000 for n in range(1500)}
    folder = make_homes(tmp_path, {"ada": files, "bo": files})
    kills = random.Random(3)
    for _ in range(8):
        before = [one.stamp for one in snapshots(folder)]
        process = subprocess.Popen(
            [sys.executable, "-c", TAKE, str(folder)], stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        process.stdout.readline()
        wanted = kills.randrange(1, 60)
        building = snapshots_folder(folder) / ".building"
        until(
            lambda p=process, b=building, w=wanted: p.poll() is not None or _count(b) >= w,  # type: ignore[misc]
            "the snapshot to come this far",
        )
        process.kill()
        process.wait()
        process.stdout.close()
        made = snapshots(folder)
        assert len(made) in {len(before), len(before) + 1, 1}
        for one in made:
            _assert_whole(one.path)
    _assert_whole(take_snapshot(folder).snapshot.path)
    assert not (snapshots_folder(folder) / ".building").exists()


def _count(building: Path) -> int:
    try:
        return sum(len(list(home.iterdir())) for home in building.iterdir())
    except OSError:
        return 0


def _assert_whole(snapshot: Path) -> None:
    for number in "12":
        found = [path for path in (snapshot / number).rglob("*") if path.is_file()]
        assert len(found) == 1500
        assert all(path.stat().st_size == 2000 for path in found)


def test_a_stopped_measuring_leaves_the_old_result(tmp_path: Path) -> None:
    from hubfleet.platforms.local.homes.measuring import measure_hub_apart, start_measuring
    from hubfleet.platforms.local.homes.usage import stored_usage

    folder = make_homes(tmp_path, {"ada": {f"f{n}": "x" for n in range(100)}})
    first = measure_hub_apart(folder)
    process = start_measuring(folder)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert stored_usage(folder) == first

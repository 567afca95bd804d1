"""Measuring homes, also those that somebody made difficult."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from hubfleet.kit.errors import HubfleetError
from hubfleet.platforms.local.homes.measuring import (
    measure_home_apart,
    measure_hub_apart,
    start_measuring,
)
from hubfleet.platforms.local.homes.usage import measure_home, measure_hub, stored_usage
from tests.unit.local.homes import make_homes, write
from tests.unit.local.nobody import reachable_folder, run_as_owner


def test_a_home_is_measured_in_blocks_as_du_does(tmp_path: Path) -> None:
    folder = make_homes(
        tmp_path, {"ada": {"a": b"x" * 5000, "deep/b": "y", "deep/er/c": b"z" * 9000}}
    )
    said = subprocess.run(
        ["du", "-s", "--block-size=1", str(folder / "homes/1")], capture_output=True, check=True
    )
    usage = measure_home(folder, 1)
    assert (usage.bytes, usage.files, usage.problem) == (int(said.stdout.split()[0]), 3, "")


def test_hard_links_count_once(tmp_path: Path) -> None:
    folder = make_homes(tmp_path, {"ada": {"a": b"x" * 100_000}})
    before = measure_home(folder, 1)
    (folder / "homes/1/b").hardlink_to(folder / "homes/1/a")
    after = measure_home(folder, 1)
    assert (after.bytes, after.files) == (before.bytes, 2)


def test_a_hole_takes_no_room(tmp_path: Path) -> None:
    folder = make_homes(tmp_path, {"ada": {}})
    with open(folder / "homes/1/sparse", "wb") as file:
        file.truncate(10**9)
    assert measure_home(folder, 1).bytes < 100_000


def test_links_are_not_followed(tmp_path: Path) -> None:
    secret = write(tmp_path / "elsewhere/big", b"x" * 500_000).parent
    folder = make_homes(tmp_path / "hub", {"ada": {}})
    (folder / "homes/1/away").symlink_to(secret)
    (folder / "homes/1/loop").symlink_to(folder / "homes/1")
    usage = measure_home(folder, 1)
    assert usage.files == 2
    assert usage.bytes < 50_000


def test_a_home_that_is_a_link_is_reported_and_not_followed(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere/big", b"x" * 500_000)
    folder = make_homes(tmp_path / "hub", {"ada": {}, "bo": {}, "cy": {}})
    for number, make in (("1", "link"), ("2", "file"), ("3", "none")):
        home = folder / "homes" / number
        home.rmdir()
        if make == "link":
            home.symlink_to(tmp_path / "elsewhere")
        elif make == "file":
            home.write_text("x")
    homes = measure_hub(folder).homes
    assert homes["ada"].as_json() == {
        "bytes": 0,
        "files": 0,
        "problem": "the home is a link, which is not followed",
    }
    assert homes["bo"].problem == "the home is not a folder"
    assert homes["cy"].as_json() == {"bytes": 0, "files": 0}


def test_names_of_any_letters_and_length_are_measured(tmp_path: Path) -> None:
    folder = make_homes(tmp_path, {"ada": {}, "u" * 200: {"x": "y"}})
    home = os.fsencode(folder / "homes/1")
    for name in (b"line\nbreak", b"\xff\xfe", b"n" * 255, "ä".encode(), b" ", b"-rf"):
        Path(os.fsdecode(home + b"/" + name)).write_text("x")
    usage = measure_hub_apart(folder)
    assert usage.homes["ada"].files == 6
    assert usage.homes["u" * 200].files == 1


def test_what_is_nested_too_deeply_is_reported(tmp_path: Path) -> None:
    folder = make_homes(tmp_path, {"ada": {}})
    here = os.open(folder / "homes/1", os.O_RDONLY)
    for _ in range(300):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    assert measure_home(folder, 1).problem.endswith("/d is nested too deeply")
    assert subprocess.run(["rm", "-rf", str(folder / "homes")], check=False).returncode == 0


def test_an_unreadable_folder_is_reported_and_the_rest_counted() -> None:
    with reachable_folder() as place:
        folder = make_homes(place, {"ada": {"closed/x": "x", "open/y": "y", "z": "z"}})
        (folder / "homes/1/closed").chmod(0)
        said = run_as_owner("print(usage.measure_home(Path(sys.argv[1]), 1))", folder)
    assert said.endswith("files=2, problem='closed may not be read')\n")


def test_files_that_vanish_meanwhile_are_no_problem(tmp_path: Path) -> None:
    folder = make_homes(tmp_path, {"ada": {f"keep/{n}": "x" for n in range(50)}})
    ended = threading.Event()

    def churn() -> None:
        while not ended.is_set():
            for n in range(20):
                write(folder / f"homes/1/churn/{n}/x", "x")
            shutil.rmtree(folder / "homes/1/churn")

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        found = [measure_home(folder, 1) for _ in range(200)]
    finally:
        ended.set()
        thread.join()
    assert {usage.problem for usage in found} == {""}
    assert all(usage.files >= 50 for usage in found)


def test_the_result_is_kept_for_others(tmp_path: Path) -> None:
    folder = make_homes(tmp_path, {"ada": {"a": "x"}})
    assert stored_usage(folder) is None
    measured = measure_hub_apart(folder)
    assert stored_usage(folder) == measured
    value = json.loads((folder / "usage.json").read_text())
    assert value == {
        "at": measured.at,
        "homes": {"ada": {"bytes": measured.homes["ada"].bytes, "files": 1}},
    }
    assert (folder / "usage.json").stat().st_mode & 0o777 == 0o600


def test_a_damaged_result_is_as_good_as_none(tmp_path: Path) -> None:
    for text in ("", "[]", '{"at": "x"}', '{"at": "x", "homes": {"ada": 3}}'):
        (tmp_path / "usage.json").write_text(text)
        assert stored_usage(tmp_path) is None


def test_measuring_in_the_background_ends_with_a_result(tmp_path: Path) -> None:
    folder = make_homes(tmp_path, {"ada": {"a": "x"}})
    assert start_measuring(folder).wait(30) == 0
    assert stored_usage(folder) is not None


def test_measuring_gives_way_to_other_work() -> None:
    code = (
        "import os; from hubfleet.platforms.local.homes.priority import give_way\n"
        "give_way(); print(os.nice(0))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert said.stdout == b"19\n"


def test_a_measurement_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    folder = make_homes(tmp_path, {"ada": {"a": "x"}})
    assert measure_home_apart(folder, 1, seconds=0.001) is None


def test_a_damaged_map_is_an_error_and_not_a_guess(tmp_path: Path) -> None:
    (tmp_path / "homes.json").write_text("{")
    with pytest.raises(HubfleetError, match="homes-map-damaged"):
        measure_hub(tmp_path)
    with pytest.raises(HubfleetError, match="homes-not-measured"):
        measure_hub_apart(tmp_path)

"""A hub that people work on goes elsewhere with one command, and everything is there and opens."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hubfleet.platforms.local.homes.people import numbers_of
from hubfleet.replicate.data.databases import everybody
from tests.fleets import write_fleet
from tests.integration.people import Person
from tests.places import LocalPlace, local_place, until
from tests.unit.replicate.bundles import NEW_FLEET, contents, write_hub

pytestmark = pytest.mark.integration

NOTEBOOK = {
    "cells": [
        {
            "cell_type": "code",
            "execution_count": 1,
            "id": "one",
            "metadata": {},
            "source": "6 * 7",
            "outputs": [
                {
                    "output_type": "execute_result",
                    "execution_count": 1,
                    "metadata": {},
                    "data": {"text/plain": "42"},
                }
            ],
        }
    ],
    "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}
WRITE = f"""
import json, os, threading, time
json.dump({NOTEBOOK!r}, open("answer.ipynb", "w"))
os.makedirs("data", exist_ok=True)
open("data/result.csv", "w").write("a,b\\n1,2\\n")
def work():
    while True:
        open("busy.log", "a").write("x" * 100)
        time.sleep(0.005)
threading.Thread(target=work, daemon=True).start()
print("written")
"""


@pytest.fixture(scope="module")
def left(tmp_path_factory):
    """The bundle of a hub on which somebody works all the while, and where it was."""
    folder = tmp_path_factory.mktemp("left")
    write_fleet(folder / "fleet", {"reef/prod": {"groups": {"crew": ["bo"]}}})
    with local_place(folder / "state") as place:
        done = place.run("apply", "--yes", "--quiet", fleet=folder / "fleet")
        assert done.returncode == 0, done.stderr
        with Person(place, "reef/prod", "bo") as bo:
            bo.start_server()
            assert bo.run(WRITE) == "written"
            bundle = folder / "reef.tar.zst"
            told = place.json(
                *("replicate", "export", "reef/prod", "--to", str(bundle)),
                *("--with-database", "--with-homes", "--with-shared"),
                fleet=folder / "fleet",
            )
            assert bo.run("print(6 * 7)") == "42", "the export disturbed who worked"
            bo.stop_server()
    return bundle, told


def test_the_export_says_what_it_holds(left):
    bundle, told = left
    assert told["hubs"] == ["prod"]
    assert told["bundle"] == str(bundle)
    held = contents(bundle)
    assert {"hubs/prod/hub.sqlite", "hubs/prod/homes/1.tar", "hubs/prod/shared.tar"} <= held.keys()
    manifest = json.loads(held["manifest.json"])
    assert manifest["hubs"]["prod"]["homes"] == {"bo": 1}
    assert manifest["hubs"]["prod"]["users"] == ["ada", "bo", "cy"]


def test_everything_is_there_and_opens_after_the_import(left, tmp_path):
    bundle, _ = left
    fleet = tmp_path / "fleet"
    fleet.mkdir()
    (fleet / "fleet.yaml").write_text(NEW_FLEET)
    with local_place(tmp_path / "state") as place:
        options = ("--into", str(fleet), "--cluster", "here", "--as", "atoll/main")
        done = place.run(
            "replicate", "import", str(bundle), *options, "--map", "bo=bonnie", "--restore-data"
        )
        assert done.returncode == 0, done.stderr
        done = place.run("apply", "--yes", "--quiet", fleet=fleet)
        assert done.returncode == 0, done.stderr
        with Person(place, "atoll/main", "bonnie") as bonnie:
            bonnie.start_server()
            assert bonnie.run("print(open('data/result.csv').read())") == "a,b\n1,2"
            opened = bonnie.run(
                "import nbformat; n = nbformat.read('answer.ipynb', 4); nbformat.validate(n);"
                "print(n.cells[0].source, n.cells[0].outputs[0].data['text/plain'])"
            )
            assert opened == "6 * 7 42"
            bonnie.stop_server()
        people = everybody(place.state.hub("atoll/main").database)
    assert "bonnie" in people["groups"]["crew"]
    assert {"ada", "bonnie", "cy"} <= set(people["users"])


@pytest.mark.parametrize("how", ["hubfleet", "plain"])
def test_a_copy_stands_and_keeps_its_promises(left, how, tmp_path, monkeypatch):
    """With `plain` nothing of hubfleet can be imported where the copy runs."""
    bundle, _ = left
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "hubfleet",
            "replicate",
            "verify",
            str(bundle),
            "--with",
            how,
            "--json",
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (hub,) = json.loads(done.stdout)["hubs"]
    checks = {check["check"]: check["outcome"] for check in hub["checks"]}
    assert set(checks.values()) == {"same"}, checks
    assert {"probe", "sign-in", "users", "admins", "groups", "data"} <= checks.keys()
    assert not list(tmp_path.glob("hubfleet-verify-*")), "the copy was not taken away"
    assert running_below(tmp_path) == []


def running_below(folder: Path) -> list[str]:
    """Processes of a copy that go on."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_bytes()
            command = (process / "cmdline").read_bytes()
        except OSError:
            continue
        if int(process.name) != os.getpid() and os.fsencode(folder / "hubfleet-verify") in (
            environment + command
        ):
            found.append(command.decode(errors="replace"))
    return found


def killed_at(place: LocalPlace, arguments: list[str], when, fleet: Path | None = None) -> None:
    """Run the command and kill it once `when` holds."""
    environment = {**os.environ, "HUBFLEET_STATE": str(place.state.path)}
    if fleet:
        environment["HUBFLEET_FLEET"] = str(fleet)
    process = subprocess.Popen(
        [sys.executable, "-m", "hubfleet", *arguments],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: when() or process.poll() is not None, "the command to be half way")
        assert process.poll() is None, "it ended before it could be killed"
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def test_a_killed_export_and_a_killed_import_go_on_where_they_were(tmp_path):
    fleet = tmp_path / "fleet"
    write_fleet(fleet, {"reef/prod": {}})
    with local_place(tmp_path / "state") as place:
        people = {f"p{number}": {"big": os.urandom(500_000)} for number in range(40)}
        write_hub(place.state, "reef/prod", people)
        bundle = tmp_path / "reef.tar.zst"
        command = ["replicate", "export", "reef/prod", "--to", str(bundle), "--with-homes"]
        parts = tmp_path / "reef.tar.zst.unfinished" / "parts" / "hubs" / "prod" / "homes"
        killed_at(place, command, (parts / "3.tar.zst").exists, fleet)
        assert not bundle.exists()
        told = place.json(*command, fleet=fleet)
        assert told["resumed"] >= 3
        assert not parts.exists()
        whole = place.json(*command[:4], str(tmp_path / "whole"), "--with-homes", fleet=fleet)
        assert whole["resumed"] == 0
        assert contents(bundle) == contents(tmp_path / "whole")
    new = tmp_path / "new"
    new.mkdir()
    (new / "fleet.yaml").write_text(NEW_FLEET)
    with local_place(tmp_path / "new-state") as place:
        command = ["replicate", "import", str(bundle), "--into", str(new), "--cluster", "here"]
        command.append("--restore-data")
        folder = place.state.hub("reef/prod")
        killed_at(place, command, (folder.homes / "2").exists)
        assert not (new / "communities").exists()
        done = place.run(*command)
        assert done.returncode == 0, done.stderr
        numbers = numbers_of(folder.path)
        for person, files in people.items():
            home = folder.homes / str(numbers[person])
            assert (home / "big").read_bytes() == files["big"]
        assert len(list(folder.homes.iterdir())) == len(people)
        assert not list(folder.path.glob(".restoring*"))

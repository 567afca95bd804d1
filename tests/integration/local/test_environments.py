"""Environments built for real, killed in the middle, and on a disk that is full."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hubfleet.kit.errors import HubfleetError
from hubfleet.platforms.local.environments import EnvironmentStore

pytestmark = pytest.mark.integration

SMALL = ["tomli"]

BUILD = (
    "import sys, pathlib\n"
    "from hubfleet.platforms.local.environments import EnvironmentStore\n"
    "store = EnvironmentStore(pathlib.Path(sys.argv[1]))\n"
    "print(store.build(sys.argv[2:], None, lambda phase: print(phase, flush=True)), flush=True)\n"
)


def builder(folder: Path, *packages: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", BUILD, str(folder), *packages], stdout=subprocess.PIPE, text=True
    )


def test_an_environment_has_its_packages_and_a_kernel_of_its_own(tmp_path):
    store = EnvironmentStore(tmp_path)
    phases: list[str] = []
    path = store.build(SMALL, None, phases.append)
    assert phases == ["resolving packages", "installing packages"]
    assert path is not None
    python = path / "bin" / "python"
    code = "import tomli, ipykernel; print(tomli.__file__)"
    found = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout
    assert found.startswith(str(path))
    spec = json.loads((path / "share/jupyter/kernels/python3/kernel.json").read_text())
    assert spec["argv"][0] == str(python)
    assert "--hash=sha256:" in (tmp_path / "locks" / f"{path.name}.txt").read_text()
    assert (tmp_path / "logs" / f"{path.name}.log").is_file()

    assert store.build(["TOMLI", "tomli"], None, phases.append) == path
    assert store.existing(SMALL) == path
    assert len(phases) == 2

    (path / "hubfleet-environment.json").unlink()
    (path / "half-built").touch()
    assert store.existing(SMALL) is None
    assert store.build(SMALL, None, phases.append) == path
    assert phases[2:] == ["installing packages"], "the lock is used again"
    assert not (path / "half-built").exists()

    assert store.remove_unused({path}) == []
    assert store.remove_unused(set()) == [path]
    assert store.existing(SMALL) is None


def test_of_two_builders_at_once_one_builds_and_the_other_reuses(tmp_path):
    both = [builder(tmp_path, *SMALL), builder(tmp_path, *SMALL)]
    said = [one.communicate(timeout=120)[0].splitlines() for one in both]
    assert said[0][-1] == said[1][-1]
    assert sum("installing packages" in lines for lines in said) == 1


def test_a_build_that_was_killed_is_never_used(tmp_path):
    store = EnvironmentStore(tmp_path)
    with builder(tmp_path, *SMALL) as killed:
        assert killed.stdout is not None
        while killed.stdout.readline() != "installing packages\n":
            assert killed.poll() is None
        deadline = time.monotonic() + 30
        while not list(tmp_path.glob("env-*/*")) and time.monotonic() < deadline:
            pass
        os.kill(killed.pid, signal.SIGKILL)
    assert store.existing(SMALL) is None
    path = store.build(SMALL, None, lambda _: None)
    assert path is not None
    assert store.existing(SMALL) == path


def test_a_full_disk_is_said_and_leaves_nothing_half_built(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        store = EnvironmentStore(disk / "environments")
        with pytest.raises(HubfleetError) as caught:
            store.build(SMALL, None, lambda _: None)
        assert caught.value.problems[0].code == "disk-full"
        assert not list(disk.glob("environments/env-*"))
        assert store.existing(SMALL) is None
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_an_index_that_is_down_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    with pytest.raises(HubfleetError) as caught:
        EnvironmentStore(tmp_path / "store").build(SMALL, None, lambda _: None)
    assert caught.value.problems[0].code == "package-index-unreachable"


def test_a_python_that_is_not_here_is_said(tmp_path):
    with pytest.raises(HubfleetError) as caught:
        EnvironmentStore(tmp_path).build(SMALL, "3.99", lambda _: None)
    assert caught.value.problems[0].code == "python-not-available"
    assert not list(tmp_path.glob("env-*"))

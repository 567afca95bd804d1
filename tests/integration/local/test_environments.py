"""Environments built for real, killed in the middle, and on a disk that is full."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from hubfleet.fleet.lockfile import read_lock, write_lock
from hubfleet.fleet.software import HubEnvironment, Lock, Recipe
from hubfleet.kit.errors import HubfleetError, Place
from hubfleet.platforms.local.environments import EnvironmentStore
from tests.places import until

pytestmark = pytest.mark.integration

PLACE = Place("communities/reef/hubs/prod.yaml", 2, 1)

BUILD = (
    "import sys, pathlib\n"
    "from hubfleet.fleet.software import HubEnvironment, Recipe\n"
    "from hubfleet.kit.errors import Place\n"
    "from hubfleet.platforms.local.environments import EnvironmentStore\n"
    "store = EnvironmentStore(pathlib.Path(sys.argv[1]))\n"
    "wanted = HubEnvironment('', Place('x'), Recipe(tuple(sys.argv[2:])))\n"
    "print(store.build(wanted, lambda phase: print(phase, flush=True)), flush=True)\n"
)


def asked(*packages: str, python: str | None = None, lock: Lock | None = None) -> HubEnvironment:
    return HubEnvironment("", PLACE, Recipe(packages, python=python), lock=lock)


SMALL = asked("tomli")


def quiet(_: str) -> None:
    pass


def builder(folder: Path, *packages: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", BUILD, str(folder), *packages], stdout=subprocess.PIPE, text=True
    )


def compiled(store: EnvironmentStore, path: Path) -> bool:
    """Whether nobody writes to the environment any more."""
    with store._busy(path) as free:
        return free


def test_an_environment_has_its_packages_and_a_kernel_of_its_own(tmp_path):
    store = EnvironmentStore(tmp_path)
    phases: list[str] = []
    path = store.build(SMALL, phases.append)
    assert phases == ["resolving packages", "installing packages"]
    python = path / "bin" / "python"
    code = "import tomli, ipykernel; print(tomli.__file__)"
    found = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout
    assert found.startswith(str(path))
    spec = json.loads((path / "share/jupyter/kernels/python3/kernel.json").read_text())
    assert spec["argv"][0] == str(python)
    assert "--hash=sha256:" in store.lock_of(path).read_text()
    assert store.log_of(path).is_file()

    assert store.build(asked("TOMLI", "tomli"), phases.append) == path
    assert store.existing(SMALL) == path
    assert len(phases) == 2

    until(lambda: compiled(store, path), "the compiler")
    assert list(path.glob("lib/python3.*/site-packages/tomli/__pycache__/*.pyc"))
    store.record_of(path).unlink()
    (path / "half-built").touch()
    assert store.existing(SMALL) is None
    assert store.build(SMALL, phases.append) == path
    assert phases[2:] == ["installing packages"], "the lock is used again"
    assert not (path / "half-built").exists()

    until(lambda: compiled(store, path), "the compiler")
    assert store.remove_unused({path}) == []
    assert store.remove_unused(set(), dry_run=True) == [path]
    assert store.existing(SMALL) == path
    assert store.remove_unused(set()) == [path]
    assert store.existing(SMALL) is None


def test_a_reviewed_lock_is_what_is_installed(tmp_path):
    store = EnvironmentStore(tmp_path)
    resolved, python = store.resolve(asked("tomli==2.0.1"), quiet)
    text = write_lock(resolved, basis=SMALL.lock_basis, python=python, command="hubfleet")
    lock = read_lock(text, "prod.lock")
    assert isinstance(lock, Lock)
    path = store.build(asked("tomli", lock=lock), quiet)
    assert list(path.glob("lib/*/site-packages/tomli-2.0.1.dist-info"))
    assert store.existing(SMALL) is None, "another environment than the one without the lock"
    until(lambda: compiled(store, path), "the compiler")


def test_of_two_builders_at_once_one_builds_and_the_other_reuses(tmp_path):
    both = [builder(tmp_path, "tomli"), builder(tmp_path, "tomli")]
    said = [one.communicate(timeout=120)[0].splitlines() for one in both]
    assert said[0][-1] == said[1][-1]
    assert sum("installing packages" in lines for lines in said) == 1
    until(lambda: compiled(EnvironmentStore(tmp_path), Path(said[0][-1])), "the compiler")


def test_a_build_that_was_killed_is_never_used(tmp_path):
    store = EnvironmentStore(tmp_path)
    with builder(tmp_path, "tomli") as killed:
        assert killed.stdout is not None
        while killed.stdout.readline() != "installing packages\n":
            assert killed.poll() is None
        until(lambda: list(tmp_path.glob("env-*/*")), "files of the environment")
        os.kill(killed.pid, signal.SIGKILL)
    path = store.build(SMALL, quiet)
    assert store.existing(SMALL) == path
    until(lambda: compiled(store, path), "the compiler")


def test_a_full_disk_is_said_and_leaves_nothing_half_built(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        store = EnvironmentStore(disk / "environments")
        with pytest.raises(HubfleetError) as caught:
            store.build(SMALL, quiet)
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
        EnvironmentStore(tmp_path / "store").build(SMALL, quiet)
    assert caught.value.problems[0].code == "package-index-unreachable"


def test_a_python_that_is_not_here_is_said(tmp_path):
    with pytest.raises(HubfleetError) as caught:
        EnvironmentStore(tmp_path).build(asked("tomli", python="3.99"), quiet)
    assert caught.value.problems[0].code == "python-not-available"
    assert not list(tmp_path.glob("env-*"))


@pytest.fixture
def index(tmp_path: Path) -> Iterator[str]:
    """A package index with one package, whose only version was yanked."""
    folder = tmp_path / "index" / "simple" / "reefkit"
    folder.mkdir(parents=True)
    wheel = "reefkit-1.0-py3-none-any.whl"
    page = f'<a href="{wheel}" data-yanked="it lost data">{wheel}</a>'
    (folder / "index.html").write_text(f"<!DOCTYPE html><html><body>{page}</body></html>")

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    root = str(tmp_path / "index")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=root)) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/simple"
        server.shutdown()
        thread.join()


def test_a_package_that_was_yanked_is_said(tmp_path, index, monkeypatch):
    monkeypatch.setenv("UV_INDEX", index)
    monkeypatch.setenv("UV_NO_CACHE", "1")
    with pytest.raises(HubfleetError) as caught:
        EnvironmentStore(tmp_path / "store").build(asked("reefkit>=1"), quiet)
    problem = caught.value.problems[0]
    assert problem.code == "package-yanked"
    assert problem.what == "a package was withdrawn by its authors"
    assert "reefkit==1.0 was yanked (reason: it lost data)" in problem.why


def test_constraints_hold(tmp_path):
    recipe = Recipe(("tomli",), constraints=("tomli<2.0.2",))
    resolved, _ = EnvironmentStore(tmp_path).resolve(HubEnvironment("", PLACE, recipe), quiet)
    assert "tomli==2.0.1" in resolved

"""What a bundle brings for people without hubfleet: its programs and its configuration work."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from traitlets.config import Config

from hubfleet.fleet.load import load_fleet
from hubfleet.platforms.local.folders import StateFolder
from tests.fleets import write_fleet
from tests.unit.replicate.bundles import exported, write_hub
from tests.unit.replicate.test_bundle_software import locked

OWN = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hub with homes, a shared folder and a lock."""
    folder = tmp_path_factory.mktemp("plain")
    values = {"environment": {"packages": ["six"], "python": OWN}}
    write_fleet(folder / "fleet", {"reef/prod": values})
    locked(folder / "fleet", "communities/reef/hubs/prod.lock", python=OWN)
    state = StateFolder(folder / "state")
    write_hub(state, "reef/prod", {"bo": {"a.txt": b"mine"}, "cy": {"b.txt": b"hers"}})
    exported(load_fleet(folder / "fleet"), ("reef/prod",), folder / "bundle", state)
    return folder / "bundle"


def run(program: Path, *words: Path, path: str = "/usr/bin:/bin") -> Any:
    """A program of the bundle, where nothing but Python is."""
    return subprocess.run(
        [sys.executable, "-I", str(program), *map(str, words)],
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": path},
        check=False,
        timeout=120,
    )


def copied(bundle: Path, folder: Path) -> tuple[Path, Path]:
    """The hub's folder with its software alone, to be changed, and that of its environment."""
    software = folder / "prod/environment/default"
    software.mkdir(parents=True)
    for file in (bundle / "hubs/prod/environment/default").iterdir():
        (software / file.name).write_bytes(file.read_bytes())
    return folder / "prod", software


def test_software_for_another_python_says_which(bundle: Path, tmp_path: Path) -> None:
    assert (bundle / "hubs/prod/environment/default/runtime.txt").read_text() == f"python-{OWN}\n"
    hub, software = copied(bundle, tmp_path)
    (software / "runtime.txt").write_text("python-9.9\n")
    done = run(bundle / "make_environments.py", hub, tmp_path / "made")
    assert (done.returncode, done.stderr) == (
        1,
        "install python9.9 first: default was locked for it\n",
    )
    beside = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    done = run(bundle / "make_environments.py", hub, tmp_path / "made", path=beside)
    assert done.returncode == 1 and "No interpreter found" in done.stderr and "9.9" in done.stderr


def test_homes_come_below_their_owners_and_shared_folders_beside(
    bundle: Path, tmp_path: Path
) -> None:
    homes = tmp_path / "homes"
    (homes / "cy").mkdir(parents=True)
    done = run(bundle / "restore_homes.py", bundle / "hubs/prod", homes)
    assert done.stdout.splitlines() == ["restored: bo", "left alone: cy", "restored: shared"]
    assert (homes / "bo/a.txt").read_text() == "mine"
    assert list((homes / "cy").iterdir()) == []
    assert (tmp_path / "shared/data.csv").read_text() == "a,b\n1,2\n"


def test_what_would_lead_out_of_a_shared_folder_is_not_unpacked(
    bundle: Path, tmp_path: Path
) -> None:
    hub = tmp_path / "hubs/prod"
    hub.mkdir(parents=True)
    (tmp_path / "manifest.json").write_text('{"hubs": {"prod": {"homes": {}}}}')
    with tarfile.open(hub / "shared.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo("../../out.txt"))
    done = run(bundle / "restore_homes.py", hub, tmp_path / "there/homes")
    assert done.returncode == 1 and "OutsideDestinationError" in done.stderr
    assert not (tmp_path / "out.txt").exists()


def configured(bundle: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """What the bundle's configuration says, where it lies in this folder."""
    for name in ("jupyterhub_config.py", "people.json"):
        (folder / name).write_bytes((bundle / "hubs/prod/plain" / name).read_bytes())
    config = Config()
    for name in ("HUB_PASSWORD", "HUB_ADMIN_PASSWORD"):
        monkeypatch.setenv(name, "x")
    file = folder / "jupyterhub_config.py"
    names = {"get_config": lambda: config, "__file__": str(file)}
    exec(compile(file.read_text(), str(file), "exec"), names)
    return config


def test_notebooks_run_in_the_software_that_was_made_the_default_first(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = configured(bundle, tmp_path, monkeypatch)
    assert "environment" not in bare.Spawner or not bare.Spawner.environment.to_dict()
    for name in ("a-first", "default", "z-last"):
        (tmp_path / "environments" / name / "share/jupyter").mkdir(parents=True)
    config = configured(bundle, tmp_path, monkeypatch)
    folders = config.Spawner.environment.to_dict()["update"]["JUPYTER_PATH"].split(os.pathsep)
    assert [Path(folder).parts[-3] for folder in folders] == ["default", "a-first", "z-last"]


def test_people_find_shared_folders_below_their_homes(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = configured(bundle, tmp_path, monkeypatch).Spawner.pre_spawn_hook
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared/data.csv").write_text("x")
    (tmp_path / "homes/cy/shared").mkdir(parents=True)
    (tmp_path / "homes/dee/shared").mkdir(parents=True)
    (tmp_path / "homes/dee/shared/own.txt").write_text("hers")
    for name in ("bo", "cy", "dee", "bo"):
        link(SimpleNamespace(user=SimpleNamespace(name=name)))
    assert (tmp_path / "homes/bo/shared/data.csv").read_text() == "x"
    assert (tmp_path / "homes/cy/shared/data.csv").read_text() == "x"
    assert (tmp_path / "homes/dee/shared/own.txt").read_text() == "hers"
    assert not (tmp_path / "homes/bo/shared-readwrite").exists()

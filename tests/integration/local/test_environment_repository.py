"""Repositories that bring code: it runs behind walls, within bounds, or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hubfleet.fleet.repository import read_repository
from hubfleet.fleet.software import HubEnvironment
from hubfleet.fleet.trees import FolderTree
from hubfleet.kit.errors import HubfleetError, Place, Problem
from hubfleet.platforms.local import environment_sandbox, environments
from hubfleet.platforms.local.environment_sandbox import Bounds
from hubfleet.platforms.local.environment_trial import try_environment
from hubfleet.platforms.local.environments import EnvironmentStore
from hubfleet.platforms.local.sandbox import Sandbox, find_sandbox

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(find_sandbox().program is None, reason="needs bubblewrap"),
]

PLACE = Place("communities/reef/hubs/prod.yaml", 2, 1)


@pytest.fixture
def store(tmp_path: Path) -> EnvironmentStore:
    """The store of a state folder that holds something worth stealing."""
    secret = tmp_path / "state" / "hubs" / "reef" / "prod" / "secrets.json"
    secret.parent.mkdir(parents=True)
    secret.write_text("canary")
    return EnvironmentStore(
        tmp_path / "state" / "environments", bounds=Bounds(seconds=60, disk=300_000_000)
    )


def repository(folder: Path, **files: str) -> HubEnvironment:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    recipe, problems = read_repository(FolderTree(folder), "environment/")
    assert problems == []
    return HubEnvironment("", PLACE, recipe, folder=folder)


def build(store: EnvironmentStore, wanted: HubEnvironment) -> Path:
    return store.build(wanted, lambda _: None)


def refused(store: EnvironmentStore, wanted: HubEnvironment) -> Problem:
    """Why it cannot be built; nothing of it may be left."""
    with pytest.raises(HubfleetError) as caught:
        build(store, wanted)
    assert not list(store.folder.glob("env-*"))
    assert not list((store.folder / "scratch").iterdir())
    assert store.existing(wanted) is None
    return caught.value.problems[0]


def test_postBuild_works_in_a_copy_of_the_repository_and_on_the_environment(tmp_path, store):
    script = (
        "#!/bin/bash\nset -e\necho from-postBuild\ncp data.csv $NB_PYTHON_PREFIX/share/\n"
        "echo changed > data.csv\npython -c 'import ipykernel' && pip --version\n"
    )
    wanted = repository(
        tmp_path / "repo",
        postBuild=script,
        data_csv="1,2\n",
        runtime_txt="python-3.11"
        if sys.version_info[:2] == (3, 11)
        else f"python-3.{sys.version_info[1]}",
    )
    path = build(store, wanted)
    assert (path / "share" / "data.csv").read_text() == "1,2\n"
    assert (tmp_path / "repo" / "data.csv").read_text() == "1,2\n", "only a copy was changed"
    assert "from-postBuild" in store.log_of(path).read_text()
    assert not list((store.folder / "scratch").iterdir())


def test_what_a_postBuild_says_is_told_while_it_runs(tmp_path, store):
    lines = "".join(f"echo 'step {n} \033[31m'; sleep 0.7\n" for n in range(3))
    wanted = repository(tmp_path / "repo", postBuild=f"#!/bin/bash\n{lines}")
    told: list[str] = []
    store.build(wanted, told.append)
    assert "running postBuild" in told
    said = [line for line in told if line.startswith("running postBuild: ")]
    # At least one before the end, and nothing that could move a terminal's cursor.
    assert said
    assert set(said) <= {f"running postBuild: step {n} \\x1b[31m" for n in range(3)}


def test_files_that_postBuild_writes_to_are_not_those_of_other_environments(tmp_path, store):
    script = 'echo "x=1" >> "$NB_PYTHON_PREFIX"/lib/*/site-packages/tomli/__init__.py\n'
    first = build(store, repository(tmp_path / "one", requirements_txt="tomli", postBuild=script))
    second = build(store, repository(tmp_path / "two", requirements_txt="tomli", postBuild="true"))
    texts = [
        next(p.glob("lib/*/site-packages/tomli/__init__.py")).read_text() for p in (first, second)
    ]
    assert texts[0].endswith("x=1\n")
    assert not texts[1].endswith("x=1\n")


def test_postBuild_sees_neither_the_state_nor_the_rest_of_the_machine(tmp_path, store):
    state = tmp_path / "state"
    script = (
        f"cat {state}/hubs/reef/prod/secrets.json && exit 1\n"
        f"ls {tmp_path}/repo && exit 2\n"
        f"echo x > {state}/environments/locks/mine && exit 3\n"
        "echo x > /usr/mine && exit 4\n"
        f"ls {Path.home()}/.ssh && exit 5\n"
        "env | grep -i -E 'secret|token|passw|uv_default' && exit 6\n"
        "exit 0\n"
    )
    wanted = repository(tmp_path / "repo", postBuild=script)
    path = build(store, wanted)
    assert "canary" not in store.log_of(path).read_text()


def test_a_postBuild_that_fails_is_told_with_its_last_line(tmp_path, store):
    wanted = repository(tmp_path / "repo", postBuild="echo no data today\nexit 7\n")
    problem = refused(store, wanted)
    assert str(problem) == (
        "error[script-failed]: `postBuild` failed (exit code 7)\n"
        "  --> communities/reef/hubs/prod.yaml:2:1\n"
        "  why: its last line: no data today\n"
        f"  hint: see {next(store.folder.glob('logs/env-*.log'))}; "
        "mend the script, then run the same command again"
    )


def test_a_postBuild_that_hangs_is_stopped_with_all_it_started(tmp_path, store):
    hanging = EnvironmentStore(store.folder, bounds=Bounds(seconds=2))
    mark = f"7{os.getpid()}"
    script = f"sleep {mark} &\nsetsid sleep {mark} &\nsleep {mark}\n"
    problem = refused(hanging, repository(tmp_path / "repo", postBuild=script))
    assert problem.code == "script-timeout"
    assert problem.what == "`postBuild` did not end within 2 seconds"
    running = subprocess.run(["pgrep", "-f", f"^sleep {mark}"], capture_output=True, check=False)
    assert running.stdout == b""


_MANY = "for i in $(seq 40); do head -c 20000000 /dev/zero >"


@pytest.mark.parametrize(
    "script",
    [
        "head -c 900000000 /dev/zero > big\n",
        f"{_MANY} big$i; sleep 0.2; done\n",
        f'{_MANY} "$NB_PYTHON_PREFIX/$i"; sleep 0.2; done\n',
    ],
    ids=["one-file", "many-files", "in-the-environment"],
)
def test_a_postBuild_that_fills_the_disk_is_stopped(tmp_path, store, script):
    problem = refused(store, repository(tmp_path / "repo", postBuild=script))
    assert problem.code == "script-too-large"
    assert problem.what == "`postBuild` wrote more than 286 MB"


def test_a_postBuild_cannot_show_people_other_folders_as_their_python(tmp_path, store):
    target = tmp_path / "state" / "hubs" / "bin" / "python"
    script = f'ln -sfn {target} "$NB_PYTHON_PREFIX/bin/python"\n'
    problem = refused(store, repository(tmp_path / "repo", postBuild=script))
    assert problem.code == "interpreter-replaced"


def test_a_postBuild_cannot_make_us_write_elsewhere(tmp_path, store):
    victim = tmp_path / "state" / "victim"
    script = (
        'cd "$NB_PYTHON_PREFIX"\n'
        f"rm -rf share/jupyter && ln -s {victim} share/jupyter\n"
        f"ln -s {victim} hubfleet-environment.json\n"
    )
    build(store, repository(tmp_path / "repo", postBuild=script))
    assert not os.path.lexists(victim)


def test_without_bubblewrap_nothing_of_a_repository_runs(tmp_path, store, monkeypatch):
    for module in (environments, environment_sandbox):
        monkeypatch.setattr(module, "find_sandbox", lambda: Sandbox(None, "bwrap is not there"))
    problem = refused(store, repository(tmp_path / "repo", postBuild="true"))
    assert problem.code == "no-sandbox"
    assert problem.what == "`postBuild` is not run on this machine"


def test_a_project_of_its_own_is_installed_in_the_sandbox(tmp_path, store):
    backend = (
        "import zipfile\n"
        "def build_wheel(folder, config=None, metadata=None):\n"
        "    name = 'reefkit-1.0-py3-none-any.whl'\n"
        "    with zipfile.ZipFile(f'{folder}/{name}', 'w') as z:\n"
        "        z.writestr('reefkit.py', 'depth = 7')\n"
        "        i = 'reefkit-1.0.dist-info/'\n"
        "        about = 'Metadata-Version: 2.1\\nName: reefkit\\nVersion: 1.0\\n'\n"
        "        z.writestr(i + 'METADATA', about)\n"
        "        kind = 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n'\n"
        "        z.writestr(i + 'WHEEL', kind)\n"
        "        z.writestr(i + 'RECORD', '')\n"
        "    return name\n"
    )
    project = (
        '[build-system]\nrequires = []\nbuild-backend = "mine"\nbackend-path = ["."]\n'
        '[project]\nname = "reefkit"\nversion = "1.0"\ndependencies = ["tomli"]\n'
    )
    wanted = repository(tmp_path / "repo", pyproject_toml=project, mine_py=backend)
    assert wanted.recipe is not None
    assert wanted.recipe.project
    path = build(store, wanted)
    code = "import reefkit, tomli; print(reefkit.depth)"
    done = subprocess.run([path / "bin" / "python", "-c", code], capture_output=True, check=True)
    assert done.stdout == b"7\n"


def test_a_repository_that_changes_under_the_build_is_not_built(tmp_path, store):
    wanted = repository(tmp_path / "repo", postBuild="true", data_csv="1")
    (tmp_path / "repo" / "data.csv").write_text("2")
    assert refused(store, wanted).code == "repository-changed"


def test_start_lies_ready_in_the_environment(tmp_path, store):
    path = build(store, repository(tmp_path / "repo", start='export DEPTH=7\nexec "$@"\n'))
    done = subprocess.run(
        [path / "hubfleet" / "start", "printenv", "DEPTH"], capture_output=True, check=True
    )
    assert done.stdout == b"7\n"


NOTEBOOK = (
    '{"cells": [{"cell_type": "code", "id": "a", "metadata": {}, "outputs": [],'
    ' "execution_count": null, "source": "CODE"}], "metadata": {}, "nbformat": 4,'
    ' "nbformat_minor": 5}'
)


def test_notebooks_and_imports_are_tried_in_the_environment(tmp_path, store):
    good = NOTEBOOK.replace("CODE", "import tomli; assert 'env-' in tomli.__file__")
    bad = NOTEBOOK.replace("CODE", "1 / 0")
    folder = tmp_path / "repo"
    wanted = repository(folder, requirements_txt="tomli", good_ipynb=good, deep__bad_ipynb=bad)
    path = build(store, wanted)
    assert wanted.recipe is not None
    trials = try_environment(store, wanted, wanted.recipe, path, ())
    assert [(one.name, one.passed) for one in trials] == [
        ("deep/bad.ipynb", False),
        ("good.ipynb", True),
    ]
    assert "ZeroDivisionError" in trials[0].why
    (folder / "good.ipynb").unlink()
    (folder / "deep" / "bad.ipynb").unlink()
    trials = try_environment(store, wanted, wanted.recipe, path, ())
    assert [(one.name, one.why) for one in trials] == [("tomli", "")]
    with pytest.raises(HubfleetError, match="has no notebook"):
        try_environment(store, wanted, wanted.recipe, path, ["../secret.ipynb"])

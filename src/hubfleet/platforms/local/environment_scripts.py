"""What an environment has beside packages: its kernels, and the scripts of its repository."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path

from hubfleet.fleet.software import HubEnvironment, Recipe
from hubfleet.fleet.trees import FolderTree, TreeError
from hubfleet.kit.digest import digest
from hubfleet.kit.errors import failure
from hubfleet.kit.files import write_atomically
from hubfleet.platforms.local.environment_sandbox import (
    Apart,
    Bounds,
    copy_repository,
    run_apart,
)

START = Path("hubfleet", "start")
"""Where in an environment the script lies that starts people's servers."""


def name_kernel(path: Path) -> None:
    """Points the kernel at this environment whatever is on people's PATH."""
    _write_kernel(path / "share" / "jupyter" / "kernels" / "python3", path, "Python 3 (ipykernel)")


def kernels_of(store: Path, environments: Mapping[str, Path]) -> Path | None:
    """A folder for `JUPYTER_PATH` with a kernel for each name; None for no names.

    Named by its content, so that hubs with the same kernels share one, and never changed.
    """
    if not environments:
        return None
    named = {name: str(path) for name, path in sorted(environments.items())}
    folder = store / f"kernels-{digest(named)[:32]}"
    for name, path in environments.items():
        kernel = folder / "kernels" / name
        if not (kernel / "kernel.json").is_file():
            _write_kernel(kernel, path, name)
    return folder


def _write_kernel(folder: Path, environment: Path, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    spec = {
        "argv": [
            str(environment / "bin" / "python"),
            "-Xfrozen_modules=off",
            "-m",
            "ipykernel_launcher",
            "-f",
            "{connection_file}",
        ],
        "display_name": name,
        "language": "python",
        "metadata": {"debugger": True},
    }
    # Replaced, never written in place: the file may be a hard link into uv's cache.
    write_atomically(folder / "kernel.json", json.dumps(spec, indent=1) + "\n", mode=0o644)


def add_start(path: Path, script: bytes) -> None:
    """The repository's `start`, as a program."""
    target = path / START
    target.parent.mkdir(exist_ok=True)
    # Without a first line that names its interpreter the kernel would not run it.
    target.write_bytes(script if script.startswith(b"#!") else b"#!/bin/bash\n" + script)
    target.chmod(0o755)


def start_command(environment: Path | None) -> list[str]:
    """What stands before the command of a person's server; the script runs it with `"$@"`."""
    if environment is None or not (environment / START).is_file():
        return []
    return [str(environment / START)]


def run_repository(
    path: Path,
    wanted: HubEnvironment,
    recipe: Recipe,
    scratch: Path,
    state: Path,
    log: Path,
    bounds: Bounds,
    report: Callable[[str], None],
) -> None:
    """Install the repository's project and run its `postBuild`, in a copy of the repository.

    What they change in the environment stays; what they leave in their home does not.
    """
    assert wanted.folder is not None
    what = what_runs(recipe)
    run = Apart(what, path, scratch, state, log, bounds, wanted.place, changes=True, report=report)
    copy_repository(wanted.folder, run.home)
    try:
        same = FolderTree(run.home).digests() == dict(recipe.tree)
    except TreeError:
        same = False
    if not same:
        raise failure(
            "repository-changed",
            "the repository changed while its environment was built",
            place=wanted.place,
            hint="run the same command again",
        )
    before = _interpreter(path)
    lines = []
    if recipe.project:
        python = shlex.quote(str(path / "bin" / "python"))
        lines.append(f"uv pip install --no-deps --python {python} .")
    for script in recipe.read:
        if Path(script).name == "postBuild":
            lines += [f"chmod +x {shlex.quote(script)}", f"./{shlex.quote(script)}"]
    report(f"running {what.strip('`')}")
    run_apart(run, "\n".join(lines) + "\n")
    if _interpreter(path) != before:
        # People's sandboxes show them what the interpreter's links lead to.
        raise failure(
            "interpreter-replaced",
            f"{what} replaced the environment's Python",
            place=wanted.place,
            hint="let it install packages, and name the Python in runtime.txt",
        )


def what_runs(recipe: Recipe) -> str:
    """What of a repository runs in its build, in words."""
    return "`postBuild`" if recipe.post_build is not None else "the repository's own project"


def _interpreter(path: Path) -> list[tuple[str, str]]:
    """What `bin` leads to outside of the environment."""
    links = [entry for entry in sorted((path / "bin").iterdir()) if entry.is_symlink()]
    found = [(entry.name, str(entry.readlink())) for entry in links]
    kept = (path / "pyvenv.cfg").is_symlink(), (path / "bin").is_symlink()
    return [*found, *(("link", str(link)) for link in kept)]

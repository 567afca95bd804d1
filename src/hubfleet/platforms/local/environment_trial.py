"""Trying an environment out: its repository's notebooks, or whether its packages import.

Everything runs in the sandbox with the environment read-only, as it does for people.
"""

from __future__ import annotations

import json
import shlex
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from hubfleet.fleet.software import HubEnvironment, Recipe
from hubfleet.kit.errors import HubfleetError, failure
from hubfleet.platforms.local.environment_sandbox import (
    Apart,
    Bounds,
    copy_repository,
    run_apart,
)
from hubfleet.platforms.local.environments import EnvironmentStore

# Runs with the environment's own Python. Each name in a process of its own, as one may crash.
_IMPORTS = """
import json, subprocess, sys
from importlib.metadata import packages_distributions
wanted = {name.lower().replace("_", "-") for name in sys.argv[1:]}
tops = {
    top
    for top, owners in packages_distributions().items()
    if top.isidentifier() and not top.startswith("_") and "__" not in top
    and wanted & {owner.lower().replace("_", "-") for owner in owners}
}
for top in sorted(tops):
    done = subprocess.run(
        [sys.executable, "-c", f"import {top}"], capture_output=True, text=True, errors="replace"
    )
    said = done.stderr.strip().splitlines()
    why = (said[-1][:300] if said else f"exit code {done.returncode}") if done.returncode else ""
    print("trial:" + json.dumps([top, why]), flush=True)
"""


@dataclass(frozen=True, slots=True)
class Trial:
    """One notebook or one import; `why` is empty where it went well."""

    name: str
    why: str = ""

    @property
    def passed(self) -> bool:
        return not self.why


def notebooks_of(folder: Path) -> list[str]:
    """All notebooks of a repository, in order of their names."""
    found = (path.relative_to(folder) for path in folder.rglob("*.ipynb") if path.is_file())
    return sorted(str(path) for path in found if not any(part[0] == "." for part in path.parts))


def try_environment(
    store: EnvironmentStore,
    wanted: HubEnvironment,
    recipe: Recipe,
    path: Path,
    notebooks: Sequence[str],
    bounds: Bounds | None = None,
) -> list[Trial]:
    """Run these notebooks of the repository; without any, all of them, or else the imports."""
    chosen = list(notebooks)
    if not chosen and wanted.folder is not None:
        chosen = notebooks_of(wanted.folder)
    for name in chosen:
        _check(name, wanted)
    scratch = Path(tempfile.mkdtemp(prefix="trial-", dir=store.folder / "scratch"))
    log = store.folder / "logs" / f"{path.name}.trial.log"
    try:
        run = Apart(
            "the trial",
            path,
            scratch,
            store.folder.parent,
            log,
            bounds or Bounds(seconds=600),
            wanted.place,
        )
        run.home.mkdir()
        if wanted.folder is not None:
            copy_repository(wanted.folder, run.home)
        return [_notebook(run, name) for name in chosen] or _imports(run, recipe)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _check(name: str, wanted: HubEnvironment) -> None:
    folder = wanted.folder
    if folder is None or ".." in PurePosixPath(name).parts or not (folder / name).is_file():
        raise failure(
            "no-such-notebook",
            f"the repository has no notebook {name!r}",
            place=wanted.place,
            hint="name one as it is called in the repository",
        )


def _notebook(run: Apart, name: str) -> Trial:
    # nbclient is hubfleet's; the kernel is the environment's, because JUPYTER_PATH comes first.
    code = "from nbclient.cli import main; main()"
    command = [sys.executable, "-I", "-c", code, "--kernel_name=python3", f"./{name}"]
    try:
        run_apart(run, " ".join(map(shlex.quote, command)) + "\n")
    except HubfleetError as error:
        return Trial(name, error.problems[0].why or error.problems[0].what)
    return Trial(name)


def _imports(run: Apart, recipe: Recipe) -> list[Trial]:
    from packaging.requirements import Requirement

    names = [Requirement(text).name for text in recipe.requirements]
    python = str(run.environment / "bin" / "python")
    command = [python, "-c", _IMPORTS, *(names or ["ipykernel"])]
    said = run_apart(run, " ".join(map(shlex.quote, command)) + "\n")
    lines = [line.removeprefix("trial:") for line in said.splitlines() if line.startswith("trial:")]
    return [Trial(*map(str, json.loads(line))) for line in lines]

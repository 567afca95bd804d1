"""A Binder-style repository as a `Recipe`, or what about it the local platform cannot honour.

Which files count is as in repo2docker: those in `binder/` or `.binder/` where there is one, else
those at the top; `environment.yml` before `pyproject.toml` before `requirements.txt`. Nothing is
guessed: a conda package may have another name, or mean something else, on the package index.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from typing import Any

from hubfleet.fleet.requirements_txt import MOST_BYTES, Requirements, text_of
from hubfleet.fleet.requires_python import excludes
from hubfleet.fleet.software import Recipe, own_python
from hubfleet.fleet.trees import Tree, TreeError
from hubfleet.fleet.yaml import parse_yaml
from hubfleet.kit.errors import Place, Problem

_ELSEWHERE = {
    "Dockerfile": "a Dockerfile describes a whole image",
    "apt.txt": "it names packages of Debian, which belong to the whole machine",
    "install.R": "it installs packages of R",
    "DESCRIPTION": "it describes a package of R",
    "Project.toml": "it describes a project in Julia",
    "JuliaProject.toml": "it describes a project in Julia",
    "REQUIRE": "it names packages of Julia",
    "default.nix": "it describes an environment of Nix",
    "Pipfile": "it is read by pipenv only",
    "Pipfile.lock": "it is read by pipenv only",
}
_PYTHON = re.compile(r"python-(3\.\d{1,2})(?:\.\d+)?")
_CONDA_PYTHON = re.compile(r"python\s*={1,2}\s*(3\.\d{1,2})(?:\.[\d*]+)?\s*")


def read_repository(tree: Tree, prefix: str) -> tuple[Recipe, list[Problem]]:
    """What the repository asks for, and all that is wrong with it.

    `prefix` is what places put before the paths of its files. The recipe is of use only where
    there are no problems.
    """
    reading = _Reading(tree, prefix)
    reading.all()
    return reading.recipe(), [*reading.problems, *reading.requirements.problems]


@dataclass
class _Reading:
    tree: Tree
    prefix: str
    problems: list[Problem] = field(default_factory=list)
    requirements: Requirements = field(init=False)
    at: str = ""
    python: str | None = None
    requires: tuple[str, str, int] | None = None
    scripts: dict[str, bytes] = field(default_factory=dict)
    read: list[str] = field(default_factory=list)
    digests: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.requirements = Requirements(self.tree, self.prefix)

    def all(self) -> None:
        self._choose_folder()
        self._elsewhere()
        for name in ("postBuild", "start"):
            self._script(name)
        self._packages()
        self._runtime()
        self._fitting_python()
        if not (self.read or self.requirements.read or self.problems or self.requirements.problems):
            self.problem(
                "empty-repository",
                "",
                "no file here describes an environment",
                "Known are requirements.txt, pyproject.toml, environment.yml, runtime.txt, "
                "postBuild and start, here or in binder/.",
                "add a requirements.txt",
            )
        if self.requirements.project or "postBuild" in self.scripts:
            self._everything()

    def problem(
        self, code: str, path: str, what: str, why: str, hint: str, line: int = 0, column: int = 1
    ) -> None:
        name = f"{self.prefix}{path}" if path else self.prefix.rstrip("/")
        place = Place(name, line, column if line else 0)
        self.problems.append(Problem(code, what, place, why, hint))

    def has(self, name: str) -> bool:
        return self.tree.kind(f"{self.at}{name}") is not None

    def _choose_folder(self) -> None:
        found = [name for name in ("binder", ".binder") if self.tree.kind(name) == "folder"]
        links = [name for name in ("binder", ".binder") if self.tree.kind(name) == "link"]
        if len(found) == 2:
            self.problem(
                "two-binder-folders",
                ".binder",
                "there are both `binder` and `.binder`",
                "Only one of them can describe the environment.",
                "delete one of the two",
            )
        for name in links:
            text_of(self.tree, name, self.prefix, self.problems)
        self.at = f"{found[0]}/" if found else ""

    def _elsewhere(self) -> None:
        """What only a platform with images can honour."""
        for name, why in _ELSEWHERE.items():
            if self.has(name):
                named = self._packages_of_debian() if name == "apt.txt" else ""
                self._not_here(f"{self.at}{name}", f"`{name}` cannot be honoured{named}", f"{why}.")
        package = self.has("setup.py") and not self.has("pyproject.toml") and not self.at
        if package and not self.has("environment.yml"):
            why = "it builds a package by running its own code."
            self._not_here("setup.py", "`setup.py` cannot be honoured", why)
        if self.has("environment.yaml"):
            hint = "rename it to environment.yml"
            what = "`environment.yaml` is not read"
            self.problem("wrong-file-name", f"{self.at}environment.yaml", what, "", hint)

    def _packages_of_debian(self) -> str:
        text = text_of(self.tree, f"{self.at}apt.txt", self.prefix, []) or ""
        lines = (line.partition("#")[0].strip() for line in text.splitlines())
        names = [f"`{line}`" for line in lines if line]
        return f" ({', '.join(names)})" if names else ""

    def _not_here(self, path: str, what: str, why: str, line: int = 1, column: int = 1) -> None:
        self.problem(
            "not-on-local",
            path,
            f"{what} on the local platform",
            why[0].upper() + why[1:],
            "remove it, or run the hub on a cluster with `platform: kubernetes`",
            line,
            column,
        )

    def _script(self, name: str) -> None:
        path = f"{self.at}{name}"
        if not self.has(name):
            return
        text = text_of(self.tree, path, self.prefix, self.problems)
        if text is not None:
            self.scripts[name] = self.tree.read(path, MOST_BYTES) or b""
            self.read.append(path)

    def _packages(self) -> None:
        if self.has("environment.yml"):
            self._conda(f"{self.at}environment.yml")
            return
        if self.has("pyproject.toml") and self._pyproject(f"{self.at}pyproject.toml"):
            return
        if self.has("requirements.txt"):
            self.requirements.take_file(f"{self.at}requirements.txt")
        if self.requirements.project and self.tree.kind("pyproject.toml") != "file":
            self.problem(
                "nothing-to-install",
                self.requirements.read[0],
                "`.` is not a package: there is no pyproject.toml",
                "",
                "remove the line, or add a pyproject.toml",
            )

    def _conda(self, path: str) -> None:
        text = text_of(self.tree, path, self.prefix, self.problems)
        if text is None:
            return
        self.read.append(path)
        document = parse_yaml(text, f"{self.prefix}{path}")
        self.problems += document.problems
        value = document.value or {}
        conda: list[tuple[str, int]] = []
        dependencies = value.get("dependencies")
        for index, item in enumerate(dependencies if isinstance(dependencies, list) else ()):
            line = document.place(("dependencies", index)).line
            if isinstance(item, str):
                found = _CONDA_PYTHON.fullmatch(item.strip())
                if found:
                    self.python = found[1]
                elif item.strip() != "pip":
                    conda.append((item.strip(), line))
            elif isinstance(item, dict) and set(item) == {"pip"} and isinstance(item["pip"], list):
                for number, wanted in enumerate(item["pip"]):
                    place = document.place(("dependencies", index, "pip", number))
                    self.requirements.take_line(str(wanted).strip(), path, place.line)
            else:
                conda.append((str(item), line))
        if conda:
            names = ", ".join(f"`{name}`" for name, _ in conda)
            what = f"conda packages cannot be installed: {names}; they are not available"
            why = (
                "Only the `pip:` part and `python=3.x` are honoured; a package of the same name "
                "on the package index may be another one."
            )
            self._not_here(path, what, why, conda[0][1])
        if value.get("variables"):
            place = document.place(("variables",))
            what, why = "`variables` cannot be honoured", "Only conda sets them."
            self._not_here(path, what, why, place.line)

    def _pyproject(self, path: str) -> bool:
        """Whether the file describes a project; many hold settings of tools only."""
        text = text_of(self.tree, path, self.prefix, self.problems)
        if text is None:
            return True
        try:
            value: dict[str, Any] = tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            said = re.search(r"at line (\d+), column (\d+)", str(error))
            line, column = (int(said[1]), int(said[2])) if said else (1, 1)
            what = "the TOML is not well-formed here"
            self.problem("broken-toml", path, what, "", "check this line", line, column)
            return True
        project = value.get("project")
        if not isinstance(project, dict):
            if "poetry" in value.get("tool", {}) and not self.has("requirements.txt"):
                self._not_here(path, "`[tool.poetry]` cannot be honoured", "only poetry reads it.")
            return False
        self.read.append(path)
        requires = project.get("requires-python")
        if isinstance(requires, str):
            self.requires = (requires, path, _line_of(text, "requires-python"))
        wanted = project.get("dependencies", [])
        if "dependencies" in project.get("dynamic", ()):
            self.problem(
                "dynamic-dependencies",
                path,
                "the dependencies are `dynamic`",
                "Only running the project's own code would tell them.",
                "list them under `[project]`",
                _line_of(text, "dynamic"),
            )
        for item in wanted if isinstance(wanted, list) else ():
            self.requirements.take_line(str(item), path, _line_of(text, str(item)))
        # As for uv: without a build system a project is a list of dependencies, not a package.
        self.requirements.project |= "build-system" in value and not self.at
        return True

    def _runtime(self) -> None:
        path = f"{self.at}runtime.txt"
        if not self.has("runtime.txt"):
            return
        text = text_of(self.tree, path, self.prefix, self.problems)
        if text is None:
            return
        self.read.append(path)
        found = _PYTHON.fullmatch(text.strip())
        if found:
            self.python = found[1]
        elif text.strip().startswith("r-"):
            self._not_here(path, f"`{text.strip()[:40]}` cannot be honoured", "it asks for R.")
        else:
            what = f"`{text.strip()[:40]}` is not a runtime"
            self.problem("bad-runtime", path, what, "", "write one such as python-3.12", 1)

    def _fitting_python(self) -> None:
        """A project that cannot run on the Python that it is given."""
        if self.requires is None:
            return
        wanted, path, line = self.requires
        python = self.python or own_python()
        if excludes(wanted, python):
            given = "runtime.txt asks for" if self.python else "without runtime.txt it gets"
            self.problem(
                "python-does-not-fit",
                path,
                f"the project needs Python {wanted}",
                f"It would run on Python {python}: {given} that one.",
                f"write one that fits into {self.at}runtime.txt, as python-3.x",
                line,
            )

    def _everything(self) -> None:
        try:
            self.digests = self.tree.digests()
        except TreeError as error:
            self.problem(
                "bad-repository-file",
                "",
                f"the repository cannot be taken into a build: `{error.path}`",
                f"{error.why[0].upper()}{error.why[1:]}.",
                "remove it; a build gets a copy of the whole repository",
            )

    def recipe(self) -> Recipe:
        wanted = self.requirements
        return Recipe(
            tuple(wanted.wanted),
            tuple(wanted.constraints),
            self.python,
            self.scripts.get("postBuild"),
            self.scripts.get("start"),
            wanted.project,
            self.digests,
            (*self.read, *wanted.read),
        )


def _line_of(text: str, words: str) -> int:
    """The first line that holds these words; 1 where they are written in another way."""
    lines = text.splitlines()
    return next((number for number, line in enumerate(lines, 1) if words in line), 1)

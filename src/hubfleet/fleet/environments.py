"""A hub's environments out of its declaration: which repository, which lock, and what is wrong.

Reads the fleet's folder and nothing else. A repository behind an address is known by its commit;
what it holds is read when it is fetched, before any hub is touched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from hubfleet.fleet.drafts import Draft
from hubfleet.fleet.layers import Setting, Settings, ValuePath
from hubfleet.fleet.lockfile import MOST_BYTES, read_lock
from hubfleet.fleet.model import Environment, Layer
from hubfleet.fleet.packages import package_fault
from hubfleet.fleet.repository import read_repository
from hubfleet.fleet.software import HubEnvironment, Lock, Recipe
from hubfleet.fleet.trees import FolderTree
from hubfleet.kit.errors import Place, Problem

_COMMIT = re.compile(r"[0-9a-f]{40}")
_ADDRESS = re.compile(r"https://[A-Za-z0-9][A-Za-z0-9.-]*(?::\d{1,5})?/[A-Za-z0-9._~/%+-]+")


_OF_THIS_PLATFORM = {"not-on-local", "python-does-not-fit"}
"""Findings about what is installed into environments on the machine itself."""


def is_address(repository: str) -> bool:
    """Whether it is meant as an address; else it is a folder."""
    return "://" in repository or bool(re.match(r"[\w.-]+@[\w.-]+:", repository))


def one_kind(settings: Settings) -> dict[ValuePath, Setting]:
    """The layer with clearings added: choosing one kind of environment drops the other one."""
    result = dict(settings)
    for root in _roots(settings):
        for chosen, dropped in (
            ("packages", ("repository", "ref", "subfolder", "image")),
            ("repository", ("packages", "python", "ref", "subfolder", "image")),
            ("image", ("packages", "python", "repository", "ref", "subfolder")),
        ):
            setting = settings.get((*root, chosen))
            if setting is None or setting.value is None:
                continue
            for key in dropped:
                clearing = Setting(None, setting.layer, setting.document, setting.path)
                result.setdefault((*root, key), clearing)
    return result


def _roots(settings: Settings) -> list[ValuePath]:
    """`environment`, and `environments` with each name."""
    roots = {path[:1] for path in settings if path[0] == "environment" and len(path) > 1}
    roots |= {path[:2] for path in settings if path[0] == "environments" and len(path) > 2}
    return sorted(roots)


def environment_problems(settings: Settings, _layer: Layer) -> Iterator[Problem]:
    """What is wrong with the environments of one file, by themselves."""
    for root in _roots(settings):
        yield from _packages(settings, root)
        repository = settings.get((*root, "repository"))
        packages = settings.get((*root, "packages"))
        if repository is not None and repository.value and packages and packages.value:
            yield Problem(
                "two-kinds-of-environment",
                "an environment is made of `packages` or of a `repository`, not of both",
                repository.place,
                hint="add the packages to the repository's requirements.txt",
            )
        if repository is not None and repository.value:
            yield from _repository(repository)
        yield from _image(settings, root)
        ref = settings.get((*root, "ref"))
        if ref is not None and ref.value and not _COMMIT.fullmatch(ref.value):
            yield Problem(
                "not-a-commit",
                f"`{ref.value}` is not a full commit",
                ref.place,
                "A branch or tag would change without a reviewed change.",
                "`git ls-remote URL NAME` shows the 40 digits to write here",
            )
    names = [path for path in settings if path[:1] == ("environments",)]
    if any(path[1] == "python3" for path in names if len(path) > 1):
        yield Problem(
            "reserved-name",
            "`python3` is the kernel of the default environment",
            settings[next(path for path in names if path[1] == "python3")].place,
            hint="use another name, or declare it as `environment`",
        )


def _packages(settings: Settings, root: ValuePath) -> Iterator[Problem]:
    packages = settings.get((*root, "packages"))
    for index, package in enumerate(packages.value or [] if packages else []):
        fault = package_fault(package)
        if fault and packages:
            what, hint = fault
            yield Problem("bad-package", what, packages.place_of(index), hint=hint)


def _image(settings: Settings, root: ValuePath) -> Iterator[Problem]:
    image = settings.get((*root, "image"))
    if image is None or not image.value:
        return
    for other in ("packages", "python", "repository"):
        setting = settings.get((*root, other))
        if setting is not None and setting.value:
            yield Problem(
                "two-kinds-of-environment",
                f"an environment is an `image` or made of `{other}`, not both",
                image.place,
                hint="build an image with all of it, and keep `image` alone",
            )


def _repository(setting: Setting) -> Iterator[Problem]:
    text = str(setting.value)
    code, what, why, hint = "bad-repository", "", "", "write a folder such as environment"
    if is_address(text):
        if not _ADDRESS.fullmatch(text) or "/../" in f"{text}/":
            shown = re.sub(r"://[^/]*@", "://...@", text)
            what = f"`{shown}` is not an address that can be fetched"
            why = "Only plain https addresses are, without user name, password, `?` or `#`."
            hint = "write one such as https://github.com/OWNER/NAME"
    elif text.startswith("/") or "\\" in text or ".." in PurePosixPath(text).parts:
        what = f"`{text}` leads out of the community's folder"
        why = "A community's folder is self-contained: it can be handed over."
        hint = "copy the repository to `environment` in the community's folder"
    elif not text.startswith(("environment/", "environments/")) and text != "environment":
        what = f"`{text}` cannot be the folder of a repository"
        why = "A community's repositories lie in its folders environment/ and environments/."
        hint = "move it to `environment`, or to `environments/NAME` where there are several"
    if what:
        yield Problem(code, what, setting.place, why, hint)


class EnvironmentReader:
    """Reads each repository and lock of a fleet once, however many hubs share it."""

    def __init__(self, root: Path, *, with_locks: bool = True) -> None:
        self._root = root
        self._with_locks = with_locks
        self._repositories: dict[str, tuple[Recipe, list[Problem]]] = {}
        self._locks: dict[str, Lock | Problem | None] = {}

    def environments_of(
        self, draft: Draft, *, by_images: bool = False
    ) -> tuple[tuple[HubEnvironment, ...], list[Problem]]:
        """The hub's environments, the default one first, and what is wrong with them.

        `by_images` for a platform where they are images, which can hold what this one cannot.
        """
        problems: list[Problem] = []
        found = []
        declared: Mapping[str, Environment] = {
            "": draft.values.environment,
            **dict(sorted(draft.values.environments.items())),
        }
        for name, environment in declared.items():
            root: tuple[str, ...] = ("environments", name) if name else ("environment",)
            one = self._environment(draft, name, environment, root, problems)
            if one is not None:
                found.append(one)
        if by_images:
            problems = [problem for problem in problems if problem.code not in _OF_THIS_PLATFORM]
        return tuple(found), problems

    def _environment(
        self,
        draft: Draft,
        name: str,
        declared: Environment,
        root: tuple[str, ...],
        problems: list[Problem],
    ) -> HubEnvironment | None:
        repository = declared.repository
        key = "packages" if repository is None else "repository"
        place = draft.place_of(*root, key)
        if repository is None:
            problems += [
                _without_repository(draft, root, extra)
                for extra in ("ref", "subfolder")
                if getattr(declared, extra)
            ]
            if not declared.packages and not declared.python:
                return None
            recipe = Recipe(declared.packages, python=declared.python)
            if not declared.packages:
                place = draft.place_of(*root, "python")
            return self._locked(
                HubEnvironment(name, place, recipe, lock_file=_beside(place, name)), problems
            )
        if declared.python:
            problems.append(_python_beside_repository(draft, root))
        if _repository_is_bad(repository) or _climbs(declared.subfolder):
            if _climbs(declared.subfolder):
                problems.append(_bad_subfolder(draft, root, str(declared.subfolder)))
            return None
        if is_address(repository):
            return self._fetched(draft, name, declared, root, problems)
        if declared.ref:
            problems.append(_without_repository(draft, root, "ref"))
        return self._folder(draft, name, declared, place, problems)

    def _fetched(
        self,
        draft: Draft,
        name: str,
        declared: Environment,
        root: tuple[str, ...],
        problems: list[Problem],
    ) -> HubEnvironment | None:
        place = draft.place_of(*root, "repository")
        if declared.ref is None:
            problems.append(
                Problem(
                    "no-ref",
                    "a repository behind an address needs `ref`",
                    place,
                    "Without a commit it would change without a reviewed change.",
                    f"add `ref:` with what `git ls-remote {declared.repository} HEAD` shows",
                )
            )
        if declared.ref is None or not _COMMIT.fullmatch(declared.ref):
            return None
        found = HubEnvironment(
            name,
            place,
            None,
            url=declared.repository,
            ref=declared.ref,
            subfolder=declared.subfolder,
            lock_file=_beside(place, name),
        )
        return self._locked(found, problems)

    def _folder(
        self,
        draft: Draft,
        name: str,
        declared: Environment,
        place: Place,
        problems: list[Problem],
    ) -> HubEnvironment | None:
        parts = ("communities", draft.community, declared.repository, declared.subfolder or "")
        relative = PurePosixPath(*(str(part) for part in parts)).as_posix()
        kind = FolderTree(self._root).kind(relative)
        if kind != "folder":
            what = "is a link" if kind == "link" else "is not there"
            hint = "copy what it points to" if kind == "link" else "make the folder, or correct it"
            problems.append(
                Problem("no-repository", f"the folder `{relative}` {what}", place, hint=hint)
            )
            return None
        if relative not in self._repositories:
            tree = FolderTree(self._root / relative)
            self._repositories[relative] = read_repository(tree, f"{relative}/")
        recipe, wrong = self._repositories[relative]
        problems += wrong
        found = HubEnvironment(
            name,
            place,
            recipe,
            folder=self._root / relative,
            lock_file=f"{relative}/environment.lock",
        )
        return None if wrong else self._locked(found, problems)

    def _locked(self, found: HubEnvironment, problems: list[Problem]) -> HubEnvironment:
        """With its reviewed lock, where there is one that fits."""
        path = found.lock_file
        if not self._with_locks:
            return found
        if path not in self._locks:
            self._locks[path] = self._read_lock(path)
        lock = self._locks[path]
        if isinstance(lock, Problem):
            problems.append(lock)
        elif lock is not None and lock.basis != found.lock_basis:
            problems.append(
                Problem(
                    "stale-lock",
                    f"`{path}` does not fit what it locks",
                    Place(path, 2, 1),
                    f"What is asked for at {found.place} has changed since it was written.",
                    "run `hubfleet environment lock HUB`, and review what it changes",
                )
            )
        elif lock is not None:
            return replace(found, lock=lock)
        return found

    def _read_lock(self, file: str) -> Lock | Problem | None:
        tree = FolderTree(self._root)
        kind = tree.kind(file)
        if kind is None:
            return None
        data = tree.read(file, MOST_BYTES) if kind == "file" else None
        if data is None:
            hint = "run `hubfleet environment lock HUB` to write it again"
            return Problem("bad-lock", f"`{file}` is not a lock", Place(file), hint=hint)
        return read_lock(data.decode("utf-8", "replace"), file)


def computed_values(found: tuple[HubEnvironment, ...]) -> dict[str, tuple[Any, Place]]:
    """What environments add to a hub's effective values: content and lock, with their places."""
    values: dict[str, tuple[Any, Place]] = {}
    for one in found:
        key = f"environments.{one.name}" if one.name else "environment"
        if one.content is not None:
            values[f"{key}.content"] = (one.content, one.place)
        if one.lock is not None:
            values[f"{key}.lock"] = (one.lock.digest[:16], Place(one.lock_file))
    return values


def _beside(place: Place, name: str) -> str:
    """The lock of what a declaration asks for stands beside the file that asks."""
    stem = place.file.removesuffix(".yaml")
    return f"{stem}.{name}.lock" if name else f"{stem}.lock"


def _repository_is_bad(repository: str) -> bool:
    """Told where it is written; here it is only left alone."""
    if is_address(repository):
        return not _ADDRESS.fullmatch(repository) or "/../" in f"{repository}/"
    return _climbs(repository) or not re.match(r"environments?(/|$)", repository)


def _climbs(path: str | None) -> bool:
    return path is not None and (
        path.startswith("/") or "\\" in path or ".." in PurePosixPath(path).parts
    )


def _bad_subfolder(draft: Draft, root: tuple[str, ...], subfolder: str) -> Problem:
    return Problem(
        "bad-repository",
        f"`{subfolder}` leads out of the repository",
        draft.place_of(*root, "subfolder"),
        hint="name a folder inside the repository",
    )


def _without_repository(draft: Draft, root: tuple[str, ...], key: str) -> Problem:
    return Problem(
        "without-repository",
        f"`{key}` says nothing here",
        draft.place_of(*root, key),
        "A commit belongs to a `repository` with an address, a subfolder to a `repository`.",
        f"remove `{key}`, or name the repository",
    )


def _python_beside_repository(draft: Draft, root: tuple[str, ...]) -> Problem:
    return Problem(
        "python-beside-repository",
        "a repository says itself which Python it needs",
        draft.place_of(*root, "python"),
        hint="remove `python`, and write `python-3.x` into the repository's runtime.txt",
    )

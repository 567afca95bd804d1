"""Environments as folders of software on this machine, shared by all hubs that want the same.

An environment is named by the digest of what was asked for. Its first build resolves the packages
and keeps the answer (`locks/<key>.txt`, with hashes); a reviewed lock of the declaration takes its
place. A folder counts only when its record stands in `built/`, which is written last and lies
outside of what a repository's code can write: a build that was killed or met a full disk is never
used, and the next one begins by throwing its remains away.

Packages come as wheels from the package index; those that exist only as source are refused, because
building them runs their code. What a repository itself brings (`postBuild`, a project of its own)
runs in a sandbox, after everything that is trusted was written. Next: `environment_build` speaks to
uv, `environment_git` fetches repositories, `environment_sandbox` has the walls.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import sysconfig
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from hubfleet.fleet.lockfile import versions_of
from hubfleet.fleet.repository import read_repository
from hubfleet.fleet.software import HubEnvironment, Recipe, own_python
from hubfleet.fleet.trees import FolderTree
from hubfleet.kit.clock import timestamp
from hubfleet.kit.digest import digest
from hubfleet.kit.errors import HubfleetError, Problem, failure
from hubfleet.kit.files import make_private_folder, write_atomically
from hubfleet.platforms.local.environment_build import Builder, disk_full
from hubfleet.platforms.local.environment_git import Source, fetch, fetched
from hubfleet.platforms.local.environment_requirements import requirements
from hubfleet.platforms.local.environment_sandbox import Bounds, no_sandbox, used
from hubfleet.platforms.local.environment_scripts import (
    add_start,
    name_kernel,
    run_repository,
    what_runs,
)
from hubfleet.platforms.local.sandbox import find_sandbox

_FORMAT = 2  # raise it when environments built by older versions must not be used any more

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FOLDERS = ("locks", "logs", "busy", "built", "scratch", "repositories")

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Built:
    """One finished environment."""

    path: Path
    packages: tuple[str, ...]
    python: str
    built: str
    bytes: int = 0


class EnvironmentStore:
    """The environments below one folder of the state. Any number of processes may use it at once.

    `protocols` is for tests: git repositories come over https only.
    """

    def __init__(
        self, folder: Path, *, bounds: Bounds | None = None, protocols: Sequence[str] = ("https",)
    ) -> None:
        self.folder = folder
        self._bounds = bounds or Bounds()
        self._protocols = tuple(protocols)

    def existing(self, wanted: HubEnvironment) -> Path | None:
        """The finished environment; None when it was not built yet."""
        known = self._known(wanted)
        if known is None or known.recipe is None:
            return None
        path = self._path(known, known.recipe)
        return path if self.is_complete(path) else None

    def identity(self, wanted: HubEnvironment) -> object:
        """Equal for environments that are the same one."""
        known = self._known(wanted)
        if known is None or known.recipe is None:
            lock = wanted.lock.digest if wanted.lock else None
            return wanted.url, wanted.ref, wanted.subfolder, lock
        return self._path(known, known.recipe)

    def build(self, wanted: HubEnvironment, report: Report) -> Path:
        """The environment, built when it is not there yet.

        When another process builds the same one, this waits for it. Raises HubfleetError, and then
        leaves nothing half-built.
        """
        try:
            make_private_folder(self.folder)
            for part in _FOLDERS:
                make_private_folder(self.folder / part)
            known, recipe = self.known(wanted, report)
            path = self._path(known, recipe)
            if self.is_complete(path):
                return path
            if recipe.runs_code and find_sandbox().program is None:
                raise no_sandbox(what_runs(recipe), wanted.place)
            with self._alone(path, report) as lock:
                if not self.is_complete(path):
                    self._build(path, known, recipe, self._builder(known, recipe, lock, report))
        except OSError as failed:
            if failed.errno in _FULL:
                raise disk_full(self.folder) from failed
            raise
        return path

    def resolve(
        self, wanted: HubEnvironment, report: Report, *, previous: str = ""
    ) -> tuple[str, str]:
        """What the index has to offer now, as a lock's text, and the Python it is for.

        Versions of `previous` stay where they fit.
        """
        for part in _FOLDERS:
            make_private_folder(self.folder / part)
        known, recipe = self.known(wanted, report)
        builder = self._builder(replace(known, lock=None), recipe, None, report)
        log = self.folder / "logs" / "lock.log"
        log.unlink(missing_ok=True)
        interpreter = builder.find_python(log)
        return builder.resolve(interpreter, log, previous), builder.version

    def known(self, wanted: HubEnvironment, report: Report) -> tuple[HubEnvironment, Recipe]:
        """With its recipe, fetched where it lies behind an address."""
        if wanted.recipe is not None:
            return wanted, wanted.recipe
        source = Source(wanted.url or "", wanted.ref or "", wanted.place)
        fetch(self.folder / "repositories", source, report, protocols=self._protocols)
        known = self._known(wanted)
        if known is None or known.recipe is None:
            raise failure(
                "no-repository",
                f"the repository has no folder {wanted.subfolder!r}",
                place=wanted.place,
                hint="correct `subfolder`",
            )
        return known, known.recipe

    def _known(self, wanted: HubEnvironment) -> HubEnvironment | None:
        """With its recipe, when it was fetched before; raises what the repository cannot do."""
        if wanted.recipe is not None:
            return wanted
        found = self._read(wanted)
        if found is None:
            return None
        recipe, problems, folder = found
        if problems:
            raise HubfleetError(*problems)
        return replace(wanted, recipe=recipe, folder=folder)

    def findings(self, wanted: HubEnvironment) -> list[Problem] | None:
        """What is wrong with a repository behind an address; None where it was not fetched yet."""
        found = self._read(wanted)
        return None if found is None else found[1]

    def _read(self, wanted: HubEnvironment) -> tuple[Recipe, list[Problem], Path] | None:
        source = Source(wanted.url or "", wanted.ref or "", wanted.place)
        folder = fetched(self.folder / "repositories", source) / (wanted.subfolder or "")
        if not folder.is_dir():
            return None
        return (*read_repository(FolderTree(folder), f"{wanted.url}: "), folder)

    def is_complete(self, path: Path) -> bool:
        """Whether the environment was built to its end."""
        return self.record_of(path).is_file() and path.is_dir()

    def record_of(self, path: Path) -> Path:
        """What is written down when an environment is finished."""
        return self.folder / "built" / f"{path.name}.json"

    def lock_of(self, path: Path) -> Path:
        """The exact versions that an environment was built from."""
        return self.folder / "locks" / f"{path.name}.txt"

    def log_of(self, path: Path) -> Path:
        """What uv and the repository's scripts said when it was built."""
        return self.folder / "logs" / f"{path.name}.log"

    def built(self) -> list[Built]:
        """All finished environments, with their size as if each were alone on the disk."""
        found = []
        for path in sorted(self.folder.glob("env-*")):
            if self.is_complete(path):
                record = json.loads(self.record_of(path).read_text())
                packages = tuple(record["packages"])
                found.append(Built(path, packages, record["python"], record["built"], used(path)))
        return found

    def remove_unused(self, in_use: Collection[Path], *, dry_run: bool = False) -> list[Path]:
        """Delete environments that are not in `in_use`, and say which; those being built stay.

        Their locks are kept: built again, they are the same.
        """
        removed = []
        for path in sorted(self.folder.glob("env-*")):
            if path in in_use:
                continue
            with self._busy(path) as free:
                if free and not dry_run:
                    self._discard(path)
            if free:
                removed.append(path)
        return removed

    def _path(self, wanted: HubEnvironment, recipe: Recipe) -> Path:
        meaning = {
            **recipe.meaning(),
            "requirements": requirements(recipe, wanted.place),
            "lock": wanted.lock.digest if wanted.lock else None,
            "python": _python(wanted, recipe) or own_python(),
            "platform": sysconfig.get_platform(),
            "format": _FORMAT,
        }
        return self.folder / f"env-{digest(meaning)[:32]}"

    def _builder(
        self, wanted: HubEnvironment, recipe: Recipe, lock: int | None, report: Report
    ) -> Builder:
        return Builder(
            requirements(recipe, wanted.place),
            _python(wanted, recipe),
            wanted.place,
            lock,
            report,
            constraints=sorted(set(recipe.constraints)),
        )

    def _build(self, path: Path, wanted: HubEnvironment, recipe: Recipe, builder: Builder) -> None:
        log, lock = self.log_of(path), self.lock_of(path)
        log.unlink(missing_ok=True)
        self._discard(path)
        try:
            interpreter = builder.find_python(log)
            if wanted.lock is not None:
                write_atomically(lock, wanted.lock.text)
            elif not lock.is_file():
                write_atomically(lock, builder.resolve(interpreter, log))
            builder.install(interpreter, lock, path, log, own_files=recipe.runs_code)
            name_kernel(path)
            if recipe.start is not None:
                add_start(path, recipe.start)
            if recipe.runs_code:
                builder.compile_now(interpreter, path)
                self._run_repository(path, wanted, recipe, builder.report, log)
            # The record must not reach the disk before what it vouches for.
            os.sync()
            record = {
                "packages": sorted(set(recipe.requirements)),
                "python": builder.version,
                "built": timestamp(),
            }
            write_atomically(self.record_of(path), json.dumps(record, indent=1) + "\n")
        except BaseException:
            self._discard(path)
            raise
        if not recipe.runs_code:
            builder.compile_later(interpreter, path, self.folder / "busy" / f"{path.name}.compile")

    def _run_repository(
        self, path: Path, wanted: HubEnvironment, recipe: Recipe, report: Report, log: Path
    ) -> None:
        scratch = self.folder / "scratch" / path.name
        shutil.rmtree(scratch, ignore_errors=True)
        make_private_folder(scratch)
        try:
            run_repository(
                path, wanted, recipe, scratch, self.folder.parent, log, self._bounds, report
            )
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    @contextmanager
    def _alone(self, path: Path, report: Report) -> Iterator[int]:
        """Holds the environment's lock; yields its descriptor.

        The builder's programs inherit the descriptor, so that the lock lasts until they have
        ended, even when this process was killed before them.
        """
        with (self.folder / "busy" / path.name).open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                report("waiting for another build of the same packages")
                fcntl.flock(file, fcntl.LOCK_EX)
            yield file.fileno()

    @contextmanager
    def _busy(self, path: Path) -> Iterator[bool]:
        """Whether nobody builds or compiles it; nobody begins to while this is held."""
        busy = self.folder / "busy"
        with (busy / path.name).open("w") as one, (busy / f"{path.name}.compile").open("w") as two:
            try:
                for file in (one, two):
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True

    def _discard(self, path: Path) -> None:
        """Delete an environment, its record first, so that a half-deleted one is never used."""
        self.record_of(path).unlink(missing_ok=True)
        if path.exists():
            shutil.rmtree(path)


def _python(wanted: HubEnvironment, recipe: Recipe) -> str | None:
    """As asked for, else as locked: a lock fits one Python only."""
    return recipe.python or (wanted.lock.python if wanted.lock else None)


def installed(path: Path) -> dict[str, str]:
    """Names and versions of all that is in an environment, from the names of folders alone."""
    found = {}
    for folder in path.glob("lib/python3.*/site-packages/*.dist-info"):
        name, _, version = folder.name.removesuffix(".dist-info").rpartition("-")
        found[name.lower().replace("_", "-")] = version
    return dict(sorted(found.items()))


def locked_versions(store: EnvironmentStore, path: Path) -> dict[str, str]:
    """The versions of an environment's own lock; empty where it has none yet."""
    lock = store.lock_of(path)
    return versions_of(lock.read_text()) if lock.is_file() else {}

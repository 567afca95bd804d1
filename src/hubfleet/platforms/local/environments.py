"""A hub's packages as a folder of software on this machine, shared by all hubs that want the same.

An environment is named by the digest of what was asked for. Its first build resolves the packages
and keeps the answer (`locks/<key>.txt`, with hashes); later builds of the same key install exactly
that. A folder counts only when it holds the marker, which is written last: a build that was killed
or met a full disk is never used, and the next one begins by throwing its remains away.

Nothing of what is installed is executed here: packages come as wheels from the package index, and
those that exist only as source are refused, because building them runs their code outside the
sandbox. `environment_build` speaks to uv.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import sys
import sysconfig
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from hubfleet.kit.clock import timestamp
from hubfleet.kit.digest import digest
from hubfleet.kit.errors import HubfleetError, Place, Problem
from hubfleet.kit.files import make_private_folder, write_atomically
from hubfleet.platforms.local.environment_build import Builder, disk_full

_FORMAT = 1  # raise it when environments built by older versions must not be used any more

_MARKER = "hubfleet-environment.json"

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class EnvironmentStore:
    """The environments below one folder. Any number of processes may use it at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def existing(self, packages: Sequence[str], python: str | None = None) -> Path | None:
        """The finished environment for these packages; None when it was not built yet, and for
        no packages at all.
        """
        if not packages:
            return None
        path = self._path(packages, python, None)
        return path if self.is_complete(path) else None

    def build(
        self,
        packages: Sequence[str],
        python: str | None,
        report: Callable[[str], None],
        *,
        place: Place | None = None,
    ) -> Path | None:
        """The environment for these packages, built when it is not there yet.

        `place` is where the packages are declared. When another process builds the same one, this
        waits for it. Raises HubfleetError, and then leaves nothing half-built.
        """
        if not packages:
            return None
        path = self._path(packages, python, place)
        if self.is_complete(path):
            return path
        try:
            make_private_folder(self._folder)
            for part in ("locks", "logs", "busy"):
                make_private_folder(self._folder / part)
            with self._alone(path, report) as lock:
                if not self.is_complete(path):
                    wanted = _requirements(packages, place)
                    self._build(path, Builder(wanted, python, place, lock, report))
        except OSError as failed:
            if failed.errno in _FULL:
                raise disk_full(self._folder) from failed
            raise
        return path

    @staticmethod
    def is_complete(path: Path) -> bool:
        """Whether the environment was built to its end."""
        return (path / _MARKER).is_file()

    def remove_unused(self, in_use: Collection[Path]) -> list[Path]:
        """Delete environments that are not in `in_use`, and say which; those being built stay.

        Their locks are kept: built again, they are the same.
        """
        removed = []
        for path in sorted(self._folder.glob("env-*")):
            if path in in_use:
                continue
            with (self._folder / "busy" / path.name).open("w") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                _discard(path)
            removed.append(path)
        return removed

    def _path(self, packages: Sequence[str], python: str | None, place: Place | None) -> Path:
        key = digest(
            {
                "packages": _requirements(packages, place),
                "python": python or f"{sys.version_info.major}.{sys.version_info.minor}",
                "platform": sysconfig.get_platform(),
                "format": _FORMAT,
            }
        )
        return self._folder / f"env-{key[:32]}"

    def _build(self, path: Path, builder: Builder) -> None:
        log = self._folder / "logs" / f"{path.name}.log"
        lock = self._folder / "locks" / f"{path.name}.txt"
        log.unlink(missing_ok=True)
        _discard(path)
        try:
            interpreter = builder.find_python(log)
            if not lock.is_file():
                write_atomically(lock, builder.resolve(interpreter, log))
            builder.install(interpreter, lock, path, log)
            _name_kernel(path)
            # The marker must not reach the disk before what it vouches for.
            os.sync()
            record = {"packages": builder.packages, "built": timestamp()}
            write_atomically(path / _MARKER, json.dumps(record, indent=1) + "\n", mode=0o644)
        except BaseException:
            _discard(path)
            raise

    @contextmanager
    def _alone(self, path: Path, report: Callable[[str], None]) -> Iterator[int]:
        """Holds the environment's lock; yields its descriptor.

        The builder's programs inherit the descriptor, so that the lock lasts until they have
        ended, even when this process was killed before them.
        """
        with (self._folder / "busy" / path.name).open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                report("waiting for another build of the same packages")
                fcntl.flock(file, fcntl.LOCK_EX)
            yield file.fileno()


def _requirements(packages: Sequence[str], place: Place | None) -> list[str]:
    """Sorted, in one spelling, with the kernel that every environment needs.

    Everything that is not a plain requirement (options, paths, addresses) is refused: the list
    comes from people who may not choose what this machine reads or fetches.
    """
    problems: list[Problem] = []
    wanted: dict[str, str] = {}
    for text in packages:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            problems.append(_not_a_package(text, "it is not a requirement as pip knows it", place))
            continue
        if requirement.url is not None:
            why = "packages come from the package index only, not from addresses or files"
            problems.append(_not_a_package(text, why, place))
            continue
        name = canonicalize_name(requirement.name)
        requirement.name = str(name)
        wanted[str(requirement)] = str(name)
    if problems:
        raise HubfleetError(*problems)
    if "ipykernel" not in wanted.values():
        wanted[f"ipykernel=={version('ipykernel')}"] = "ipykernel"
    return sorted(wanted)


def _not_a_package(text: str, why: str, place: Place | None) -> Problem:
    return Problem(
        "package-not-understood",
        f"{text!r} is not a package",
        place,
        why,
        "write a name, with versions if you like, such as `numpy` or `pandas>=2,<3`",
    )


def _name_kernel(path: Path) -> None:
    """Points the kernel at this environment whatever is on people's PATH."""
    folder = path / "share" / "jupyter" / "kernels" / "python3"
    folder.mkdir(parents=True, exist_ok=True)
    spec = {
        "argv": [
            str(path / "bin" / "python"),
            "-Xfrozen_modules=off",
            "-m",
            "ipykernel_launcher",
            "-f",
            "{connection_file}",
        ],
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "metadata": {"debugger": True},
    }
    # Replaced, never written in place: the file may be a hard link into uv's cache.
    write_atomically(folder / "kernel.json", json.dumps(spec, indent=1) + "\n", mode=0o644)


def _discard(path: Path) -> None:
    """Delete an environment, its marker first, so that a half-deleted one is never used."""
    (path / _MARKER).unlink(missing_ok=True)
    if path.exists():
        shutil.rmtree(path)

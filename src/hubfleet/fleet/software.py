"""What an environment is made of, as values: what was asked for, the reviewed lock, where from.

`repository` makes a `Recipe` out of a Binder-style repository, `lockfile` reads locks, and
`environments` joins both with the declaration. Platforms build what stands here.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hubfleet.kit.digest import digest
from hubfleet.kit.errors import Place


def own_python() -> str:
    """The Python that hubfleet runs on, which is everybody's who did not ask for another."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


@dataclass(frozen=True, slots=True)
class Recipe:
    """What to install and to run, whoever wrote it down.

    `project` is True where the repository is itself a package to be installed. `tree` are the
    digests of all files of the repository, by path; empty where nothing of it is ever run.
    `read` are the files that all this was found in.
    """

    requirements: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    python: str | None = None
    post_build: bytes | None = None
    start: bytes | None = None
    project: bool = False
    tree: Mapping[str, str] = field(default_factory=dict)
    read: tuple[str, ...] = ()

    @property
    def runs_code(self) -> bool:
        """Whether building it runs what the repository brings."""
        return self.project or self.post_build is not None

    @property
    def is_plain(self) -> bool:
        """Whether it asks for nothing at all."""
        return not (self.requirements or self.python or self.start or self.runs_code)

    def meaning(self) -> dict[str, Any]:
        """All that makes a difference, as JSON; comments, order and spaces do not."""
        return {
            "requirements": sorted(set(self.requirements)),
            "constraints": sorted(set(self.constraints)),
            "python": self.python,
            "post_build": _sha256(self.post_build),
            "start": _sha256(self.start),
            "project": self.project,
            "tree": dict(self.tree) if self.runs_code else {},
        }

    def lock_basis(self) -> str:
        """The digest of what a lock must fit."""
        asked = self.meaning()
        return digest({key: asked[key] for key in ("requirements", "constraints", "python")})


@dataclass(frozen=True, slots=True)
class Lock:
    """A reviewed lock: exact versions with hashes, made for `basis` and one Python version.

    `text` is without comments, one package a line.
    """

    basis: str
    python: str
    text: str
    versions: Mapping[str, str]

    @property
    def digest(self) -> str:
        return digest([self.python, self.text])


@dataclass(frozen=True, slots=True)
class HubEnvironment:
    """One environment of a hub. `name` is empty for the one that people get by default.

    `recipe` is None for a repository behind a `url`, which nobody has fetched yet; then `ref` is
    the full commit. `folder` is the repository's folder where it lies in the fleet. `lock_file`
    is where a reviewed lock stands or would stand, relative to the fleet.
    """

    name: str
    place: Place
    recipe: Recipe | None
    folder: Path | None = None
    url: str | None = None
    ref: str | None = None
    subfolder: str | None = None
    lock: Lock | None = None
    lock_file: str = ""

    @property
    def lock_basis(self) -> str:
        """What its lock must say it was made for."""
        if self.recipe is not None:
            return self.recipe.lock_basis()
        return digest([self.url, self.ref, self.subfolder])

    @property
    def content(self) -> str | None:
        """What a repository comes to: the commit, or a digest; None without a repository."""
        if self.url is not None:
            return self.ref
        if self.folder is None or self.recipe is None:
            return None
        return digest(self.recipe.meaning())[:16]


def _sha256(data: bytes | None) -> str | None:
    return None if data is None else hashlib.sha256(data).hexdigest()

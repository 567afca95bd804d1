"""What licence each package of a built environment declares, as it stands in its metadata."""

from __future__ import annotations

import email.parser
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from hubfleet.fleet.model import Hub
from hubfleet.platforms.local.environments import EnvironmentStore
from hubfleet.replicate.data.environments import built_path

_LARGEST_HEAD = 256 * 1024
_LONGEST = 600
_KEPT = 64


@dataclass(frozen=True, slots=True)
class Licence:
    """The three places where a package may say it; `expression` is the one that counts today."""

    version: str
    expression: str = ""
    classifiers: tuple[str, ...] = ()
    text: str = ""

    @property
    def words(self) -> str:
        """What it declares, for people, on one line."""
        names = [line.rpartition(" :: ")[2] for line in self.classifiers]
        return (self.expression or ", ".join(names))[:200] or self.text[:80]


Licences = Mapping[str, Licence]
"""By the package's name."""

Known = Mapping[str, Licences | None]
"""By the environment's name; None for one that was not built here."""


def licences_known(hub: Hub, store: EnvironmentStore | None) -> Known:
    """Of every environment of the hub that is built from packages."""
    built = {wanted.name: built_path(store, wanted) for wanted in hub.environments}
    return {name: licences_of(path) if path else None for name, path in built.items()}


@lru_cache(maxsize=_KEPT)
def licences_of(environment: Path) -> Licences:
    """Every package in it. An environment never changes under its name, so that it is read once."""
    found = {}
    for metadata in environment.glob("lib/python3.*/site-packages/*.dist-info/METADATA"):
        head = email.parser.HeaderParser().parsestr(_head(metadata))
        name = _line(head["Name"]).lower().replace("_", "-")
        classifiers = [_line(line) for line in head.get_all("Classifier", [])]
        found[name or _line(metadata.parent.name)] = Licence(
            _line(head["Version"]),
            _line(head["License-Expression"]),
            tuple(line for line in classifiers if line.startswith("License ::")),
            _line(head["License"]),
        )
    return dict(sorted(found.items()))


def _head(metadata: Path) -> str:
    """The part with fields; whatever else lies there under that name counts for nothing."""
    try:
        descriptor = os.open(metadata, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return ""
            return file.read(_LARGEST_HEAD).partition(b"\n\n")[0].decode("utf-8", "replace")
    except OSError:
        return ""


def _line(value: object) -> str:
    """One line of what is printable: packages write what they like."""
    text = " ".join(str(value or "")[: 4 * _LONGEST].split())
    return "".join(letter for letter in text if letter.isprintable())[:_LONGEST]

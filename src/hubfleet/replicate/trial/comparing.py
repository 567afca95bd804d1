"""What a copy shows against what its manifest promises. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from hubfleet.kit.units import counted
from hubfleet.replicate.bundle.manifest import Promise

Outcome = Literal["same", "differs", "not-compared"]
_MOST = 10


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at on one hub, and what was found."""

    name: str
    outcome: Outcome
    detail: str = ""

    def as_json(self) -> dict[str, str]:
        """The shape that `--json` promises."""
        return {"check": self.name, "outcome": self.outcome, "detail": self.detail}


@dataclass(slots=True)
class Trial:
    """All that was found out about one hub."""

    hub: str
    checks: list[Check] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing differs."""
        return all(check.outcome != "differs" for check in self.checks)

    def add(self, name: str, problems: Iterable[str], well: str = "") -> None:
        """A check that differs where there are problems."""
        found = list(problems)
        shown = "; ".join(found[:_MOST])
        if len(found) > _MOST:
            shown += f"; and {len(found) - _MOST} more"
        self.checks.append(Check(name, "differs" if found else "same", shown or well))

    def leave(self, name: str, why: str) -> None:
        """A check that could not be made."""
        self.checks.append(Check(name, "not-compared", why))


def compare_people(trial: Trial, promise: Promise, found: Mapping[str, Any]) -> None:
    """Everybody who was promised must be there; more may be."""
    users, admins = set(found["users"]), set(found["admins"])
    trial.add(
        "users",
        [f"{name} is missing" for name in promise.users if name not in users],
        counted(len(promise.users), "person", "people"),
    )
    trial.add(
        "admins",
        [f"{name} is none" for name in promise.admins if name not in admins]
        + [f"{name} is one" for name in sorted(admins - set(promise.admins))],
        counted(len(promise.admins), "admin"),
    )
    trial.add("groups", _groups(promise, found["groups"]), counted(len(promise.groups), "group"))


def _groups(promise: Promise, found: Mapping[str, Sequence[str]]) -> Iterable[str]:
    for name, members in promise.groups.items():
        for person in members:
            if person not in found.get(name, ()):
                yield f"{person} is not in {name}"


def compare_packages(
    trial: Trial, promised: Mapping[str, str], found: Mapping[str, str], name: str = ""
) -> None:
    """Every promised package in its version; more may be there."""
    told = f"packages of {name}" if name else "packages"
    there = {_one_spelling(package): version for package, version in found.items()}
    differing = [
        f"{package} is {there.get(_one_spelling(package), 'missing')} instead of {version}"
        for package, version in promised.items()
        if there.get(_one_spelling(package)) != version
    ]
    trial.add(told, differing, counted(len(promised), "package"))


def _one_spelling(package: str) -> str:
    """As the package index has it: `Ruamel.Yaml` and `ruamel_yaml` are one."""
    return re.sub(r"[-_.]+", "-", package).lower()


def compare_behaviour(trial: Trial, promise: Promise, interface: str, named_servers: int) -> None:
    """What opens first, and how many servers a person may have."""
    problems = []
    if interface != promise.interface:
        problems.append(f"{interface} opens first instead of {promise.interface}")
    if named_servers != promise.named_servers:
        problems.append(f"{named_servers} named servers instead of {promise.named_servers}")
    trial.add("behaviour", problems, f"{promise.interface} opens first")

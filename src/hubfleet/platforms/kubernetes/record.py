"""What was applied to a hub, as its namespace holds it: the truth that `observe` reads.

A ConfigMap holds one record for each of the last revisions. Which of them is true is said by a
label of the newest Helm release, so that both change in one step: a record without its release was
an intention only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Self

from hubfleet.kit.digest import digest

KEPT = 5
"""Records that stay; snapshots have their own copies."""


@dataclass(frozen=True, slots=True)
class Record:
    """One revision of a hub. Secrets of the declaration stand in it as marks only.

    `client` is the mark of its secret at the console, empty for a hub without one.
    `flat` are the effective values that the planner compares, `values` the same as `HubValues`.
    """

    hub: str
    cluster: str
    revision: int
    flat: dict[str, Any]
    values: dict[str, Any]
    software: dict[str, str]
    url: str
    chart: str = ""
    secrets: str = ""
    declaration: str = ""
    client: str = ""

    @property
    def fingerprint(self) -> str:
        """Equal for equal content; the revision's number makes no difference.

        `secrets` is a digest of the declared secrets, so that a new value of one is a change.
        """
        return digest(asdict(replace(self, revision=0)))[:16]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> Self:
        """What another version added is left out; ValueError for what is no record."""
        known = {one.name: value[one.name] for one in fields(cls) if one.name in value}
        try:
            return cls(**known)
        except TypeError as error:
            raise ValueError(str(error)) from None


@dataclass(frozen=True, slots=True)
class Records:
    """All records of one hub's namespace, by revision."""

    by_revision: Mapping[int, Record] = field(default_factory=dict)

    @classmethod
    def read(cls, data: Mapping[str, str]) -> Self:
        """From the data of the ConfigMap; what cannot be read counts as missing."""
        found = {}
        for key, text in data.items():
            try:
                found[int(key.removeprefix("revision-"))] = Record.read(json.loads(text))
            except (ValueError, TypeError):
                continue
        return cls(found)

    def with_one_more(self, record: Record, true: int) -> Records:
        """The newest ones, this one, and the one that is true now."""
        all_of_them = {**self.by_revision, record.revision: record}
        kept = {*sorted(all_of_them)[-KEPT:], record.revision, true}
        return Records({n: one for n, one in all_of_them.items() if n in kept})

    @property
    def newest(self) -> int:
        """The highest revision, an intention or not; 0 when there is none."""
        return max(self.by_revision, default=0)

    def data(self) -> dict[str, str]:
        """As the ConfigMap holds them."""
        return {
            f"revision-{number}": json.dumps(record.as_json(), sort_keys=True)
            for number, record in sorted(self.by_revision.items())
        }

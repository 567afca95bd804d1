"""Helm's releases, read from the labels of the Secrets in which Helm keeps them.

Only labels are asked for: what stands in these Secrets (values, and so passwords) is not sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from hubfleet.platforms.kubernetes import marks
from hubfleet.platforms.kubernetes.api import SECRETS, Api

SELECTOR = "owner=helm"


@dataclass(frozen=True, slots=True)
class Release:
    """One revision of a release, as Helm counts them."""

    name: str
    namespace: str
    number: int
    status: str
    labels: dict[str, str]
    created: str = ""

    @property
    def secret(self) -> str:
        return f"sh.helm.release.v1.{self.name}.v{self.number}"

    @property
    def revision(self) -> int:
        """The hub's revision that it brought; 0 where it is not ours."""
        said = self.labels.get(marks.REVISION, "")
        return int(said) if said.isdigit() else 0

    @property
    def is_pending(self) -> bool:
        """Somebody works on it, or was killed while doing so."""
        return self.status.startswith("pending-") or self.status == "uninstalling"


@dataclass(frozen=True, slots=True)
class History:
    """All revisions of one release, the newest last."""

    all: tuple[Release, ...] = ()

    @property
    def newest(self) -> Release | None:
        return self.all[-1] if self.all else None

    @property
    def deployed(self) -> Release | None:
        """The newest one that came up; Helm calls it superseded once another one was tried."""
        good = [one for one in self.all if one.status in ("deployed", "superseded")]
        return good[-1] if good else None


def history(api: Api, name: str, namespace: str) -> History:
    """What Helm keeps of one release."""
    labels = f"{SELECTOR},name={name}"
    return History(_sorted(api.select(SECRETS, namespace, labels=labels, metadata_only=True)))


def histories(secrets: Iterable[dict[str, Any]]) -> dict[tuple[str, str], History]:
    """By namespace and name."""
    grouped: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for secret in secrets:
        meta = secret["metadata"]
        key = (meta["namespace"], meta.get("labels", {}).get("name", ""))
        grouped.setdefault(key, []).append(secret)
    return {key: History(_sorted(group)) for key, group in grouped.items()}


def _sorted(secrets: Sequence[dict[str, Any]]) -> tuple[Release, ...]:
    found = [release for secret in secrets if (release := _release(secret))]
    return tuple(sorted(found, key=lambda one: one.number))


def _release(secret: dict[str, Any]) -> Release | None:
    meta = secret["metadata"]
    labels = meta.get("labels") or {}
    number = labels.get("version", "")
    if not number.isdigit():
        return None
    return Release(
        labels.get("name", ""),
        meta["namespace"],
        int(number),
        labels.get("status", ""),
        dict(labels),
        meta.get("creationTimestamp") or "",
    )

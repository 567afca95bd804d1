"""Whose files are in which volume of a hub's namespace. Pure.

KubeSpawner writes on a claim whose home it is. What nobody can tell is named, and not guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hubfleet.platforms.kubernetes.api import Object
from hubfleet.platforms.kubernetes.database import CLAIM
from hubfleet.platforms.kubernetes.rendering.storage import SHARED

OWNER = "hub.jupyter.org/username"
SERVER = "hub.jupyter.org/servername"
_OF_PEOPLE = "singleuser-storage"
_NEVER_USED = "Pending"


@dataclass(frozen=True, slots=True)
class Claimed:
    """`homes` are claims by person, empty while there is no volume behind one. `others` are claims
    that are neither, each with what is known of it.
    """

    homes: Mapping[str, str]
    shared: str
    others: tuple[tuple[str, str], ...]


def claimed(claims: Iterable[Object]) -> Claimed:
    """What the claims of one namespace hold.

    Of several volumes of a person, their home is the newest of no server in particular; the only
    one of a person is their home, whichever server made it.
    """
    people: dict[str, list[Object]] = {}
    others: dict[str, str] = {}
    shared = ""
    for claim in sorted(claims, key=_age):
        name = _name(claim)
        person = _note(claim, OWNER) if _of_people(claim) else ""
        if name == SHARED:
            shared = name if _is_used(claim) else ""
        elif person:
            people.setdefault(person, []).append(claim)
        elif name != CLAIM and _is_used(claim):
            others[name] = "It is neither a home nor a shared folder that hubfleet declared."
    homes = {}
    for person, theirs in people.items():
        used = [claim for claim in theirs if _is_used(claim)]
        plain = [claim for claim in used if not _note(claim, SERVER)]
        home = plain[-1] if plain else used[0] if len(used) == 1 else None
        homes[person] = _name(home) if home else ""
        for claim in used:
            if claim is not home:
                others[_name(claim)] = f"It is another volume of {person}, and not their home."
    return Claimed(homes, shared, tuple(sorted(others.items())))


def _name(claim: Object) -> str:
    return str(claim["metadata"]["name"])


def _note(claim: Object, key: str) -> str:
    return str((claim["metadata"].get("annotations") or {}).get(key) or "")


def _of_people(claim: Object) -> bool:
    labels: dict[str, str] = claim["metadata"].get("labels") or {}
    return labels.get("component", "") == _OF_PEOPLE


def _age(claim: Object) -> tuple[str, str]:
    return str(claim["metadata"].get("creationTimestamp") or ""), _name(claim)


def _is_used(claim: Object) -> bool:
    """Whether there is a volume behind it: one that nobody used yet holds nothing."""
    status: dict[str, str] = claim.get("status") or {}
    return status.get("phase", _NEVER_USED) != _NEVER_USED

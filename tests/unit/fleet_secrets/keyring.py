"""Identities and sealed values for tests."""

from __future__ import annotations

from pathlib import Path

from hubfleet.fleet.secrets.age import Identity, seal
from hubfleet.fleet.secrets.own_key import make_identity

FILE = "communities/reef/hubs/prod.secret.yaml"


def identity_in(folder: Path, name: str = "age.key") -> Identity:
    return make_identity(folder / name)


def sealed(value, key: str, *identities: Identity, file: str = FILE) -> str:
    return seal(value, f"{file}:{key}", [i.public_keys()[0] for i in identities])

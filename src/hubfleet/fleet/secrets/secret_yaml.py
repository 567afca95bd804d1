"""Reading a `*.secret.yaml`: every leaf becomes an opaque `Secret`, no key is needed."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from hubfleet.fleet.secrets.age import PREFIX, is_sealed
from hubfleet.fleet.secrets.keys import key_text
from hubfleet.fleet.secrets.secret import Secret, secrets_in
from hubfleet.fleet.secrets.sops import is_encrypted_by_sops, is_sops
from hubfleet.fleet.yaml import Document, KeyPath, parse_yaml, read_yaml
from hubfleet.kit.errors import Problem

SUFFIX = ".secret.yaml"


def is_secret_file(name: str) -> bool:
    """Whether a file of this name holds encrypted values."""
    return name.endswith(SUFFIX)


def twin_of(file: str) -> str:
    """The secret file beside a declaration, `fleet.yaml` -> `fleet.secret.yaml`."""
    return file.removesuffix(".yaml") + SUFFIX


def plain_of(file: str) -> str:
    """The declaration beside a secret file."""
    return file.removesuffix(SUFFIX) + ".yaml" if is_secret_file(file) else file


def read_secret_file(path: Path, name: str) -> Document:
    """The file at `path`, which places and bindings call `name` (from the fleet's root, with `/`).

    `value` holds `Secret`s at its leaves; a leaf that is not encrypted is left out and a problem.
    `null`, `{}` and `[]` hold nothing to hide and are kept.
    """
    return _sealed_leaves(read_yaml(path, name), path)


def parse_secret_text(text: str, name: str) -> Document:
    """The same for text in memory."""
    return _sealed_leaves(parse_yaml(text, name), None)


def _sealed_leaves(document: Document, path: Path | None) -> Document:
    if document.value is None:
        return document
    reading = _Leaves(document, path if is_sops(document.value) else None)
    value = {k: v for k, v in document.value.items() if reading.sops_file is None or k != "sops"}
    kept = reading.mapping(value, ())
    problems = (*document.problems, *reading.problems)
    return Document(document.file, kept, document.places, problems)


def outside_of(prefix: KeyPath, document: Document, also: Collection[str] = ()) -> list[Problem]:
    """Keys that cannot be in a secret file whose hub fields stand under `prefix`.

    `also` are keys that somebody else reads.
    """
    if not prefix or document.value is None:
        return []
    known = {prefix[0], *also}
    return [_not_secret(document, (key,)) for key in document.value if key not in known]


def joined(document: Document, secrets: Document, key: str) -> Document:
    """`document` with what the secret file beside it holds under `key`; the secret value wins."""
    inner = (secrets.value or {}).get(key)
    if not isinstance(inner, dict) or document.value is None:
        return document
    plain = document.value.get(key)
    merged = _merged(plain if isinstance(plain, dict) else {}, inner)
    theirs = {path: place for path, place in secrets.places.items() if len(path) > 1}
    places = {**document.places, **theirs}
    return Document(document.file, {**document.value, key: merged}, places, document.problems)


def _merged(plain: dict[str, Any], secret: dict[str, Any]) -> dict[str, Any]:
    result = dict(plain)
    for key, value in secret.items():
        below = result.get(key)
        if isinstance(value, dict) and isinstance(below, dict):
            result[key] = _merged(below, value)
        else:
            result[key] = value
    return result


def not_secret(document: Document, path: KeyPath) -> Problem | None:
    """The problem of a secret where the model wants to see the value; None where none stands."""
    value: Any = document.value
    for part in path:
        try:
            value = value[part]
        except (LookupError, TypeError):
            return None
    return _not_secret(document, path) if any(secrets_in(value)) else None


def _not_secret(document: Document, path: KeyPath) -> Problem:
    return Problem(
        "not-secret",
        f"`{key_text(path)}` cannot be secret",
        document.place(path),
        "The plan needs to read it.",
        f"move it to {plain_of(document.file)}",
    )


class _Leaves:
    """Turns leaves into secrets; gathers the plain ones on the way."""

    def __init__(self, document: Document, sops_file: Path | None) -> None:
        self.document = document
        self.sops_file = sops_file
        self.problems: list[Problem] = []

    def mapping(self, value: dict[str, Any], path: KeyPath) -> dict[str, Any]:
        read = {key: self.value(inner, (*path, key)) for key, inner in value.items()}
        return {key: inner for key, inner in read.items() if inner is not _REFUSED}

    def value(self, value: Any, path: KeyPath) -> Any:
        if isinstance(value, dict):
            return self.mapping(value, path)
        if isinstance(value, list):
            items = [self.value(item, (*path, index)) for index, item in enumerate(value)]
            return [item for item in items if item is not _REFUSED]
        return None if value is None else self.leaf(value, path)

    def leaf(self, value: Any, path: KeyPath) -> Any:
        place = self.document.place(path)
        encrypted = is_encrypted_by_sops if self.sops_file else is_sealed
        if isinstance(value, str) and encrypted(value):
            at = f"{self.document.file}:{key_text(path)}"
            return Secret(value, at, path, place, self.sops_file)
        if isinstance(value, str) and value.startswith(PREFIX):
            what, why = "is not a whole encrypted value", "It was changed or cut short."
            cure = "restore the line from git, or set it anew with `hubfleet secret set`"
            code = "secret-damaged"
        else:
            what, why = "is not encrypted", "Whoever can read the fleet could read it."
            cure = (
                f"remove it, then run `hubfleet secret set {self.document.file} {key_text(path)}`; "
                "change the password or token where it is valid, because it was open"
            )
            code = "plain-in-secret-file"
        self.problems.append(Problem(code, f"`{key_text(path)}` {what}", place, why, cure))
        return _REFUSED


_REFUSED: Any = object()

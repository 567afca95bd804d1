"""All secret files of a fleet: which there are, which one a person means, sealing all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hubfleet.fleet.secrets.age import Identity
from hubfleet.fleet.secrets.rewriting import Target, sealed_anew
from hubfleet.fleet.secrets.round_trip import write_declaration
from hubfleet.fleet.secrets.secret_yaml import SUFFIX, is_secret_file, plain_of, twin_of
from hubfleet.fleet.secrets.sops import is_sops
from hubfleet.fleet.yaml import read_yaml
from hubfleet.kit.errors import HubfleetError, Problem, failure


def yaml_files(root: Path) -> Iterator[str]:
    """Every `.yaml` of the fleet, from its root, in order; folders and files with a dot are not."""
    for path in sorted(root.rglob("*.yaml")):
        inside = path.relative_to(root)
        if path.is_file() and not any(part.startswith(".") for part in inside.parts):
            yield inside.as_posix()


def secret_files(root: Path) -> list[str]:
    """The `*.secret.yaml` among them."""
    return [name for name in yaml_files(root) if is_secret_file(name)]


def secret_file_for(root: Path, meant: str) -> str:
    """The secret file for a hub (`community/hub`) or a file of the fleet, there already or not."""
    for candidate in _candidates(root, meant):
        name = candidate if is_secret_file(candidate) else twin_of(candidate)
        if (root / plain_of(name)).is_file():
            return name
    raise failure(
        "no-such-declaration",
        f"`{meant}` is neither a hub nor a file of the fleet",
        place=str(root),
        why=f"A file *{SUFFIX} stands beside the file whose values it holds.",
        hint="name a hub as community/hub, or a file such as communities/earth-lab/community.yaml",
    )


def _candidates(root: Path, meant: str) -> Iterator[str]:
    community, slash, hub = meant.partition("/")
    if slash and "/" not in hub and not hub.endswith(".yaml"):
        yield f"communities/{community}/hubs/{hub}.yaml"
    resolved = root.resolve()
    for path in (root / meant, Path.cwd() / meant):
        inside = path.resolve()
        if inside.suffix == ".yaml" and inside.is_relative_to(resolved):
            yield inside.relative_to(resolved).as_posix()


def refuse_sops(root: Path, name: str) -> None:
    """Raise for a file that only sops may write."""
    if (root / name).is_file() and is_sops(read_yaml(root / name, name).value or {}):
        raise failure(
            "sops-file",
            "this file is encrypted with sops, not by hubfleet",
            place=name,
            hint=f"change it with `sops edit {name}`",
        )


@dataclass(frozen=True, slots=True)
class SealedAnew:
    """What `seal_all` did: files and values written, and the sops files it left alone."""

    files: int
    values: int
    sops_files: tuple[str, ...]


def seal_all(root: Path, keys: Sequence[str], identity: Identity) -> SealedAnew:
    """Encrypt every value of the fleet for exactly these keys.

    All values are opened before the first file is written; values that are for these keys already
    stay as they are, so that the second call finishes what a crash left undone.
    """
    texts, sops_files = _texts_anew(root, keys, identity)
    changed = {name: text for name, (text, count) in texts.items() if count}
    for name, text in changed.items():
        write_declaration(root / name, text)
    values = sum(count for _, count in texts.values())
    return SealedAnew(len(changed), values, sops_files)


def refuse_unless_open(root: Path, identity: Identity) -> None:
    """Raise every value of the fleet that the identity does not open."""
    _texts_anew(root, identity.public_keys(), identity)


def _texts_anew(
    root: Path, keys: Sequence[str], identity: Identity
) -> tuple[dict[str, tuple[str, int]], tuple[str, ...]]:
    texts: dict[str, tuple[str, int]] = {}
    problems: list[Problem] = []
    sops_files = []
    for name in secret_files(root):
        document = read_yaml(root / name, name)
        if document.value is None:
            problems += document.problems
        elif is_sops(document.value):
            sops_files.append(name)
        else:
            try:
                text = (root / name).read_text(encoding="utf-8-sig")
                texts[name] = sealed_anew(text, Target(name, keys), identity)
            except HubfleetError as error:
                problems += error.problems
    if problems:
        raise HubfleetError(*dict.fromkeys(problems))
    return texts, tuple(sops_files)

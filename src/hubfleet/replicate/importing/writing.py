"""Settled hubs as files of a fleet; what is there stays, but for hubs with `replace`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from hubfleet.fleet.fields import is_name
from hubfleet.fleet.folder import survey
from hubfleet.fleet.load import FleetErrors, load_fleet
from hubfleet.fleet.model import ClusterFile
from hubfleet.fleet.yaml import read_yaml
from hubfleet.kit.errors import HubfleetError, Problem, failure
from hubfleet.kit.files import write_atomically
from hubfleet.replicate.importing.settling import Settled

_FILE_MODE = 0o644


@dataclass(frozen=True, slots=True)
class NewCluster:
    """What is written for a cluster that the fleet does not declare yet."""

    platform: str = "kubernetes"
    context: str = ""
    provider: str = ""
    region: str = ""

    def declaration(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = {"platform": self.platform}
        if self.region:
            found["region"] = self.region
        if self.platform == "kubernetes":
            reach: dict[str, Any] = {"provider": self.provider} if self.provider else {}
            found["kubernetes"] = {**reach, "context": self.context or name}
        return found


@dataclass(frozen=True, slots=True)
class Written:
    """Files by name, and what the fleet still lacks: empty when it validates."""

    files: tuple[str, ...]
    missing: tuple[Problem, ...] = ()


def name_of(text: str) -> str:
    """A name that the fleet takes, as near to `text` as may be."""
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:30].strip("-")
    if not is_name(name):
        raise failure(
            "no-name-for-import",
            f"`{text}` cannot become a name in a fleet",
            hint="rename it in the source: a name has letters and digits",
        )
    return name


def write(
    root: Path,
    hubs: Iterable[Settled],
    clusters: Mapping[str, NewCluster],
    representatives: Iterable[Mapping[str, str]] = (),
    *,
    replace: bool = False,
) -> Written:
    """All files or none: what is in the way is told before the first is written."""
    files = files_of(root, list(hubs), clusters, list(representatives))
    refuse_existing(root, files, replace=replace)
    for file, text in files.items():
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, text, mode=_FILE_MODE)
    return Written(tuple(files), _missing(root))


def files_of(
    root: Path,
    hubs: list[Settled],
    clusters: Mapping[str, NewCluster],
    representatives: Sequence[Mapping[str, str]],
) -> dict[str, str]:
    """Texts by file; clusters and communities only where the fleet has none of that name."""
    files: dict[str, str] = {}
    for name in sorted({one.found.cluster for one in hubs}):
        file = f"clusters/{name}.yaml"
        if not (root / file).exists():
            files[file] = yaml_text(clusters.get(name, NewCluster()).declaration(name))
    for one in hubs:
        found = one.found
        file = f"communities/{found.community}/community.yaml"
        if file not in files and not (root / file).exists():
            title = found.community_title or found.community.replace("-", " ").title()
            said = {"representatives": representatives} if representatives else {}
            files[file] = yaml_text({"name": title, **said})
    stages = _stages(root, hubs)
    for one in hubs:
        found = one.found
        file = f"communities/{found.community}/hubs/{found.hub}.yaml"
        if file in files:
            raise failure(
                "import-twice",
                f"two hubs of the source would be `{found.name}`",
                place=file,
                hint="rename one of them in the source, or import them one by one",
            )
        files[file] = yaml_text(_staged(one, stages.get(found.community, [])))
    return files


def _staged(one: Settled, staging: list[str]) -> dict[str, Any]:
    """With its stage, and a gate where the community has several or none to choose from."""
    declared = dict(one.declaration)
    head = {key: declared.pop(key) for key in ("cluster",) if key in declared}
    if is_staging(one.found.hub):
        return {**head, "stage": "staging", **declared}
    gate = {}
    if len(staging) > 1:
        gate = {"gate": "staging" if "staging" in staging else min(staging)}
    elif not staging:
        gate = {"gate": "none"}
    return {**head, "stage": "production", **gate, **declared}


def is_staging(hub: str) -> bool:
    """Others know stages by names alone."""
    return bool({"staging", "stage", "test", "dev"} & set(hub.split("-")))


def _stages(root: Path, hubs: list[Settled]) -> dict[str, list[str]]:
    """The staging hubs of each community: those that come, and those that are there."""
    staging: dict[str, set[str]] = {}
    for one in hubs:
        if is_staging(one.found.hub):
            staging.setdefault(one.found.community, set()).add(one.found.hub)
    coming = {one.found.name for one in hubs}
    for name, file in survey(root).hubs.items():
        community, _, hub = name.partition("/")
        if (
            name not in coming
            and (read_yaml(root / file, file).value or {}).get("stage") == "staging"
        ):
            staging.setdefault(community, set()).add(hub)
    return {name: sorted(found) for name, found in staging.items()}


def refuse_existing(root: Path, files: Mapping[str, str], *, replace: bool) -> None:
    """Nothing is overwritten unasked, and nothing is written through a link."""
    problems = []
    for file, text in files.items():
        path = root / file
        if not path.resolve().is_relative_to(root.resolve()) or path.is_symlink():
            problems.append(
                Problem(
                    "import-target-link",
                    f"`{file}` is reached through a link",
                    file,
                    "The import would write to where it leads.",
                    "replace the link by what it leads to",
                )
            )
        elif path.exists() and not replace and path.read_text(encoding="utf-8") != text:
            problems.append(
                Problem(
                    "import-target-exists",
                    f"there is a file `{file}` already",
                    file,
                    "Nothing is overwritten.",
                    "import under another name, or say --replace",
                )
            )
    if problems:
        raise HubfleetError(*problems)


def _missing(root: Path) -> tuple[Problem, ...]:
    try:
        load_fleet(root, with_locks=False)
    except FleetErrors as errors:
        return errors.problems
    return ()


class _Dumper(yaml.SafeDumper):
    """No aliases; texts of several lines as such; what only looks like a number in quotes."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _lines(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _lines)
# Numbers of YAML 1.2 that YAML 1.1, which PyYAML writes, takes for text.
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|0o[0-7]+|0x[0-9a-fA-F]+")
_Dumper.add_implicit_resolver(
    "quoted", re.compile(rf"(?:{_NUMBER.pattern})$"), list("+-.0123456789")
)


def yaml_text(value: Any) -> str:
    """YAML as people write it; keys stay in their order."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


def declared_clusters(root: Path) -> dict[str, ClusterFile]:
    """The clusters that the fleet has; those that are wrong are left to the fleet's own checks."""
    found = {}
    for name, file in survey(root).clusters.items():
        value = read_yaml(root / file, file).value
        try:
            found[name] = ClusterFile.model_validate(value)
        except ValidationError:
            continue
    return found

"""Every text of a bundle by its path, out of what was described and found."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Self

from hubfleet.fleet.model import Fleet
from hubfleet.platforms.local.environments import EnvironmentStore
from hubfleet.replicate.bundle.manifest import Promise
from hubfleet.replicate.data.environments import (
    built_path,
    files_of,
    lock_text,
    packages_of,
    requirements_of,
    runtime_of,
)
from hubfleet.replicate.data.licences import Licence, licences_of
from hubfleet.replicate.describing import pages, plain, scripts
from hubfleet.replicate.describing.chart import by_password, chart_files, rules
from hubfleet.replicate.describing.declaring import Described, Description
from hubfleet.replicate.describing.pinning import FILE as IMAGES
from hubfleet.replicate.describing.pinning import images_json
from hubfleet.replicate.importing.writing import yaml_text

Texts = dict[str, tuple[bytes, bool]]


@dataclass(slots=True)
class Software:
    """What people's notebooks run with on one hub. `missing` are environments without a lock."""

    locks: dict[str, str] = field(default_factory=dict)
    packages: dict[str, dict[str, str]] = field(default_factory=dict)
    licences: dict[str, Licence] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, fleet: Fleet, one: Described, store: EnvironmentStore | None) -> Self:
        """By the names of environments; the default one's is empty."""
        found = cls()
        for wanted in one.original.environments:
            text = lock_text(fleet.root, store, wanted)
            if text is None:
                found.missing.append(wanted.name or "the environment")
                continue
            found.locks[wanted.name] = text
            found.packages[wanted.name] = packages_of(text)
            built = built_path(store, wanted)
            found.licences |= licences_of(built) if built else {}
        return found


def texts_of(
    fleet: Fleet,
    described: Description,
    promises: Mapping[str, Promise],
    software: Mapping[str, Software],
    people: Mapping[str, Mapping[str, Any]],
) -> Texts:
    """All but the archives and databases."""
    texts: dict[str, str] = {}
    binary: Texts = {}
    for file, value in described.declarations.items():
        texts[f"fleet/{file}"] = yaml_text(value)
    licences: dict[str, Licence] = {}
    for one in described.hubs:
        binary |= _repositories(fleet, one)
        texts |= _hub(one, software[one.short], people[one.short])
        licences |= software[one.short].licences
        if one.original.logo is not None and one.hub.values.page.logo:
            path = f"fleet/communities/{described.community}/{one.hub.values.page.logo}"
            binary[path] = (one.original.logo.path.read_bytes(), False)
    title = described.fleet.service.name
    kind = "hub" if len(described.hubs) == 1 else "community"
    texts["README.md"] = pages.readme(title, kind, promises)
    texts["PLACEHOLDERS.md"] = pages.placeholders(described.placeholders, described.left_out)
    texts["CHECKLIST.md"] = pages.checklist(described.fleet, described.community)
    texts["LICENCES.md"] = pages.licences(licences)
    if images := images_json(described):
        texts[IMAGES] = images
    texts["restore_homes.py"] = scripts.RESTORE_HOMES
    texts["make_environments.py"] = scripts.MAKE_ENVIRONMENTS
    for name, text in rules(described.fleet, _jupyterhub()).items():
        texts[f"monitoring/rules/{name}"] = text
    return {path: (text.encode(), False) for path, text in texts.items()} | binary


def _jupyterhub() -> str:
    try:
        return version("jupyterhub")
    except PackageNotFoundError:
        return "unknown"


def _hub(one: Described, software: Software, people: Mapping[str, Any]) -> dict[str, str]:
    folder, community = f"hubs/{one.short}", one.hub.community
    logo = one.original.logo.path.read_bytes() if one.original.logo else None
    if not one.hub.values.page.logo:
        logo = None
    texts = {f"{folder}/{name}": text for name, text in chart_files(one.hub, logo).items()}
    texts[f"{folder}/plain/jupyterhub_config.py"] = plain.jupyterhub_config(one.hub.values)
    versions = {} if _jupyterhub() == "unknown" else {"jupyterhub": _jupyterhub()}
    values = by_password(one.hub).values
    texts[f"{folder}/plain/requirements.txt"] = plain.requirements(values, versions)
    said = json.dumps(people, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    texts[f"{folder}/plain/people.json"] = said
    locked = {wanted.name: wanted for wanted in one.original.environments}
    for name, text in software.locks.items():
        made = f"{folder}/environment/{name or 'default'}"
        texts[f"{made}/requirements.txt"] = requirements_of(text)
        texts |= {f"{made}/{file}": said for file, said in runtime_of(text).items()}
        wanted = locked[name]
        if wanted.folder is None:
            beside = f"{one.short}.{name}.lock" if name else f"{one.short}.lock"
            texts[f"fleet/communities/{community}/hubs/{beside}"] = text
        else:
            texts[f"fleet/{wanted.lock_file}"] = text
    return texts


def _repositories(fleet: Fleet, one: Described) -> Texts:
    """Repositories that lie in the fleet, whole; their locks are written with the others."""
    found: Texts = {}
    for wanted in one.original.environments:
        if wanted.folder is None:
            continue
        at = wanted.folder.relative_to(fleet.root).as_posix()
        for name, data, executable in files_of(_top(fleet, one, at)):
            path = f"fleet/{_top_name(at)}/{name}"
            if not path.endswith("environment.lock"):
                found[path] = (data, executable)
    return found


def _top_name(at: str) -> str:
    """`communities/<community>/environment`, or one below `environments/`: whole repositories,
    also where only a folder of one describes the environment.
    """
    parts = at.split("/")
    return "/".join(parts[:3] if parts[2] == "environment" else parts[:4])


def _top(fleet: Fleet, one: Described, at: str) -> Any:
    assert at.startswith(f"communities/{one.hub.community}/")
    return fleet.root / _top_name(at)

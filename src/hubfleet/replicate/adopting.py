"""`replicate import`: a bundle becomes files of a fleet, and its data is put where the hub will be.

The whole bundle is read and checked before anything is written. Then the declarations, which plan
and apply take from there as any others; then, where it is asked for, the data.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hubfleet.fleet.fields import is_name
from hubfleet.fleet.load import FleetErrors, load_fleet
from hubfleet.fleet.yaml import read_yaml
from hubfleet.kit.errors import HubfleetError, Problem, failure
from hubfleet.kit.files import write_atomically
from hubfleet.platforms.local.folders import StateFolder
from hubfleet.replicate.bundle.container import check, opened
from hubfleet.replicate.bundle.manifest import Manifest, not_a_bundle
from hubfleet.replicate.data.restoring import Restored, places, restore
from hubfleet.replicate.describing.declaring import CLUSTER
from hubfleet.replicate.importing.writing import declared_clusters, yaml_text

_MOST_FILES = 512 * 1024 * 1024
"""Bytes of declarations and repositories, which are held in memory."""

Files = dict[str, tuple[bytes, int]]


@dataclass(frozen=True, slots=True)
class Wish:
    """Where the bundle goes. `named` is another name: `community`, or `community/hub`."""

    root: Path
    cluster: str
    named: str | None = None
    renamed: Mapping[str, str] = field(default_factory=dict)
    state: StateFolder | None = None
    """Where data is restored; None: only the declaration is taken in."""
    dry_run: bool = False


@dataclass(slots=True)
class Adopted:
    """What was written, what the fleet still lacks, and what became of the data."""

    hubs: dict[str, str]
    files: list[str]
    missing: tuple[Problem, ...] = ()
    changed: list[str] = field(default_factory=list)
    restored: list[Restored] = field(default_factory=list)
    placeholders: list[str] = field(default_factory=list)
    holds_data: bool = False


def adopt(
    bundle: Path, wish: Wish, report: Callable[[str, str], None] = lambda _what, _phase: None
) -> Adopted:
    """Take a bundle in. Raises what is wrong with it, or what is in its way; the second call, and
    one after a crash, does only what is not done yet.
    """
    report("the bundle", "being checked")
    manifest = check(bundle)
    names = _names(manifest, wish)
    _known_cluster(wish)
    files = _renamed(_fleet_files(bundle), manifest, names, wish)
    adopted = Adopted(
        names,
        sorted(files),
        placeholders=[f"{one.what}: {one.cure}" for one in manifest.placeholders],
        holds_data=any(
            p.archive or path.endswith("/hub.sqlite") for path, p in manifest.files.items()
        ),
    )
    _refuse_existing(wish.root, files)
    if wish.state is not None:
        _needs_local(wish, files)
    if wish.dry_run:
        if wish.state is not None:
            with places(wish.state, manifest, names, wish.renamed):
                pass
        return adopted
    if wish.state is not None:
        with places(wish.state, manifest, names, wish.renamed) as found, opened(bundle) as again:
            adopted.restored = restore(again, found, report)
    for path, (data, mode) in files.items():
        target = wish.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(target, data, mode=mode)
    _look_at_fleet(wish.root, names, adopted)
    return adopted


def _names(manifest: Manifest, wish: Wish) -> dict[str, str]:
    """The bundle's hubs by the names that they get here."""
    community, _, hub = (wish.named or manifest.community).partition("/")
    hubs = {short: short for short in manifest.hubs}
    if hub:
        if len(hubs) > 1:
            raise failure(
                "several-hubs-in-bundle",
                f"the bundle holds {len(hubs)} hubs, which cannot all be `{hub}`",
                hint="write --as COMMUNITY, or export one hub alone",
            )
        hubs = {next(iter(hubs)): hub}
    if not is_name(community) or not all(map(is_name, hubs.values())):
        raise failure(
            "bad-option",
            f"`--as {wish.named}` cannot be right",
            hint="write community or community/hub, in small letters, digits and `-`",
        )
    return {short: f"{community}/{name}" for short, name in sorted(hubs.items())}


def _known_cluster(wish: Wish) -> None:
    if not is_name(wish.cluster):
        raise failure(
            "bad-option",
            f"`--cluster {wish.cluster}` cannot be right",
            hint="name a cluster of the fleet, or a new one, in small letters, digits and `-`",
        )


def _fleet_files(bundle: Path) -> Files:
    """The bundle's own fleet, by path below `fleet/`."""
    found: Files = {}
    held = 0
    with opened(bundle) as again:
        for path, reading in again.parts():
            if not path.startswith("fleet/") or reading.part.archive is not None:
                continue
            held += reading.part.size
            if held > _MOST_FILES:
                raise not_a_bundle(str(bundle), "Its declarations are too large.")
            found[path.removeprefix("fleet/")] = (reading.whole(), reading.part.mode)
    return found


def _renamed(files: Files, manifest: Manifest, names: Mapping[str, str], wish: Wish) -> Files:
    """The files as they are to stand in the fleet; its own `fleet.yaml` stays as it is."""
    with tempfile.TemporaryDirectory() as folder:
        aside = Path(folder)
        for path, (data, _) in files.items():
            if path.endswith(".yaml") and not _in_repository(path):
                (aside / path).parent.mkdir(parents=True, exist_ok=True)
                (aside / path).write_bytes(data)
        made: Files = {}
        for path, content in sorted(files.items()):
            made |= _one(path, content, aside, manifest, names, wish)
    return made


def _in_repository(path: str) -> bool:
    return path.split("/")[2:3] in (["environment"], ["environments"], ["page"])


def _one(
    path: str,
    content: tuple[bytes, int],
    aside: Path,
    manifest: Manifest,
    names: Mapping[str, str],
    wish: Wish,
) -> Files:
    community = next(iter(names.values())).partition("/")[0]
    parts = path.split("/")
    if path == "fleet.yaml":
        return {}
    if path == f"clusters/{CLUSTER}.yaml":
        target = f"clusters/{wish.cluster}.yaml"
        return {} if (wish.root / target).exists() else {target: content}
    if parts[:2] != ["communities", manifest.community] or len(parts) < 3:
        raise not_a_bundle(path, "It is not part of the community that the manifest names.")
    base = f"communities/{community}"
    if parts[2:] == ["community.yaml"]:
        return _community(f"{base}/community.yaml", content, aside / path, wish)
    if parts[2] != "hubs":
        return {"/".join([base, *parts[2:]]): content}
    short, dot, ending = parts[3].partition(".")
    if short not in names or len(parts) != 4:
        raise not_a_bundle(path, "It is no hub that the manifest names.")
    target = f"{base}/hubs/{names[short].partition('/')[2]}{dot}{ending}"
    if ending != "yaml":
        return {target: content}
    return {target: (_hub(aside / path, path, names, wish).encode(), content[1])}


def _community(target: str, content: tuple[bytes, int], file: Path, wish: Wish) -> Files:
    """The fleet's own file stays; another community of that name is another one."""
    here = wish.root / target
    if not here.exists():
        return {target: content}
    theirs, ours = read_yaml(file, target).value or {}, read_yaml(here, target).value or {}
    if theirs.get("name") != ours.get("name"):
        raise failure(
            "community-is-another",
            f"the fleet has a community `{target.split('/')[1]}` that is another one",
            place=target,
            why=f"There it is called {str(ours.get('name'))[:80]!r}, "
            f"in the bundle {str(theirs.get('name'))[:80]!r}.",
            hint="import it under another name with --as",
        )
    return {}


def _hub(file: Path, path: str, names: Mapping[str, str], wish: Wish) -> str:
    """The hub's declaration on its new cluster."""
    document = read_yaml(file, path)
    if document.problems or not isinstance(document.value, dict):
        raise (
            HubfleetError(*document.problems)
            if document.problems
            else not_a_bundle(path, "It is no declaration of a hub.")
        )
    value: dict[str, Any] = {**document.value, "cluster": wish.cluster}
    gate = value.get("gate")
    if isinstance(gate, str) and gate in names:
        value["gate"] = names[gate].partition("/")[2]
    return yaml_text(_people_renamed(value, wish.renamed))


def _people_renamed(value: dict[str, Any], renamed: Mapping[str, str]) -> dict[str, Any]:
    """The declaration with the names that people have here."""
    if not renamed:
        return value
    made = dict(value)
    access = made.get("access")
    if isinstance(access, dict):
        made["access"] = access = dict(access)
        access["admins"] = _all_renamed(access.get("admins", []), renamed)
        allow = access.get("allow")
        if isinstance(allow, dict) and "users" in allow:
            access["allow"] = {**allow, "users": _all_renamed(allow["users"], renamed)}
    groups = made.get("groups")
    if isinstance(groups, dict):
        made["groups"] = {name: _all_renamed(who, renamed) for name, who in groups.items()}
    return made


def _all_renamed(people: Any, renamed: Mapping[str, str]) -> Any:
    if not isinstance(people, list):
        return people
    return [renamed.get(person, person) for person in people]


def _refuse_existing(root: Path, files: Files) -> None:
    """Nothing is overwritten, and nothing is written through a link."""
    problems = []
    for path, (data, _) in files.items():
        target = root / path
        if not target.resolve().is_relative_to(root.resolve()) or target.is_symlink():
            problems.append(
                Problem(
                    "import-target-link",
                    f"`{path}` is reached through a link",
                    path,
                    "The import would write to where it leads.",
                    "replace the link by what it leads to",
                )
            )
        elif target.exists() and (not target.is_file() or target.read_bytes() != data):
            problems.append(
                Problem(
                    "import-target-exists",
                    f"there is a file `{path}` already",
                    path,
                    "Nothing is overwritten.",
                    "import it under another name with --as",
                )
            )
    if problems:
        raise HubfleetError(*problems)


def _needs_local(wish: Wish, files: Files) -> None:
    known = declared_clusters(wish.root).get(wish.cluster)
    platform = known.platform if known else None
    new, _ = files.get(f"clusters/{wish.cluster}.yaml", (b"", 0))
    if platform is None and b"kubernetes" in new:
        platform = "kubernetes"
    if platform == "kubernetes":
        raise failure(
            "restore-needs-local",
            f"the cluster `{wish.cluster}` is not on this machine",
            why="People's files belong onto volumes there.",
            hint="import without --restore-data, apply, and unpack each home's archive into its "
            "volume; the bundle's README says whose is whose",
        )


def _look_at_fleet(root: Path, names: Mapping[str, str], adopted: Adopted) -> None:
    """What the fleet still lacks, and what its own layers add to the hub."""
    try:
        fleet = load_fleet(root, with_locks=False)
    except FleetErrors as errors:
        adopted.missing = errors.problems
        return
    for name in names.values():
        for key, effective in fleet.hubs[name].effective.items():
            if effective.layer in ("fleet", "cluster", "community"):
                adopted.changed.append(f"{name}: {key} comes from {effective.place}")

"""The folder of a fleet: which file declares what, and what does not belong there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from hubfleet.fleet.fields import is_name
from hubfleet.fleet.secrets.secret_yaml import SUFFIX, plain_of
from hubfleet.kit.errors import Place, Problem, failure

FLEET_FILE = "fleet.yaml"
COMMUNITY_FILE = "community.yaml"

_RENAMES = {
    "hubs": "communities/<community>/hubs",
    "cluster": "clusters",
    "community": "communities",
}
_FOLDERS = ("clusters", "communities")
_NAME_HINT = "use at most 30 lower-case letters, digits and `-`, such as earth-lab"


@dataclass
class Survey:
    """The files that declare something, by name, and what was odd on the way.

    `secrets` are the secret files by the name of the file beside them.
    """

    root: Path
    clusters: dict[str, str] = field(default_factory=dict)
    communities: dict[str, str] = field(default_factory=dict)
    hubs: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.resolved = self.root.resolve()

    def problem(self, code: str, file: str, what: str, *, why: str = "", hint: str = "") -> None:
        self.problems.append(Problem(code, what, Place(file), why, hint))


def find_root(start: Path) -> Path:
    """The nearest folder, from `start` upwards, that holds `fleet.yaml`."""
    start = start.absolute()
    if not start.is_dir():
        raise failure(
            "no-such-folder",
            f"there is no folder `{start}`",
            place=str(start),
            hint="name a folder that holds fleet.yaml",
        )
    for folder in (start, *start.parents):
        if (folder / FLEET_FILE).is_file():
            return folder
    raise not_a_fleet(start)


def not_a_fleet(folder: Path) -> Exception:
    """The error for a folder without `fleet.yaml`, empty or not."""
    empty = not any(folder.iterdir())
    return failure(
        "not-a-fleet",
        "the folder is empty" if empty else "the folder is not a fleet",
        place=str(folder),
        why="A fleet is a folder with a file fleet.yaml in it.",
        hint="run `hubfleet init` to begin one here, or name another with --fleet",
    )


def survey(root: Path) -> Survey:
    """Look through the fleet's folders, in order of names."""
    found = Survey(root)
    for name, entry in _entries(found, ""):
        if name == "fleet.yml":
            _refuse_yml(found, name, name)
        elif name.endswith(SUFFIX):
            _secret_file(found, name)
        elif entry.is_dir() and (meant := _meant(name)):
            found.problem(
                "unexpected-folder",
                name,
                f"a folder `{name}` means nothing here",
                hint=f"move its files to {meant}/",
            )
    for name, path in _yaml_files(found, "clusters", "a cluster"):
        found.clusters[name] = path
    for name, entry in _entries(found, "communities"):
        path = f"communities/{name}"
        if entry.is_dir():
            if _good_name(found, name, path, "a community"):
                _community(found, name, path)
        elif not _is_note(name):
            stem = name.partition(".")[0]
            found.problem(
                "unexpected-file",
                path,
                f"`{name}` is not a folder of a community",
                hint=f"move it to communities/{stem}/{COMMUNITY_FILE}"
                if name.endswith((".yaml", ".yml"))
                else "move it out of communities/",
            )
    return found


def _meant(name: str) -> str:
    """The folder that somebody misspelt; empty for a folder that is none of ours."""
    near = get_close_matches(name, _FOLDERS, 1, cutoff=0.8) if name not in _FOLDERS else []
    return _RENAMES.get(name) or (near[0] if near else "")


def _community(found: Survey, community: str, folder: str) -> None:
    found.communities[community] = f"{folder}/{COMMUNITY_FILE}"
    present = False
    for name, entry in _entries(found, folder):
        path = f"{folder}/{name}"
        if name == COMMUNITY_FILE:
            present = True
        elif name.endswith(SUFFIX):
            _secret_file(found, path)
        elif name == "community.yml":
            present = True
            _refuse_yml(found, path, name)
            del found.communities[community]
        elif name in ("hubs", "environment", "environments", "page") and entry.is_dir():
            continue
        elif name.endswith(".lock") and not entry.is_dir():
            continue  # read together with what it locks
        elif not _is_note(name):
            kind = "folder" if entry.is_dir() else "file"
            found.problem(
                f"unexpected-{kind}",
                path,
                f"a {kind} `{name}` means nothing here",
                why="A community has community.yaml, hubs/, environment/, environments/ and page/.",
                hint=f"move it to {folder}/hubs/"
                if name.endswith(".yaml")
                else "move it elsewhere",
            )
    if not present:
        found.problem(
            "missing-file",
            f"{folder}/{COMMUNITY_FILE}",
            f"the community `{community}` has no {COMMUNITY_FILE}",
            hint="add the file with at least `name` and `representatives`",
        )
        del found.communities[community]
    for name, path in _yaml_files(found, f"{folder}/hubs", "a hub"):
        found.hubs[f"{community}/{name}"] = path


def _yaml_files(found: Survey, folder: str, what: str) -> Iterator[tuple[str, str]]:
    """The declarations in a folder that holds nothing else."""
    names = []
    for name, entry in _entries(found, folder):
        path = f"{folder}/{name}"
        if entry.is_dir():
            found.problem(
                "unexpected-folder",
                path,
                f"a folder `{name}` means nothing here",
                why=f"Each file in {folder}/ declares {what}.",
                hint="move it elsewhere",
            )
        elif name.endswith(SUFFIX):
            _secret_file(found, path)
        elif name.endswith(".yml"):
            _refuse_yml(found, path, name)
        elif name.endswith(".yaml"):
            stem = name.removesuffix(".yaml")
            if _good_name(found, stem, path, what):
                names.append((stem, path))
        elif not _is_note(name) and not name.endswith(".lock"):
            found.problem(
                "unexpected-file",
                path,
                f"a file `{name}` means nothing here",
                why=f"Each file in {folder}/ declares {what}.",
                hint="rename it to end in .yaml, or move it elsewhere",
            )
    yield from names


def _entries(found: Survey, folder: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """What a folder holds, sorted, without dotfiles and links that lead out of the fleet."""
    if folder in found.refused:
        return
    try:
        with os.scandir(found.root / folder) as entries:
            listed = sorted(entries, key=lambda entry: entry.name)
    except FileNotFoundError:
        return
    except OSError as error:
        found.problem(
            "unreadable-folder",
            folder,
            f"`{folder}` cannot be read",
            why=f"{error.strerror}.",
            hint="check its permissions",
        )
        return
    inside = found.resolved
    for entry in listed:
        path = f"{folder}/{entry.name}".lstrip("/")
        if entry.name.startswith("."):
            continue
        if entry.is_symlink() and not Path(entry.path).resolve().is_relative_to(inside):
            found.refused.add(path)
            if folder or entry.name in (FLEET_FILE, "clusters", "communities"):
                found.problem(
                    "link-leads-out",
                    path,
                    "this link leads out of the fleet's folder",
                    why="Whoever reviews the fleet could not see what it points to.",
                    hint="copy what it points to",
                )
            continue
        yield entry.name, entry


def _good_name(found: Survey, name: str, path: str, what: str) -> bool:
    if is_name(name):
        return True
    lower = path.rpartition("/")[0] + "/" + path.rpartition("/")[2].lower()
    if name != name.lower() and (found.root / lower).exists():
        found.problem(
            "duplicate-name",
            path,
            f"`{name}` and `{name.lower()}` differ only by case",
            hint="rename or delete one of the two",
        )
    else:
        found.problem("bad-name", path, f"`{name}` cannot name {what}", hint=_NAME_HINT)
    return False


def _refuse_yml(found: Survey, path: str, name: str) -> None:
    found.problem(
        "yml-file",
        path,
        f"`{name}` ends in .yml",
        why="Declarations end in .yaml, so that none is overlooked.",
        hint=f"rename it to {name.removesuffix('.yml')}.yaml",
    )


def _secret_file(found: Survey, path: str) -> None:
    plain = plain_of(path)
    if (found.root / plain).is_file():
        found.secrets[plain] = path
        return
    found.problem(
        "secret-beside-nothing",
        path,
        f"there is no `{plain}` beside this file",
        why="A secret file holds values of the file beside it.",
        hint="rename or delete it",
    )


def _is_note(name: str) -> bool:
    return name.upper().startswith(("README", "LICENSE", "LICENCE")) or name.endswith(".md")

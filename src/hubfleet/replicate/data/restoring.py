"""Putting a bundle's data where a hub will find it when it is applied; a killed call goes on.

A hub that is not there yet has a folder like any other, only without a `spec.json`: whoever applies
it finds homes, shared folders and a database with people in it. `restoring.jsonl` remembers what is
done; each home is unpacked beside its place and gets its name by one rename.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hubfleet.fleet.fields import PROBE_USER, USER_NAME_PATTERN
from hubfleet.kit.errors import HubfleetError, Problem, failure
from hubfleet.kit.files import make_private_folder
from hubfleet.platforms.local.folders import HubFolder, StateFolder
from hubfleet.platforms.local.homes.people import numbers_of
from hubfleet.platforms.local.homes.quota import readable
from hubfleet.platforms.local.observing import living
from hubfleet.platforms.local.servers import home_number
from hubfleet.platforms.local.snapshots.database import DamagedDatabaseError
from hubfleet.replicate.bundle.container import Bundle, Reading, room_for
from hubfleet.replicate.bundle.manifest import Manifest, Promise, altered
from hubfleet.replicate.bundle.unpacking import unpack
from hubfleet.replicate.data.databases import put

_JOURNAL = "restoring.jsonl"
_ASIDE = ".restoring"
_RESERVE = 64 * 1024 * 1024
_TREES = ("shared", "shared-readwrite")
_PERSON = re.compile(USER_NAME_PATTERN)

Report = Callable[[str, str], None]


@dataclass(slots=True)
class Restored:
    """What became of one hub's data; `strangers` are owners of homes whom nobody knows."""

    hub: str
    homes: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    people_added: int = 0
    people_there: int = 0
    shared: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Place:
    """Where one hub's data goes. `people` are the bundle's names by those that they have here."""

    folder: HubFolder
    promise: Promise
    renamed: Mapping[str, str]
    done: set[str] = field(default_factory=set)

    def person(self, name: str) -> str:
        return self.renamed.get(name, name)

    def finished(self, what: str) -> None:
        with (self.folder.path / _JOURNAL).open("a", encoding="utf-8") as journal:
            journal.write(json.dumps(what) + "\n")
            journal.flush()
            os.fsync(journal.fileno())
        self.done.add(what)


@contextmanager
def places(
    state: StateFolder, manifest: Manifest, names: Mapping[str, str], renamed: Mapping[str, str]
) -> Iterator[dict[str, _Place]]:
    """Hold the folders of these hubs (bundle's name -> name here), which must be free for it.

    Raises everything that stands in the way at once, before anything is written.
    """
    found = {}
    problems: list[Problem] = []
    problems += _room(state, manifest)
    problems += _bad_names(manifest, renamed)
    for short, name in names.items():
        place = _Place(state.hub(name), manifest.hubs[short], renamed)
        place.done = _done(place.folder)
        problems += _in_the_way(place)
        found[short] = place
    if problems:
        raise HubfleetError(*problems)
    locks = []
    try:
        for place in found.values():
            make_private_folder(state.path)
            make_private_folder(place.folder.path.parent)
            make_private_folder(place.folder.path)
            lock = (place.folder.path / f"{_ASIDE}.lock").open("w")
            locks.append(lock)
            _only_one(lock.fileno(), place.folder)
        yield found
        for place in found.values():
            (place.folder.path / f"{_ASIDE}.lock").unlink(missing_ok=True)
    finally:
        for lock in locks:
            lock.close()


def _only_one(descriptor: int, folder: HubFolder) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise failure(
            "restore-under-way",
            f"the data of {folder.name} is being restored already",
            place=str(folder.path),
            hint="wait for the other import to end",
        ) from None


def _done(folder: HubFolder) -> set[str]:
    found = set()
    try:
        for line in (folder.path / _JOURNAL).read_text(encoding="utf-8").splitlines():
            found.add(str(json.loads(line)))
    except FileNotFoundError:
        pass
    except ValueError:
        pass  # the last line was cut off while it was written
    return found


def _room(state: StateFolder, manifest: Manifest) -> Iterator[Problem]:
    there = next(path for path in (state.path, *state.path.parents) if path.exists())
    wanted, free = room_for(manifest) + _RESERVE, shutil.disk_usage(there).free
    if wanted > free:
        yield Problem(
            "no-room-for-bundle",
            "there is no room for the bundle's data",
            str(there),
            f"It may need {readable(wanted)}, and {readable(free)} are free.",
            "make room, or choose another place with --state; nothing was written",
        )


def _bad_names(manifest: Manifest, renamed: Mapping[str, str]) -> Iterator[Problem]:
    for promise in manifest.hubs.values():
        here: dict[str, str] = {}
        for name in sorted({*promise.users, *promise.homes}):
            person = renamed.get(name, name)
            if not _PERSON.match(person) or person == PROBE_USER or len(person) > 255:
                yield Problem(
                    "bad-person-in-bundle",
                    f"nobody can be called {person[:80]!r}",
                    why="JupyterHub takes no such name, or it would lead out of the homes.",
                    hint="give them another with --map OLD=NEW",
                )
            elif person in here:
                yield Problem(
                    "two-people-of-one-name",
                    f"{here[person]!r} and {name!r} would both be {person!r}",
                    hint="give one of them another name with --map OLD=NEW",
                )
            here[person] = name


def _in_the_way(place: _Place) -> Iterator[Problem]:
    folder = place.folder
    if living(folder) is not None:
        yield Problem(
            "hub-is-running",
            f"{folder.name} runs, so that its data cannot be changed below it",
            str(folder.path),
            "",
            "import it under another name with --as, or stop the hub first",
        )
        return
    numbers = numbers_of(folder.path) if folder.path.exists() else {}
    for name in place.promise.homes:
        person = place.person(name)
        there = person in numbers and (folder.homes / str(numbers[person])).exists()
        if there and f"home {name}" not in place.done:
            yield Problem(
                "home-exists",
                f"{person} has a home on {folder.name} already",
                str(folder.homes / str(numbers[person])),
                "Nothing is overwritten.",
                "give the bundle's person another name with --map OLD=NEW, or move the home away",
            )
    for tree in _TREES if place.promise.shared else ():
        target = folder.path / tree
        if tree not in place.done and target.exists() and any(target.iterdir()):
            yield Problem(
                "shared-not-empty",
                f"the folder `{tree}` of {folder.name} is not empty",
                str(target),
                "Nothing is overwritten.",
                "move away what is in it",
            )


def restore(bundle: Bundle, found: Mapping[str, _Place], report: Report) -> list[Restored]:
    """Everything of the bundle that is data; what an earlier call did is not done again."""
    told = {short: Restored(place.folder.name) for short, place in found.items()}
    for path, reading in bundle.parts():
        parts = path.split("/")
        place = found.get(parts[1]) if parts[0] == "hubs" and len(parts) > 2 else None
        if place is None:
            continue
        if parts[2] == "homes" and reading.part.archive is not None:
            _home(place, parts[-1], reading, told[parts[1]], report)
        elif parts[2:] == ["hub.sqlite"]:
            _database(place, reading, told[parts[1]], report)
        elif parts[2].removesuffix(".tar") in _TREES and reading.part.archive is not None:
            _shared(place, parts[2].removesuffix(".tar"), reading, told[parts[1]], report)
    for place in found.values():
        (place.folder.path / _JOURNAL).unlink(missing_ok=True)
    return list(told.values())


def _home(place: _Place, file: str, reading: Reading, told: Restored, report: Report) -> None:
    owners = {f"{index}.tar": name for name, index in place.promise.homes.items()}
    name = owners.get(file)
    if name is None:
        raise altered(reading.place, "Its manifest does not say whose home it is.")
    person = place.person(name)
    told.homes.append(person)
    if name not in {*place.promise.users, *place.promise.admins}:
        told.strangers.append(person)
    if f"home {name}" in place.done:
        return
    report(f"home of {person}", "being restored")
    make_private_folder(place.folder.homes)
    number = home_number(place.folder.path, person)
    _unpack(reading, place.folder.path / _ASIDE, place.folder.homes / str(number))
    place.finished(f"home {name}")
    report(f"home of {person}", "done")


def _shared(place: _Place, tree: str, reading: Reading, told: Restored, report: Report) -> None:
    told.shared.append(tree)
    if tree in place.done:
        return
    report(f"{tree} of {place.folder.name}", "being restored")
    target = place.folder.path / tree
    if target.exists():
        target.rmdir()
    _unpack(reading, place.folder.path / _ASIDE, target)
    place.finished(tree)
    report(f"{tree} of {place.folder.name}", "done")


def _unpack(reading: Reading, aside: Path, target: Path) -> None:
    """Beside its place, then by one rename: half a home is never anybody's."""
    assert reading.part.archive is not None  # whoever calls this looked
    _clear(aside)
    make_private_folder(aside)
    try:
        unpack(reading, str(aside), reading.part.archive, reading.place)
        reading.finish()
        if target.exists():
            # Cut off after the rename and before it was written down.
            _clear(target)
        aside.rename(target)
    except BaseException:
        _clear(aside)
        raise


def _clear(path: Path) -> None:
    """Also what holds folders without rights, which people may have made."""
    if not path.exists():
        return
    for folder, inner, _ in os.walk(path):
        for name in inner:
            below = Path(folder) / name
            if not below.is_symlink():
                below.chmod(0o700)
    shutil.rmtree(path)


def _database(place: _Place, reading: Reading, told: Restored, report: Report) -> None:
    report(f"database of {place.folder.name}", "being restored")
    copy = place.folder.path / f"{_ASIDE}.sqlite"
    try:
        with copy.open("wb") as file:
            while data := reading.read(1 << 20):
                file.write(data)
        reading.finish()
        merged = put(copy, place.folder.database, place.person)
    except DamagedDatabaseError as error:
        raise altered(reading.place, f"It is no sound database: {error}.") from None
    finally:
        copy.unlink(missing_ok=True)
    told.people_added, told.people_there = merged["added"], merged["there"]
    report(f"database of {place.folder.name}", "done")

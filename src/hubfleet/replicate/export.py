"""Making a bundle: what is declared, what people have, and a manifest of all of it.

The order: `describing` says what the bundle's own fleet is; the database is copied, which tells who
is there; homes and shared folders follow one by one; the texts are written; the manifest comes
last, and by one rename the bundle is there. Killed anywhere, the same command goes on with the next
home.
"""

from __future__ import annotations

import json
import os
import sqlite3
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hubfleet.fleet.fields import PROBE_USER
from hubfleet.fleet.model import Fleet
from hubfleet.fleet.sign_in import people_by_name
from hubfleet.kit.digest import canonical_json, digest
from hubfleet.kit.errors import HubfleetError, failure
from hubfleet.platforms.local.environments import EnvironmentStore
from hubfleet.platforms.local.folders import HubFolder, StateFolder
from hubfleet.platforms.local.homes.people import numbers_of
from hubfleet.platforms.local.snapshots.database import DamagedDatabaseError
from hubfleet.replicate.bundle.archive import TreeArchive
from hubfleet.replicate.bundle.manifest import SCHEMA, Held, Manifest, Part, Promise, Told, part_of
from hubfleet.replicate.bundle.stage import Stage
from hubfleet.replicate.bundle.storing import not_written, zstandard_or_refuse
from hubfleet.replicate.data.databases import stripped_copy
from hubfleet.replicate.describing.declaring import Described, Description, describe
from hubfleet.replicate.describing.pinning import named_images, pin_images
from hubfleet.replicate.describing.texts import Software, texts_of
from hubfleet.replicate.images.reference import Reference
from hubfleet.replicate.images.registry import ImageRegistry

Report = Callable[[str, str], None]

_TREES = ("shared", "shared-readwrite")


@dataclass(frozen=True, slots=True)
class Options:
    """What goes into the bundle beside the declaration. `usage` is what the office measured."""

    database: bool = False
    homes: bool = False
    shared: bool = False
    at: str | None = None
    usage: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Exported:
    """What was made; `resumed` parts were there from a run that was cut off. `images` are as the
    bundle names them.
    """

    target: Path
    manifest: Manifest
    bytes: int
    resumed: int
    images: tuple[Reference, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The shape that `--json` promises."""
        told = self.manifest
        return {
            "bundle": str(self.target),
            "kind": told.kind,
            "community": told.community,
            "hubs": sorted(told.hubs),
            "files": len(told.files),
            "bytes": self.bytes,
            "resumed": self.resumed,
            "images": [
                {"image": one.name, "tag": one.tag, "digest": one.digest} for one in self.images
            ],
            "left_out": [one.model_dump() for one in told.left_out],
            "placeholders": [one.model_dump() for one in told.placeholders],
        }


def hubs_of(fleet: Fleet, name: str) -> tuple[str, ...]:
    """The hub of this name, or all hubs of the community; raises `unknown-hub`."""
    if name in fleet.hubs:
        return (name,)
    if name in fleet.communities and fleet.communities[name].hubs:
        return tuple(sorted(fleet.communities[name].hubs))
    raise failure(
        "unknown-hub",
        f"no hub and no community with hubs is called {name!r}",
        place=str(fleet.root),
        hint="`hubfleet status` lists the hubs",
    )


def export(
    fleet: Fleet,
    names: Sequence[str],
    target: Path,
    options: Options,
    state: StateFolder | None = None,
    report: Report = lambda _what, _phase: None,
    images: ImageRegistry | None = None,
) -> Exported:
    """Write the bundle of these hubs of one community; `state` is where local hubs live, `images`
    who is asked for digests.

    Raises what stands in the way; what was made until then is gone on with by the next call.
    """
    names = tuple(sorted(names))
    communities = {fleet.hubs[name].community for name in names}
    whole = set(names) == set(fleet.communities[min(communities)].hubs) and len(names) > 1
    key = digest([names, asdict(options), str(target.absolute())])
    stage = Stage(target.absolute(), key)
    if stage.shape == "zst":
        zstandard_or_refuse()
    work = _Export(fleet, describe(fleet, names), options, state, stage, report)
    try:
        with stage.held():
            pin_images(work.described, images, report)
            manifest = work.run("community" if whole else "hub")
            report("the bundle", "being put together")
            stage.finish(manifest)
    except HubfleetError:
        raise
    except OSError as error:
        raise not_written(target, error) from None
    report("the bundle", "done")
    size = sum(part.size for part in manifest.files.values())
    return Exported(target, manifest, size, stage.resumed, named_images(work.described))


@dataclass(slots=True)
class _Export:
    fleet: Fleet
    described: Description
    options: Options
    state: StateFolder | None
    stage: Stage
    report: Report
    files: dict[str, Part] = field(default_factory=dict)
    promises: dict[str, Promise] = field(default_factory=dict)
    software: dict[str, Software] = field(default_factory=dict)
    people: dict[str, dict[str, Any]] = field(default_factory=dict)

    def run(self, kind: Any) -> Manifest:
        for one in self.described.hubs:
            self._hub(one)
        for path, (data, executable) in self._texts().items():
            self.stage.put(path, data)
            self.files[path] = part_of(data, executable=executable)
        return Manifest(
            bundle=SCHEMA,
            kind=kind,
            community=self.described.community,
            at=self.options.at,
            hubs=self.promises,
            files=self.files,
            left_out=self.described.left_out,
            placeholders=self.described.placeholders,
        )

    def _texts(self) -> dict[str, tuple[bytes, bool]]:
        texts = texts_of(self.fleet, self.described, self.promises, self.software, self.people)
        if self.options.usage is not None:
            from hubfleet.replicate.describing.pages import cost

            usage = dict(self.options.usage)
            texts["usage.json"] = ((canonical_json(usage) + "\n").encode(), False)
            texts["COST.md"] = (cost(usage).encode(), False)
        _refuse_strangers(self.described, texts)
        return texts

    def _hub(self, one: Described) -> None:
        name, short = one.original.name, one.short
        folder = self._folder(one)
        people = self._people(one, folder)
        homes: dict[str, int] = {}
        if folder is not None and self.options.homes:
            homes = self._homes(one, folder)
        shared = folder is not None and self.options.shared and self._shared(one, folder)
        self.people[short] = people
        store = EnvironmentStore(self.state.environments) if self.state else None
        self.software[short] = Software.of(self.fleet, one, store)
        for key in self.software[short].missing:
            self._leave(
                f"{name}: the lock of {key}",
                "It was never built or locked here.",
                "run `hubfleet environment lock` where it is to run",
            )
        values = one.hub.values
        self.promises[short] = Promise(
            stage=values.stage,
            sign_in=values.access.sign_in,
            interface=values.interface,
            users=people["users"],
            admins=people["admins"],
            groups=people["groups"],
            packages=self.software[short].packages,
            named_servers=values.named_servers,
            database=f"hubs/{short}/hub.sqlite" in self.files,
            homes=homes,
            shared=shared,
        )

    def _folder(self, one: Described) -> HubFolder | None:
        """Where the hub lives, if it lives on this machine and its data is asked for."""
        wanted = self.options.database or self.options.homes or self.options.shared
        if not wanted:
            return None
        name = one.original.name
        cluster = self.fleet.clusters[one.original.cluster].file
        if cluster.platform != "local":
            self._leave(
                f"{name}: its data",
                "It is on the cluster, and not on this machine.",
                "copy the volumes of homes and of the hub's database there",
            )
            return None
        folder = None if self.state is None else self.state.hub(name)
        if folder is None or not folder.path.is_dir():
            self._leave(f"{name}: its data", "The hub was never applied here.", "")
            return None
        return folder

    def _leave(self, what: str, why: str, cure: str) -> None:
        self.described.left_out.append(Told(what=what, why=why, cure=cure))

    def _strange(self, text: str, *, name: bool = False) -> bool:
        return self.described.strangers.in_text(text, technical=name) is not None

    def _people(self, one: Described, folder: HubFolder | None) -> dict[str, Any]:
        """Who is declared, and who is in the database where that is taken along."""
        values, name = one.hub.values, one.original.name
        dropped = self.described.dropped[name]
        admins, users = set(values.access.admins), set(people_by_name(values))
        groups = {group: set(members) for group, members in values.groups.items()}
        roles: dict[str, list[str]] = {}
        if folder is not None and self.options.database:
            found = self._database(one, folder, dropped)
            users |= {*found["users"]}
            admins |= {*found["admins"]}
            for group, members in found["groups"].items():
                groups.setdefault(group, set()).update(members)
            roles = found["roles"]
        return {
            "users": sorted(users - dropped),
            "admins": sorted(admins - dropped),
            "groups": {group: sorted(groups[group] - dropped) for group in sorted(groups)},
            "roles": roles,
        }

    def _database(
        self, one: Described, folder: HubFolder, dropped: frozenset[str]
    ) -> dict[str, Any]:
        """Made anew at every run: people come and go while a bundle is made."""
        empty: dict[str, Any] = {"users": [], "admins": [], "groups": {}, "roles": {}}
        if not folder.database.exists():
            self._leave(f"{one.original.name}: its database", "There is none yet.", "")
            return empty
        self.report(f"database of {one.original.name}", "being copied")
        path = f"hubs/{one.short}/hub.sqlite"
        with tempfile.TemporaryDirectory(dir=self.stage.folder) as aside:
            copy = Path(aside) / "hub.sqlite"
            try:
                found = stripped_copy(folder.database, copy, without=dropped, strange=self._strange)
            except (DamagedDatabaseError, sqlite3.Error) as error:
                raise failure(
                    "database-damaged",
                    f"the database of {one.original.name} is damaged",
                    place=str(folder.database),
                    why=str(error),
                    hint="go back to a sound copy with "
                    f"`hubfleet rollback {one.original.name} --database`, or export without it",
                ) from None
            with self.stage.writing(path) as store, copy.open("rb") as file:
                while data := file.read(1 << 20):
                    store.write(data)
        self.files[path] = self.stage.keep(path, store, None, [])
        self.report(f"database of {one.original.name}", "done")
        return found

    def _homes(self, one: Described, folder: HubFolder) -> dict[str, int]:
        """One archive for each home, numbered by name: numbers of this machine mean nothing."""
        dropped = self.described.dropped[one.original.name]
        numbers = {
            person: number
            for person, number in numbers_of(folder.path).items()
            if person not in dropped
            and person != PROBE_USER
            and not self._strange(person, name=True)
        }
        homes = {}
        for index, (person, number) in enumerate(sorted(numbers.items()), 1):
            tree = folder.homes / str(number)
            if tree.is_dir() and not tree.is_symlink():
                homes[person] = index
                path = f"hubs/{one.short}/homes/{index}.tar"
                self._tree(
                    tree, path, f"home of {person}", f"{one.original.name}: home of {person}"
                )
        return homes

    def _shared(self, one: Described, folder: HubFolder) -> bool:
        found = False
        for name in _TREES:
            tree = folder.path / name
            if tree.is_dir() and not tree.is_symlink():
                found = True
                what = f"{name} of {one.original.name}"
                self._tree(
                    tree, f"hubs/{one.short}/{name}.tar", what, f"{one.original.name}: {name}"
                )
        return found

    def _tree(self, tree: Path, path: str, what: str, called: str) -> None:
        earlier = self.stage.done(path)
        if earlier is not None:
            part, notes = earlier
        else:
            self.report(what, "being copied")
            root = os.open(tree, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                with self.stage.writing(path) as store:
                    archive = TreeArchive(store)
                    archive.write(root)
            finally:
                os.close(root)
            notes = list(archive.notes)
            if archive.count > len(notes):
                notes.append(f"and {archive.count - len(notes)} more")
            held = Held(entries=archive.entries, bytes=archive.read)
            part = self.stage.keep(path, store, held, notes)
        self.files[path] = part
        for note in notes:
            self._leave(f"{called}: {note}"[:4000], "", "")
        self.report(what, "done")


def _refuse_strangers(described: Description, texts: Mapping[str, tuple[bytes, bool]]) -> None:
    """The last look: a name that slipped through everything else must not leave.

    What a community keeps in its own repository is its own words, and is left to `audit`.
    """
    own = f"fleet/communities/{described.community}/environment"
    for path, (data, _) in texts.items():
        if path.startswith(own):
            continue
        who = described.strangers.in_text(data.decode("utf-8", "replace"), technical=True)
        if who is not None:
            raise failure(
                "bundle-names-operator",
                "the bundle would name a host of the operator",
                place=path,
                why=f"It says `{who}`.",
                hint="`hubfleet replicate audit` shows where it is declared; change it there",
            )


def usage_of(path: Path) -> dict[str, Any]:
    """A file of measured use, as the office writes it; raises `bad-usage-file`."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(value, dict):
            return value
        why = "It is not a mapping."
    except (OSError, ValueError) as error:
        why = f"{getattr(error, 'strerror', None) or 'It is not JSON'}."
    raise failure(
        "bad-usage-file",
        "the file of measured use cannot be read",
        place=str(path),
        why=why,
        hint="name a JSON file with one mapping, or leave --usage out",
    )

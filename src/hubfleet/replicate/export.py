"""Making a bundle: what is declared, what people have, and a manifest of all of it.

The order: `describing` says what the bundle's own fleet is; the database is copied, which tells who
is there; homes and shared folders follow one by one; the texts are written; the manifest comes
last, and by one rename the bundle is there. Killed anywhere, the same command goes on with the next
home.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hubfleet.fleet.fields import PROBE_USER
from hubfleet.fleet.model import Fleet
from hubfleet.fleet.sign_in import people_by_name
from hubfleet.kit.digest import digest
from hubfleet.kit.errors import HubfleetError, Problem, TransientError, failure
from hubfleet.platforms.local.environments import EnvironmentStore
from hubfleet.platforms.local.folders import StateFolder
from hubfleet.platforms.local.snapshots.database import DamagedDatabaseError
from hubfleet.replicate.bundle.manifest import SCHEMA, Held, Manifest, Part, Promise, Told, part_of
from hubfleet.replicate.bundle.stage import Stage
from hubfleet.replicate.bundle.storing import not_written
from hubfleet.replicate.bundle.use import Use
from hubfleet.replicate.data.databases import stripped_copy
from hubfleet.replicate.data.sources import Source, Sources, Tree, on_this_machine
from hubfleet.replicate.describing.costs import cost
from hubfleet.replicate.describing.declaring import Described, Description, describe
from hubfleet.replicate.describing.pinning import named_images, pin_images
from hubfleet.replicate.describing.texts import Software, texts_of
from hubfleet.replicate.images.reference import Reference
from hubfleet.replicate.images.registry import ImageRegistry

Report = Callable[[str, str], None]

UNREAD = {
    "right-missing": "The account that exported it may not read it there.",
    "unknown-hub": "The hub was never applied there.",
    "database-elsewhere": "The hub keeps it in another database server.",
    "volume-in-use": "Its volume was in use on another machine.",
    "": "It could not be read where the hub runs.",
}
_NOT_OURS = ("unknown-hub", "database-elsewhere")
"""Why there is no database to copy; whatever else is wrong with one ends the export."""

UNREAD_CURE = "have it copied from there; or mend what the export said of it, and export again"


@dataclass(frozen=True, slots=True)
class Options:
    """What goes into the bundle beside the declaration.

    `usage` is what the office measured; `untold` is what the caller could not bring, and why.
    """

    database: bool = False
    homes: bool = False
    shared: bool = False
    at: str | None = None
    usage: Use | None = None
    untold: tuple[Told, ...] = ()

    @property
    def key(self) -> list[Any]:
        """What a killed export must have had in common to be gone on with: texts are made anew."""
        return [self.database, self.homes, self.shared, self.at]


@dataclass(frozen=True, slots=True)
class Exported:
    """What was made; `resumed` parts were there from a run that was cut off.

    `images` are as the bundle names them; `unread` says more of what was left out than may stand
    in the bundle.
    """

    target: Path
    manifest: Manifest
    bytes: int
    resumed: int
    images: tuple[Reference, ...] = ()
    unread: tuple[Problem, ...] = ()

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
            "unread": [problem.as_json() for problem in self.unread],
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
    sources: Sources | None = None,
    images: ImageRegistry | None = None,
) -> Exported:
    """Write the bundle of these hubs of one community; `state` is where local hubs live, `images`
    who is asked for digests.

    `sources` say where each hub's data is; without them, on this machine. Raises what stands in the
    way; what was made until then is gone on with by the next call.
    """
    names = tuple(sorted(names))
    communities = {fleet.hubs[name].community for name in names}
    whole = set(names) == set(fleet.communities[min(communities)].hubs) and len(names) > 1
    key = digest([names, options.key, str(target.absolute())])
    stage = Stage(target.absolute(), key)
    sources = sources or on_this_machine(state)
    work = _Export(fleet, describe(fleet, names), options, state, stage, report, sources)
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
    named = named_images(work.described)
    return Exported(target, manifest, size, stage.resumed, named, tuple(work.unread))


@dataclass(slots=True)
class _Export:
    fleet: Fleet
    described: Description
    options: Options
    state: StateFolder | None
    stage: Stage
    report: Report
    sources: Sources
    unread: list[Problem] = field(default_factory=list)
    files: dict[str, Part] = field(default_factory=dict)
    promises: dict[str, Promise] = field(default_factory=dict)
    software: dict[str, Software] = field(default_factory=dict)
    people: dict[str, dict[str, Any]] = field(default_factory=dict)

    def run(self, kind: Any) -> Manifest:
        for one in self.described.hubs:
            self._hub(one)
        self.described.left_out.extend(self.options.untold)
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
            texts["usage.json"] = (self.options.usage.text().encode(), False)
            texts["COST.md"] = (cost(self.options.usage).encode(), False)
        _refuse_strangers(self.described, texts)
        return texts

    def _hub(self, one: Described) -> None:
        name, short = one.original.name, one.short
        source = self._source(one)
        people = self._people(one, source)
        homes: dict[str, int] = {}
        if source is not None and self.options.homes:
            homes = self._homes(one, source)
        shared = source is not None and self.options.shared and self._shared(one, source)
        if source is not None and (self.options.homes or self.options.shared):
            try:
                self.described.left_out += map(self._without_names, source.others())
            except HubfleetError as error:
                self._unread(f"{name}: other volumes", error)
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

    def _source(self, one: Described) -> Source | None:
        """Where the hub's data is, if that is asked for."""
        if not (self.options.database or self.options.homes or self.options.shared):
            return None
        source = self.sources(one.original)
        if source is None:
            self._leave(f"{one.original.name}: its data", "The hub was never applied here.", "")
        return source

    def _leave(self, what: str, why: str, cure: str) -> None:
        self.described.left_out.append(Told(what=what, why=why, cure=cure))

    def _unread(self, called: str, error: HubfleetError) -> None:
        """Leave out what cannot be read; raises after which nothing could be.

        The bundle says so in words of ours alone: a cluster's may name its operator's hosts.
        """
        if isinstance(error, TransientError):
            raise error
        self.unread += error.problems
        why = UNREAD.get(error.problems[0].code, UNREAD[""])
        self._leave(called, why, UNREAD_CURE)
        self.report(called, "left out")

    def _without_names(self, told: Told) -> Told:
        """Names that somebody gave to a volume may be anybody's."""
        if self._strange(f"{told.what} {told.why}"):
            return told.model_copy(update={"what": "a volume of the cluster", "why": ""})
        return told

    def _strange(self, text: str, *, name: bool = False) -> bool:
        return self.described.strangers.in_text(text, technical=name) is not None

    def _people(self, one: Described, source: Source | None) -> dict[str, Any]:
        """Who is declared, and who is in the database where that is taken along."""
        values, name = one.hub.values, one.original.name
        dropped = self.described.dropped[name]
        admins, users = set(values.access.admins), set(people_by_name(values))
        groups = {group: set(members) for group, members in values.groups.items()}
        roles: dict[str, list[str]] = {}
        if source is not None and self.options.database:
            found = self._database(one, source, dropped)
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

    def _database(self, one: Described, source: Source, dropped: frozenset[str]) -> dict[str, Any]:
        """Made anew at every run: people come and go while a bundle is made."""
        name = one.original.name
        self.report(f"database of {name}", "being copied")
        path = f"hubs/{one.short}/hub.sqlite"
        nobody: dict[str, Any] = {"users": [], "admins": [], "groups": {}, "roles": {}}
        with tempfile.TemporaryDirectory(dir=self.stage.folder) as aside, ExitStack() as stack:
            try:
                whole = stack.enter_context(source.database(Path(aside) / "whole.sqlite"))
            except HubfleetError as error:
                if error.problems[0].code not in _NOT_OURS:
                    raise
                self._unread(f"{name}: its database", error)
                return nobody
            if whole is None:
                self._leave(f"{name}: its database", "There is none yet.", "")
                return nobody
            copy = Path(aside) / "hub.sqlite"
            try:
                found = stripped_copy(whole, copy, without=dropped, strange=self._strange)
            except (DamagedDatabaseError, sqlite3.Error) as error:
                raise failure(
                    "database-damaged",
                    f"the database of {name} is damaged",
                    place=str(whole),
                    why=str(error),
                    hint="go back to a sound copy with "
                    f"`hubfleet rollback {name} --database`, or export without it",
                ) from None
            with self.stage.writing(path) as store, copy.open("rb") as file:
                while data := file.read(1 << 20):
                    store.write(data)
        self.files[path] = self.stage.keep(path, store, None, [])
        self.report(f"database of {name}", "done")
        return found

    def _homes(self, one: Described, source: Source) -> dict[str, int]:
        """One archive for each home, numbered by name: numbers of this machine mean nothing."""
        dropped, name = self.described.dropped[one.original.name], one.original.name
        try:
            trees = source.homes()
        except HubfleetError as error:
            self._unread(f"{name}: people's homes", error)
            return {}
        kept = [
            person
            for person in sorted(trees)
            if person not in dropped
            and person != PROBE_USER
            and not self._strange(person, name=True)
        ]
        homes = {}
        for index, person in enumerate(kept, 1):
            tree, path = trees[person], f"hubs/{one.short}/homes/{index}.tar"
            if tree is not None and self._tree(
                tree, path, f"home of {person}", f"{name}: home of {person}"
            ):
                homes[person] = index
        return homes

    def _shared(self, one: Described, source: Source) -> bool:
        found, name = False, one.original.name
        try:
            trees = source.shared()
        except HubfleetError as error:
            self._unread(f"{name}: shared folders", error)
            return False
        for folder, tree in trees.items():
            path = f"hubs/{one.short}/{folder}.tar"
            found |= self._tree(tree, path, f"{folder} of {name}", f"{name}: {folder}")
        return found

    def _tree(self, tree: Tree, path: str, what: str, called: str) -> bool:
        """False where it could not be read."""
        earlier = self.stage.done(path, called)
        if earlier is not None:
            part, notes = earlier
        else:
            self.report(what, "being copied")
            try:
                with self.stage.writing(path) as store:
                    contents = tree(store)
            except HubfleetError as error:
                self._unread(called, error)
                return False
            if contents is None:
                return False
            held, notes = Held(entries=contents.entries, bytes=contents.bytes), [*contents.notes]
            part = self.stage.keep(path, store, held, notes, called)
        self.files[path] = part
        for note in notes:
            self._leave(f"{called}: {note}"[:4000], "", "")
        self.report(what, "done")
        return True


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

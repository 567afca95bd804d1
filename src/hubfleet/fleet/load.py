"""The recipe: look through the folder, read, type, layer, check; a `Fleet` or all that is wrong.

Nothing here asks the clock: whether an `until` has passed is for those who act on it.
"""

from __future__ import annotations

import gc
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from hubfleet.fleet.checks import cross_problems, layer_problems
from hubfleet.fleet.console import console_place
from hubfleet.fleet.drafts import Draft, Source, draft_hub, finish, gates_of
from hubfleet.fleet.environments import EnvironmentReader, computed_values, one_kind
from hubfleet.fleet.folder import FLEET_FILE, Survey, find_root, not_a_fleet, survey
from hubfleet.fleet.kubernetes_checks import chart_content, cluster_problems, hub_problems
from hubfleet.fleet.layers import merge, settings_of
from hubfleet.fleet.logo import logo_of
from hubfleet.fleet.model import (
    Cluster,
    ClusterFile,
    Community,
    CommunityFile,
    Fleet,
    FleetFile,
    Hub,
    HubValues,
    Layer,
    Service,
)
from hubfleet.fleet.oncall import ONCALL_FILE, SECRET_KEYS, OnCallFile
from hubfleet.fleet.oncall_checks import oncall_problems
from hubfleet.fleet.secrets.findings import findings
from hubfleet.fleet.secrets.secret_yaml import (
    is_secret_file,
    joined,
    not_secret,
    outside_of,
    read_secret_file,
)
from hubfleet.fleet.words import problems_of
from hubfleet.fleet.yaml import Document, KeyPath, read_yaml
from hubfleet.kit.errors import HubfleetError, Place, Problem, in_reading_order

__all__ = ["FleetErrors", "find_root", "load_fleet"]

FileModel = TypeVar("FileModel", bound=BaseModel)
SERVICE = "service"
"""The part of fleet.yaml that is no hub's and may have secrets."""

# What stands in for a required key that is missing or wrong, so that the rest of the fleet can
# still be checked; no fleet with a stand-in is ever returned.
_STAND_INS: Mapping[type[BaseModel], Mapping[str, Any]] = {
    FleetFile: {
        "service": {"name": "?", "operator": "?", "contact": "a@b.c", "domain": "localhost"}
    },
    ClusterFile: {"platform": "local"},
    OnCallFile: {},
    CommunityFile: {"name": "?", "representatives": [{"name": "?", "email": "a@b.c"}]},
}


class FleetErrors(HubfleetError):  # noqa: N818  (the design's name: it is many errors)
    """Everything that is wrong with a fleet, and how many files of each kind it has."""

    def __init__(
        self, problems: Iterable[Problem], *, hubs: int, clusters: int, communities: int
    ) -> None:
        super().__init__(*problems)
        self.hubs = hubs
        self.clusters = clusters
        self.communities = communities


def load_fleet(root: Path, *, with_locks: bool = True) -> Fleet:
    """Raises `FleetErrors` with every problem of the whole fleet, in reading order.

    Whoever is about to write locks reads the fleet without them.
    """
    if not root.is_dir() or not (root / FLEET_FILE).is_file():
        raise _no_fleet(root)
    found = survey(root)
    loading = _Loading(found, with_locks=with_locks)
    with _no_collections():
        fleet = loading.load()
    problems = _without_repeats(loading.problems)
    if problems:
        raise FleetErrors(
            problems,
            hubs=len(found.hubs),
            clusters=len(found.clusters),
            communities=len(found.communities),
        )
    return fleet


@contextmanager
def _no_collections() -> Iterator[None]:
    """Loading makes many values and no cycles: looking for those would take a third of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _no_fleet(root: Path) -> Exception:
    if root.is_dir() and (root / "fleet.yml").is_file():
        place = Place("fleet.yml")
        what = "`fleet.yml` ends in .yml"
        problem = Problem("yml-file", what, place, hint="rename it to fleet.yaml")
        return FleetErrors([problem], hubs=0, clusters=0, communities=0)
    if root.is_dir():
        return not_a_fleet(root)
    try:
        find_root(root)
    except HubfleetError as error:
        return error
    return not_a_fleet(root.parent)


def _without_repeats(problems: Iterable[Problem]) -> list[Problem]:
    """In reading order; a problem of a shared layer once, not once for each hub.

    That a value looks like a secret is told only where nothing else is wrong with it.
    """
    first: dict[tuple[str, str, str], Problem] = {}
    for problem in in_reading_order(problems):
        first.setdefault((problem.code, str(problem.place), problem.what), problem)
    told = list(first.values())
    wrong = {problem.place for problem in told if not _looks_secret(problem)}
    return [problem for problem in told if problem.place not in wrong or not _looks_secret(problem)]


def _looks_secret(problem: Problem) -> bool:
    return problem.code == "secret-in-plain-file" and "stands in a plain file" in problem.what


class _Loading:
    """One run of the recipe; gathers problems on the way."""

    def __init__(self, found: Survey, *, with_locks: bool = True) -> None:
        self.found = found
        self.with_locks = with_locks
        self.problems: list[Problem] = list(found.problems)

    def load(self) -> Fleet:
        found = self.found
        document = self.read(FLEET_FILE)
        file = self.typed(self.with_secrets(document, SERVICE), FleetFile)
        fleet_source = self.source(document, "fleet", ("defaults",))
        clusters, cluster_sources = self.clusters()
        documents = {name: self.read(path) for name, path in found.communities.items()}
        communities = self.communities(documents)
        community_sources = {
            name: self.source(document, "community", ("defaults",))
            for name, document in documents.items()
        }
        unknown = Source({}, Document("", {}), sound=False)
        drafts: dict[str, Draft] = {}
        for name in sorted(found.hubs):
            community = name.partition("/")[0]
            drafts[name] = draft_hub(
                name,
                fleet_source,
                cluster_sources,
                community_sources.get(community, unknown),
                self.source(self.read(found.hubs[name]), "hub", ()),
                title=communities[community].file.name if community in communities else community,
                domain=file.service.domain,
            )
        gates, gate_problems = gates_of(drafts, file.rollout.canaries)
        self.problems += gate_problems
        documents[""] = document
        self.problems += cross_problems(file, clusters, communities, drafts, documents)
        self.problems += hub_problems(drafts, clusters, found.root)
        by_images = {n for n, one in clusters.items() if one.file.platform == "kubernetes"}
        hubs = self.hubs(drafts, gates, file.service, by_images)
        oncall = self.oncall(file.service.timezone)
        return Fleet(found.root, file.service, file.rollout, clusters, communities, hubs, oncall)

    def oncall(self, timezone: str) -> OnCallFile:
        """Who is woken; a fleet without the file wakes nobody."""
        if not (self.found.root / ONCALL_FILE).is_file():
            return OnCallFile()
        document = self.read(ONCALL_FILE)
        secret_file = self.found.secrets.get(ONCALL_FILE)
        if secret_file is not None:
            secrets = read_secret_file(self.found.root / secret_file, secret_file)
            self.problems += [*secrets.problems, *outside_of(("people",), secrets, SECRET_KEYS)]
            for key in SECRET_KEYS:
                document = joined(document, secrets, key)
        before = len(self.problems)
        typed = self.typed(document, OnCallFile)
        if len(self.problems) == before and document.value is not None:
            self.problems += oncall_problems(typed, document, timezone)
        return typed

    def hubs(
        self,
        drafts: Mapping[str, Draft],
        gates: Mapping[str, str],
        service: Service,
        by_images: Collection[str],
    ) -> dict[str, Hub]:
        """The finished hubs; `by_images` are the clusters on which software comes as images."""
        zone, console = service.timezone, console_place(service.console, service.domain)
        reader = EnvironmentReader(self.found.root, with_locks=self.with_locks)
        hubs = {}
        for name, draft in drafts.items():
            imaged = draft.values.cluster in by_images
            environments, problems = reader.environments_of(draft, by_images=imaged)
            self.problems += problems
            computed = {**computed_values(environments), **chart_content(draft, self.found.root)}
            logo = logo_of(draft, self.found.root)
            if isinstance(logo, Problem):
                self.problems.append(logo)
                logo = None
            hubs[name] = finish(draft, gates.get(name), zone, environments, computed, logo, console)
        return hubs

    def communities(self, documents: Mapping[str, Document]) -> dict[str, Community]:
        hubs: dict[str, list[str]] = {}
        for hub in sorted(self.found.hubs):
            hubs.setdefault(hub.partition("/")[0], []).append(hub)
        return {
            name: Community(
                name,
                self.typed(document, CommunityFile),
                document.place(()),
                tuple(hubs.get(name, ())),
            )
            for name, document in sorted(documents.items())
        }

    def clusters(self) -> tuple[dict[str, Cluster], dict[str, Source]]:
        clusters, sources = {}, {}
        for name, file in sorted(self.found.clusters.items()):
            document = self.read(file)
            typed = self.typed(document, ClusterFile)
            clusters[name] = Cluster(name, typed, document.place(()))
            sources[name] = self.source(document, "cluster", ("defaults",))
            self.problems += cluster_problems(typed, document)
        return clusters, sources

    def read(self, file: str) -> Document:
        document = read_yaml(self.found.root / file, file)
        self.problems += document.problems
        if document.value is not None:
            self.problems += findings(document.value, document.place)
        return document

    def typed(self, document: Document, model: type[FileModel]) -> FileModel:
        """The file as its model; what is wrong is told, and left out or stood in for."""
        if document.value is None:
            return model.model_validate(_STAND_INS[model])
        value = without_nulls(document.value)
        bad = self.findings(document, document.value, value, model, ())
        if not bad:
            return model.model_validate(value)
        tops = {path[0] for path in bad}
        kept = {key: inner for key, inner in value.items() if key not in tops}
        return model.model_validate({**_STAND_INS[model], **kept})

    def with_secrets(self, document: Document, key: str) -> Document:
        """With what the secret file beside it holds under a key that is no hub's field."""
        secret_file = self.found.secrets.get(document.file)
        if secret_file is None:
            return document
        return joined(document, read_secret_file(self.found.root / secret_file, secret_file), key)

    def source(self, document: Document, layer: Layer, prefix: KeyPath) -> Source:
        """The hub fields that a file and the secret file beside it hold; the secret one wins."""
        plain = self.one_source(document, layer, prefix)
        secret_file = self.found.secrets.get(document.file)
        if secret_file is None:
            return plain
        secrets = read_secret_file(self.found.root / secret_file, secret_file)
        also = (SERVICE,) if layer == "fleet" else ()
        self.problems += [*secrets.problems, *outside_of(prefix, secrets, also)]
        secret = self.one_source(secrets, layer, prefix)
        settings = merge(plain.settings, secret.settings)
        return Source(settings, document, sound=plain.sound and secret.sound)

    def one_source(self, document: Document, layer: Layer, prefix: KeyPath) -> Source:
        """The hub fields that one file holds, without those that are wrong."""
        value: Any = document.value
        for key in prefix:
            value = value.get(key) if isinstance(value, dict) else None
        if not isinstance(value, dict):
            understood = document.value is not None and value is None and not document.problems
            return Source({}, document, sound=understood)
        bad = self.findings(document, value, without_nulls(value), HubValues, prefix)
        settings = {
            path: setting
            for path, setting in settings_of(value, layer, document, prefix).items()
            if not any(_overlap(path, wrong) for wrong in bad)
        }
        found = layer_problems(settings, layer)
        if is_secret_file(document.file):
            # Here a secret is in its place.
            found = [problem for problem in found if problem.code != "secret-in-plain-file"]
        self.problems += found
        if layer == "cluster":
            settings.pop(("cluster",), None)
        if layer != "hub":
            settings.pop(("domain",), None)
        return Source(one_kind(settings), document, sound=not bad and not document.problems)

    def findings(
        self,
        document: Document,
        raw: dict[str, Any],
        value: dict[str, Any],
        model: type[BaseModel],
        prefix: KeyPath,
    ) -> list[KeyPath]:
        """Tell what a model finds wrong; the paths of it."""
        findings: list[tuple[KeyPath, Problem]] = []
        try:
            model.model_validate(value)
        except ValidationError as error:
            findings = problems_of(error, model, document, prefix)
        if value != raw:
            # A misspelt key without a value is still a misspelt key.
            try:
                model.model_validate(raw)
            except ValidationError as error:
                found = problems_of(error, model, document, prefix)
                findings += [(p, problem) for p, problem in found if problem.code == "unknown-key"]
        self.problems += [
            not_secret(document, (*prefix, *path)) or problem for path, problem in findings
        ]
        return [path for path, _ in findings]


def without_nulls(value: dict[str, Any], path: KeyPath = ()) -> dict[str, Any]:
    """`null` says nothing; inside a traitlet's value it stays, because there it is a value."""
    return {key: _inner(v, (*path, key)) for key, v in value.items() if v is not None}


def _inner(value: Any, path: KeyPath) -> Any:
    if isinstance(value, dict):
        if path[-4:-2] == ("jupyterhub", "config"):
            return value
        return without_nulls(value, path)
    if isinstance(value, list) and path[-4:-2] != ("jupyterhub", "config"):
        return [_inner(item, (*path, index)) for index, item in enumerate(value)]
    return value


def _overlap(path: KeyPath, wrong: KeyPath) -> bool:
    length = min(len(path), len(wrong))
    return path[:length] == wrong[:length]

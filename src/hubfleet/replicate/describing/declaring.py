"""A hub's, or a community's, declaration as a fleet of its own: merged, without the operator.

What a layer below the community said is said by the hub now. What names the operator or somebody
else is left out and told; secrets become placeholders.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from hubfleet.fleet.layers import flatten, nest
from hubfleet.fleet.model import (
    Cluster,
    ClusterFile,
    Community,
    CommunityFile,
    Fleet,
    Hub,
    HubValues,
    Rollout,
    Service,
)
from hubfleet.fleet.secrets.secret import MARK
from hubfleet.fleet.sign_in import fields_of_others, is_local
from hubfleet.kit.errors import Place
from hubfleet.replicate.bundle.manifest import Told
from hubfleet.replicate.describing.strangers import Strangers, strangers_of, without_strangers

CLUSTER = "here"
CLIENT_ID = "supply-your-client-id"
_COMPUTED = (("cluster",), ("stage",), ("gate",), ("domain",))


@dataclass(slots=True)
class Described:
    """One hub as the bundle has it. `declaration` is its file; `hub` the same, effective."""

    hub: Hub
    original: Hub
    declaration: dict[str, Any]
    files: dict[str, bytes] = field(default_factory=dict)

    @property
    def short(self) -> str:
        return self.hub.name.partition("/")[2]


@dataclass(slots=True)
class Description:
    """All hubs of one bundle and their fleet. `dropped` are accounts of the operator by hub."""

    community: str
    fleet: Fleet
    hubs: list[Described]
    strangers: Strangers
    declarations: dict[str, Any] = field(default_factory=dict)
    left_out: list[Told] = field(default_factory=list)
    placeholders: list[Told] = field(default_factory=list)
    dropped: dict[str, frozenset[str]] = field(default_factory=dict)


def describe(fleet: Fleet, names: tuple[str, ...]) -> Description:
    """These hubs, which are of one community, as a fleet."""
    community = fleet.hubs[names[0]].community
    strangers = strangers_of(fleet, community)
    described = Description(community, fleet, [], strangers)
    file = _community_file(fleet, community, described)
    platform = _platform(fleet, names)
    for name in names:
        described.hubs.append(_hub(fleet, fleet.hubs[name], names, described))
    lead = file.representatives[0]
    service = Service(
        name=file.name,
        operator=file.name,
        contact=lead.email,
        domain="localhost",
        timezone=fleet.service.timezone,
    )
    cluster = ClusterFile.model_validate(_cluster(platform))
    own = Community(community, file, Place("community.yaml"), names)
    described.fleet = Fleet(
        fleet.root,
        service,
        Rollout(),
        {CLUSTER: Cluster(CLUSTER, cluster, Place(f"clusters/{CLUSTER}.yaml"))},
        {community: own},
        {one.hub.name: one.hub for one in described.hubs},
    )
    described.declarations = {
        "fleet.yaml": {"service": service.model_dump(mode="json", exclude_defaults=True)},
        f"clusters/{CLUSTER}.yaml": _cluster(platform),
        f"communities/{community}/community.yaml": file.model_dump(
            mode="json", exclude_defaults=True
        ),
        **{
            f"communities/{one.hub.name.replace('/', '/hubs/')}.yaml": one.declaration
            for one in described.hubs
        },
    }
    return described


def _platform(fleet: Fleet, names: tuple[str, ...]) -> str:
    """Kubernetes where any of the hubs needs it."""
    found = {fleet.clusters[fleet.hubs[name].cluster].file.platform for name in names}
    return "kubernetes" if "kubernetes" in found else "local"


def _cluster(platform: str) -> dict[str, Any]:
    if platform == "local":
        return {"platform": "local"}
    return {"platform": "kubernetes", "kubernetes": {"context": CLUSTER}}


def _community_file(fleet: Fleet, community: str, described: Description) -> CommunityFile:
    """Without defaults, which are the hubs' now, and without the operator's agreement."""
    file = fleet.communities[community].file
    kept = file.model_copy(update={"defaults": {}, "agreement": None})
    if file.agreement is not None:
        described.left_out.append(
            Told(
                what="the agreement with the operator",
                why="It names the operator's price lists.",
                cure="agree anew with whoever runs the hub next",
            )
        )
    notes, at = without_strangers(
        dict(file.responsibility_notes), described.strangers, "responsibility_notes"
    )
    described.left_out += [_stranger(f"community.yaml: {key}") for key in at]
    own = {slug for slug in file.responsibilities if slug in fleet.service.responsibilities}
    shared = {slug: who for slug, who in file.responsibilities.items() if slug not in own}
    known = {slug: note for slug, note in (notes or {}).items() if slug not in own}
    return kept.model_copy(update={"responsibilities": shared, "responsibility_notes": known})


def _hub(fleet: Fleet, hub: Hub, names: tuple[str, ...], described: Description) -> Described:
    flat = _said(hub)
    _drop_operator_admins(fleet, hub, flat, described)
    clean = dict(_clean(hub, flat, described))
    _way_in(fleet, hub, clean, described)
    _client(hub, clean, described)
    _dns(hub, described)
    gate = hub.gate if hub.gate in names else None
    head: dict[str, Any] = {"cluster": CLUSTER, "stage": hub.stage}
    if hub.stage == "production":
        head["gate"] = gate.partition("/")[2] if gate else "none"
    if domain := _own_domain(hub, described):
        head["domain"] = domain
    values = HubValues.model_validate({**nest(clean), **head})
    short = hub.name.partition("/")[2]
    domain = domain or f"{short}-{hub.community}.localhost"
    title = values.title or f"{fleet.communities[hub.community].file.name} ({short})"
    values = values.model_copy(update={"domain": domain, "title": title})
    made = replace(
        hub,
        cluster=CLUSTER,
        domain=domain,
        gate=gate,
        place=Place(f"communities/{hub.community}/hubs/{short}.yaml"),
        values=values,
        effective={},
        console=None,
    )
    return Described(made, hub, {**head, **nest(clean)})


def _said(hub: Hub) -> dict[tuple[str, ...], Any]:
    """What some file says, by path; what only hubfleet itself says is left to hubfleet."""
    found = {}
    others = fields_of_others(hub.values.access.sign_in)
    for path, value in flatten(hub.values.model_dump(mode="json")).items():
        effective = hub.effective[".".join(path)]
        if path in _COMPUTED or effective.layer in ("product", "computed") or value is None:
            continue
        if any(path[: len(other)] == other for other in others):
            continue
        found[path] = _short(value) if isinstance(value, list) else value
    return found


def _short(value: Any) -> Any:
    """A list of mappings without what they do not say."""
    if isinstance(value, list):
        return [_short(inner) for inner in value]
    if isinstance(value, Mapping):
        short = {key: _short(inner) for key, inner in value.items() if inner is not None}
        return {key: inner for key, inner in short.items() if inner not in ({}, [])}
    return value


def _drop_operator_admins(
    fleet: Fleet, hub: Hub, flat: dict[tuple[str, ...], Any], described: Description
) -> None:
    """Admins whom the fleet or the cluster names are the operator's own people."""
    path = ("access", "admins")
    if path not in flat or hub.effective["access.admins"].layer not in ("fleet", "cluster"):
        described.dropped[hub.name] = frozenset()
        return
    ours = {person.login for person in fleet.communities[hub.community].file.representatives}
    theirs = [name for name in flat[path] if name not in ours]
    described.dropped[hub.name] = frozenset(theirs)
    flat[path] = [name for name in flat[path] if name in ours]
    if theirs:
        described.left_out.append(
            Told(
                what=f"{hub.name}: {len(theirs)} accounts of the operator",
                why="They are admins of every hub of the fleet or cluster.",
                cure="name admins of your own under `access.admins`",
            )
        )


def _clean(
    hub: Hub, flat: Mapping[tuple[str, ...], Any], described: Description
) -> Iterator[tuple[tuple[str, ...], Any]]:
    for path, value in flat.items():
        key = ".".join(path)
        if _holds_secret(value):
            described.placeholders.append(
                Told(
                    what=f"{hub.name}: {key}",
                    why="It is a secret, which no bundle holds.",
                    cure=f"make it anew, then run `hubfleet secret set {hub.name} {key}`",
                )
            )
            continue
        clean, at = without_strangers(value, described.strangers, key)
        # Names of groups are words of people; all others are hubfleet's or the field's.
        words = path[0] == "groups"
        if any(described.strangers.in_text(part, technical=not words) for part in path):
            clean, at = None, [f"{path[0]}.***"]
        if at and not _fits(path, clean):
            clean, at = None, [key]
        described.left_out += [_stranger(f"{hub.name}: {one}") for one in at]
        if clean is not None and not (at and clean in ([], {})):
            yield path, clean


def _holds_secret(value: Any) -> bool:
    if isinstance(value, str):
        return bool(MARK.search(value))
    if isinstance(value, Mapping):
        return any(_holds_secret(inner) for inner in value.values())
    return isinstance(value, list | tuple) and any(_holds_secret(inner) for inner in value)


def _fits(path: tuple[str, ...], value: Any) -> bool:
    """Whether a field still means something after something in it was left out."""
    if value is None:
        return True
    try:
        HubValues.model_validate(nest({path: value}))
    except ValidationError:
        return False
    return True


def _way_in(
    fleet: Fleet, hub: Hub, clean: dict[tuple[str, ...], Any], described: Description
) -> None:
    """Somebody must be able to come in; where nobody is left, the community's representatives."""
    ways = (
        ("access", "admins"),
        ("access", "everyone"),
        ("access", "allow"),
        ("access", "oidc"),
        ("access", "cilogon"),
    )
    if any(value for path, value in clean.items() if path[:2] in ways):
        return
    file = fleet.communities[hub.community].file
    logins = [person.login for person in file.representatives if person.login]
    clean["access", "admins"] = logins or ["admin"]
    described.placeholders.append(
        Told(
            what=f"{hub.name}: access.admins",
            why="Only accounts of the operator could come in.",
            cure=f"it is {', '.join(clean['access', 'admins'])} now; write whoever it should be",
        )
    )


def _client(hub: Hub, clean: dict[tuple[str, ...], Any], described: Description) -> None:
    method = hub.values.access.sign_in
    if method == "console":
        described.placeholders.append(
            Told(
                what=f"{hub.name}: accounts",
                why="People sign in at the operator's console, which stays there.",
                cure="invite them to your own (`hubfleet serve`), or declare another `sign_in`",
            )
        )
    if method in ("console", "shared-password"):
        return
    clean["access", "client", "id"] = CLIENT_ID
    described.placeholders.append(
        Told(
            what=f"{hub.name}: access.client",
            why=f"The client at the provider ({method}) is the operator's.",
            cure=f"register one of your own, write its id, and run "
            f"`hubfleet secret set {hub.name} access.client.secret`",
        )
    )
    described.placeholders[:] = [
        one for one in described.placeholders if one.what != f"{hub.name}: access.client.secret"
    ]


def _own_domain(hub: Hub, described: Description) -> str:
    """The hub's name in DNS where it is the community's own; empty where it stays behind."""
    declared = hub.effective["domain"].layer == "hub"
    strange = described.strangers.in_text(hub.domain, technical=True)
    return hub.domain if declared and not strange and not is_local(hub.domain) else ""


def _dns(hub: Hub, described: Description) -> None:
    own = _own_domain(hub, described)
    described.placeholders.append(
        Told(
            what=f"{hub.name}: the name in DNS and its certificate",
            why="Addresses and certificates stay where they are.",
            cure=f"point {own} to its new place, and have a certificate made"
            if own
            else "set `domain` in the hub's file, point the name there, have a certificate made",
        )
    )


def _stranger(what: str) -> Told:
    return Told(
        what=what,
        why="It names the operator, its hosts, or another community.",
        cure="write your own value, or leave it out",
    )


def trial_fleet(declarations: Mapping[str, Any], person: str) -> dict[str, Any]:
    """The bundle's declarations so that they stand on this machine by themselves, for `verify`.

    Sign-in is by password, because providers know no client of a copy; whatever only Kubernetes
    can do is left out. `person` is let in as a user.
    """
    made: dict[str, Any] = {}
    for file, value in declarations.items():
        told = dict(value)
        if file.startswith("clusters/"):
            told = _cluster("local")
        elif "/hubs/" in file:
            told = _trial_hub(told, person)
        made[file] = told
    return made


def _trial_hub(declaration: Mapping[str, Any], person: str) -> dict[str, Any]:
    elsewhere = ("chart", "helm_values", "domain")
    hub = {key: value for key, value in declaration.items() if key not in elsewhere}
    access = dict(hub.get("access", {}))
    allow = dict(access.get("allow", {}))
    users = [*allow.get("users", []), person]
    hub["access"] = {
        "sign_in": "shared-password",
        "admins": access.get("admins", []),
        "allow": {"users": users},
    }
    for key in ("environment", "environments"):
        if key in hub:
            hub[key] = _on_this_machine(hub[key], many=key == "environments")
    hub["gate"] = "none"
    hub.setdefault("stage", "production")
    if hub["stage"] == "staging":
        hub.pop("gate")
    return hub


def _on_this_machine(environment: Any, *, many: bool) -> Any:
    if many:
        return {name: one for name, one in environment.items() if "image" not in one}
    return {} if "image" in environment else environment


def environment_folder(root: Path, community: str, repository: str) -> Path:
    """Where a repository of a community's own lies in a fleet."""
    return root / "communities" / community / repository

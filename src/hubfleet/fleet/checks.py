"""What a schema cannot say: rules over layers, hubs and the fleet. Each rule is a pure function.

`layer_problems` looks at one file's hub fields, used or not; `cross_problems` at all of them
together. Gates have their own rules in `drafts`, JupyterHub's traitlets in `passthrough`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from zoneinfo import ZoneInfo

from hubfleet.fleet.drafts import Draft
from hubfleet.fleet.layers import Settings
from hubfleet.fleet.model import Cluster, Community, FleetFile, Layer
from hubfleet.fleet.packages import package_fault
from hubfleet.fleet.passthrough import passthrough_problems
from hubfleet.fleet.responsibilities import BY_SLUG
from hubfleet.fleet.words import nearest
from hubfleet.fleet.yaml import Document
from hubfleet.kit.errors import Problem

LONGEST_DOMAIN = 253


def layer_problems(settings: Settings, layer: Layer) -> list[Problem]:
    """What is wrong with the hub fields of one file, by themselves."""
    return [
        *_placement(settings, layer),
        *_sign_in(settings),
        *_packages(settings),
        *_profiles(settings),
        *passthrough_problems(settings),
    ]


def _placement(settings: Settings, layer: Layer) -> Iterator[Problem]:
    cluster = settings.get(("cluster",))
    if layer == "cluster" and cluster is not None:
        yield Problem(
            "cluster-in-cluster",
            "a cluster's defaults cannot set `cluster`",
            cluster.place,
            "They apply to the hubs that are already on this cluster.",
            "set it for the fleet, the community or the hub",
        )
    domain = settings.get(("domain",))
    if layer != "hub" and domain is not None and domain.value is not None:
        yield Problem(
            "domain-in-defaults",
            "`domain` can only be set for one hub",
            domain.place,
            "Two hubs cannot have the same host name.",
            "move it to the hub's own file",
        )


def _sign_in(settings: Settings) -> Iterator[Problem]:
    method = settings.get(("access", "sign_in"))
    if method is not None and method.value not in (None, "shared-password"):
        yield Problem(
            "not-yet",
            f"`sign_in: {method.value}` is not supported yet",
            method.place,
            "It comes with a later version.",
            "use `sign_in: shared-password`",
        )


def _packages(settings: Settings) -> Iterator[Problem]:
    packages = settings.get(("environment", "packages"))
    for index, package in enumerate(packages.value or [] if packages else []):
        fault = package_fault(package)
        if fault and packages:
            what, hint = fault
            yield Problem("bad-package", what, packages.place_of(index), hint=hint)


def _profiles(settings: Settings) -> Iterator[Problem]:
    profiles = settings.get(("profiles",))
    if profiles is None or not profiles.value:
        return
    names: dict[str, int] = {}
    default = None
    for index, profile in enumerate(profiles.value):
        name = profile["name"].strip()
        if name.casefold() in names:
            yield Problem(
                "duplicate-profile",
                f"two profiles are called `{name}`",
                profiles.place_of(index, "name"),
                hint="give each profile a name of its own",
            )
        names.setdefault(name.casefold(), index)
        if profile.get("default"):
            if default is not None:
                yield Problem(
                    "two-default-profiles",
                    f"`{name}` is a second default profile",
                    profiles.place_of(index, "default"),
                    f"`{default}` is the default already.",
                    "keep `default: true` on one of them",
                )
            default = default or name


def cross_problems(
    file: FleetFile,
    clusters: Mapping[str, Cluster],
    communities: Mapping[str, Community],
    drafts: Mapping[str, Draft],
    documents: Mapping[str, Document],
) -> Iterator[Problem]:
    """What is wrong between files. `documents`: the communities' by name; `""` is the fleet's."""
    yield from _time_zone(file, documents[""])
    for draft in drafts.values():
        yield from _cluster(draft, clusters)
        yield from _way_in(draft)
        yield from _everyone(draft)
        yield from _groups(draft)
    yield from _domains(drafts)
    yield from _dedicated(clusters, drafts)
    yield from _community_names(communities, documents)
    for name, community in communities.items():
        yield from _community(community, documents[name])


def _time_zone(file: FleetFile, document: Document) -> Iterator[Problem]:
    name = file.service.timezone
    if name == "UTC":
        return
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        yield Problem(
            "unknown-timezone",
            f"there is no time zone `{name}`",
            document.place(("service", "timezone")),
            hint="write an IANA name such as Europe/Berlin, or UTC",
        )


def _cluster(draft: Draft, clusters: Mapping[str, Cluster]) -> Iterator[Problem]:
    name = draft.values.cluster
    if name is None:
        if draft.sound:
            yield Problem(
                "no-cluster",
                f"the hub `{draft.name}` has no cluster",
                draft.place,
                hint="write `cluster:` here, or under `defaults:` of the community or fleet",
            )
    elif name not in clusters:
        near = nearest(name, list(clusters))
        yield Problem(
            "unknown-cluster",
            f"there is no cluster `{name}`",
            draft.place_of("cluster"),
            hint=f"did you mean `{near}`?" if near else f"add clusters/{name}.yaml",
        )


def _way_in(draft: Draft) -> Iterator[Problem]:
    access = draft.values.access
    if draft.sound and not (
        access.admins or access.allow.users or access.allow.groups or access.everyone
    ):
        yield Problem(
            "no-way-in",
            f"nobody may sign in to `{draft.name}`",
            draft.document.place(("access",)),
            hint="set `access.admins`, `access.allow` or `access.everyone`",
        )


def _everyone(draft: Draft) -> Iterator[Problem]:
    access = draft.values.access
    if not draft.sound:
        return
    local = draft.domain == "localhost" or draft.domain.endswith(".localhost")
    if access.until and not access.everyone:
        yield Problem(
            "until-without-everyone",
            "`until` says nothing without `everyone: true`",
            draft.place_of("access", "until"),
            hint="remove `until`, or add `everyone: true`",
        )
    if access.everyone and not access.until and access.sign_in == "shared-password" and not local:
        yield Problem(
            "open-without-end",
            "`everyone: true` needs `until` outside localhost",
            draft.place_of("access", "everyone"),
            f"Whoever learns the shared password could use {draft.domain} for ever.",
            "add `until:` with the last day",
        )


def _groups(draft: Draft) -> Iterator[Problem]:
    values = draft.values
    used: list[tuple[str, tuple[str | int, ...]]] = [
        (group, ("access", "allow", "groups", index))
        for index, group in enumerate(values.access.allow.groups)
    ]
    for number, profile in enumerate(values.profiles):
        used += [
            (group, ("profiles", number, "groups", index))
            for index, group in enumerate(profile.groups)
        ]
    if not draft.sound and not values.groups:
        return
    for group, path in used:
        if group not in values.groups:
            near = nearest(group, list(values.groups))
            yield Problem(
                "unknown-group",
                f"there is no group `{group}`",
                draft.place_of(*path),
                f"`{draft.name}` does not declare it.",
                f"did you mean `{near}`?" if near else f"add it: `groups: {{{group}: []}}`",
            )


def _domains(drafts: Mapping[str, Draft]) -> Iterator[Problem]:
    seen: dict[str, Draft] = {}
    for draft in drafts.values():
        first = seen.setdefault(draft.domain, draft)
        place = draft.place_of("domain")
        if first is not draft:
            yield Problem(
                "duplicate-domain",
                f"`{draft.domain}` is already the domain of `{first.name}`",
                place,
                f"It comes from {first.place_of('domain')}.",
                "give one of the two another `domain`",
            )
        elif len(draft.domain) > LONGEST_DOMAIN:
            yield Problem(
                "domain-too-long",
                f"the domain of `{draft.name}` is longer than {LONGEST_DOMAIN} characters",
                place,
                hint="set a shorter `domain`",
            )


def _dedicated(clusters: Mapping[str, Cluster], drafts: Mapping[str, Draft]) -> Iterator[Problem]:
    owners: dict[str, str] = {}
    for draft in drafts.values():
        cluster = clusters.get(draft.values.cluster or "")
        if cluster is None or cluster.file.tenancy != "dedicated":
            continue
        owner = owners.setdefault(cluster.name, draft.community)
        if owner != draft.community:
            yield Problem(
                "cluster-is-dedicated",
                f"the cluster `{cluster.name}` is dedicated to `{owner}`",
                draft.place_of("cluster"),
                f"`{draft.name}` is of another community.",
                "use another cluster, or make that one `tenancy: shared`",
            )


def _community_names(
    communities: Mapping[str, Community], documents: Mapping[str, Document]
) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for name, community in communities.items():
        shown = community.file.name
        if shown == "?":
            continue
        first = seen.setdefault(shown.casefold(), name)
        if first != name:
            yield Problem(
                "duplicate-community-name",
                f"another community is called `{shown}` too",
                documents[name].place(("name",)),
                f"The other stands at {documents[first].place(('name',))}.",
                "give each community a name of its own",
            )


def _community(community: Community, document: Document) -> Iterator[Problem]:
    file = community.file
    for slug in file.responsibilities:
        if slug not in BY_SLUG:
            near = nearest(slug, list(BY_SLUG))
            yield Problem(
                "unknown-responsibility",
                f"there is no responsibility `{slug}`",
                document.place(("responsibilities", slug)),
                hint=f"did you mean `{near}`?" if near else f"known: {', '.join(BY_SLUG)}",
            )
    agreement = file.agreement
    if agreement and agreement.end and agreement.end < agreement.start:
        yield Problem(
            "agreement-ends-first",
            "the agreement ends before it starts",
            document.place(("agreement", "end")),
            f"It starts on {agreement.start}.",
            "set a later `end`",
        )
    logins = [person.login for person in file.representatives]
    for index, login in enumerate(logins):
        if login and login in logins[:index]:
            yield Problem(
                "duplicate-login",
                f"two representatives have the login `{login}`",
                document.place(("representatives", index, "login")),
                hint="give each person their own login",
            )

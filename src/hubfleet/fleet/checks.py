"""What a schema cannot say: rules over layers, hubs and the fleet. Each rule is a pure function.

`layer_problems` looks at one file's hub fields, used or not; `cross_problems` at all of them
together. Gates have their own rules in `drafts`, JupyterHub's traitlets in `passthrough`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from zoneinfo import ZoneInfo

from hubfleet.fleet.console import console_place, console_problems
from hubfleet.fleet.drafts import Draft
from hubfleet.fleet.environments import environment_problems
from hubfleet.fleet.fields import PROBE_USER
from hubfleet.fleet.layers import Settings
from hubfleet.fleet.mail import mail_problems
from hubfleet.fleet.model import Cluster, Community, FleetFile, Layer
from hubfleet.fleet.monitoring_checks import checks_problems
from hubfleet.fleet.objective_checks import objective_problems
from hubfleet.fleet.passthrough import passthrough_problems
from hubfleet.fleet.policy_checks import rollout_problems
from hubfleet.fleet.profile_checks import hub_profile_problems, profile_problems
from hubfleet.fleet.providers import provider_problems
from hubfleet.fleet.responsibilities import BY_SLUG
from hubfleet.fleet.sign_in import sign_in_problems
from hubfleet.fleet.words import nearest
from hubfleet.fleet.yaml import Document
from hubfleet.kit.errors import Problem

LONGEST_DOMAIN = 253


def layer_problems(settings: Settings, layer: Layer) -> list[Problem]:
    """What is wrong with the hub fields of one file, by themselves."""
    return [
        *_placement(settings, layer),
        *environment_problems(settings, layer),
        *_reserved_users(settings),
        *profile_problems(settings),
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


_PEOPLE = (("access", "admins"), ("access", "allow", "users"))


def _reserved_users(settings: Settings) -> Iterator[Problem]:
    """Probes act as a user of their own, which must not be a person's."""
    groups = [path for path in settings if path[0] == "groups"]
    for path in (*_PEOPLE, *groups):
        setting = settings.get(path)
        for index, name in enumerate((setting.value or ()) if setting else ()):
            if setting and name.strip().lower() == PROBE_USER:
                yield Problem(
                    "reserved-user",
                    f"nobody can be called `{PROBE_USER}`",
                    setting.place_of(index),
                    "Probes act as the user of that name; no person can sign in as it.",
                    "choose another user name",
                )


def cross_problems(
    file: FleetFile,
    clusters: Mapping[str, Cluster],
    communities: Mapping[str, Community],
    drafts: Mapping[str, Draft],
    documents: Mapping[str, Document],
) -> Iterator[Problem]:
    """What is wrong between files. `documents`: the communities' by name; `""` is the fleet's."""
    yield from _time_zone(file, documents[""])
    yield from rollout_problems(file.rollout, drafts, documents[""])
    yield from _own_items(file, documents[""])
    yield from objective_problems(file.service.objectives, drafts, documents[""])
    yield from mail_problems(file.service.mail, documents[""])
    yield from checks_problems(file.service.checks, documents[""])
    yield from _console(file, drafts, documents[""])
    for draft in drafts.values():
        yield from _cluster(draft, clusters)
        cluster = clusters.get(draft.values.cluster or "")
        here = cluster is None or cluster.file.platform == "local"
        yield from sign_in_problems(draft, on_this_machine=here)
        yield from _groups(draft)
        yield from hub_profile_problems(draft)
    yield from _domains(drafts)
    yield from _dedicated(clusters, drafts)
    yield from _community_names(communities, documents)
    for name, community in communities.items():
        yield from _community(community, documents[name], file)


def _console(file: FleetFile, drafts: Mapping[str, Draft], document: Document) -> Iterator[Problem]:
    console = file.service.console
    hubs = {draft.domain: draft.name for draft in drafts.values()}
    yield from console_problems(console, hubs, document.place(("service", "console", "address")))
    place = console_place(console, file.service.domain)
    address = place.address if place else f"https://console.{file.service.domain}"
    yield from provider_problems(console.providers, address, document)
    signs_in = [draft for draft in drafts.values() if draft.values.access.sign_in == "console"]
    if console.address is None and signs_in and place is None:
        yield Problem(
            "no-console-address",
            "nothing says where the console is",
            document.place(("service", "domain")),
            f"People of `{signs_in[0].name}` sign in there (`sign_in: console`).",
            f"write `console: {{address: https://console.{file.service.domain}}}` under `service`, "
            "or choose another `sign_in`",
        )


def _own_items(file: FleetFile, document: Document) -> Iterator[Problem]:
    for slug in file.service.responsibilities:
        if slug in BY_SLUG:
            yield Problem(
                "duplicate-responsibility",
                f"`{slug}` is one of the 20 responsibilities already",
                document.place(("service", "responsibilities", slug)),
                f"It says: {BY_SLUG[slug].sentence}",
                "choose another word, or leave it out",
            )


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


def _groups(draft: Draft) -> Iterator[Problem]:
    values = draft.values
    if values.access.sign_in == "oidc" and values.access.oidc.groups_claim:
        return  # the provider knows its groups, we do not
    if values.access.sign_in == "console":
        return  # so does the console
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


def _community(community: Community, document: Document, fleet: FleetFile) -> Iterator[Problem]:
    file = community.file
    known = [*BY_SLUG, *fleet.service.responsibilities]
    for key in ("responsibilities", "responsibility_notes"):
        for slug in getattr(file, key):
            if slug not in known:
                near = nearest(slug, known)
                yield Problem(
                    "unknown-responsibility",
                    f"there is no responsibility `{slug}`",
                    document.place((key, slug)),
                    hint=f"did you mean `{near}`?" if near else f"known: {', '.join(known)}",
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

"""Changes that no cluster can make by itself, because people's files do not follow: refused, with
the steps that do it. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from hubfleet.fleet.model import Hub
from hubfleet.kit.errors import Problem
from hubfleet.planning.observation import Observation
from hubfleet.planning.plan import Plan
from hubfleet.planning.steps import CreateHub, RemoveHub, UpdateHub

_OF_THE_NAME = frozenset({"domain", "title"})
"""What another name changes by itself."""


def refused_moves(plan: Plan, clusters: Collection[str]) -> Iterator[Problem]:
    """`clusters` are those on Kubernetes."""
    yield from _moved(plan, clusters)
    yield from _renamed(plan, clusters)


def _moved(plan: Plan, clusters: Collection[str]) -> Iterator[Problem]:
    for step in plan.steps:
        if not isinstance(step, UpdateHub):
            continue
        for reason in step.reasons:
            if reason.key == "cluster" and {reason.old, reason.new} & {*clusters}:
                yield Problem(
                    "hub-moved",
                    f"{step.hub.name} runs on `{reason.old}` and is declared on `{reason.new}`",
                    reason.place,
                    "Its people's files and its database are volumes of that cluster; they would "
                    "not follow.",
                    f"declare it on `{reason.old}` again; declare a hub with another name on "
                    f"`{reason.new}` and apply; copy the homes; then remove the old one with "
                    "--allow-removals and give the new one its `domain`",
                )


def _renamed(plan: Plan, clusters: Collection[str]) -> Iterator[Problem]:
    gone = [step for step in plan.steps if isinstance(step, RemoveHub) and step.cluster in clusters]
    for step in plan.steps:
        if not isinstance(step, CreateHub):
            continue
        community = step.hub.community
        for old in gone:
            same_place = old.cluster == step.hub.cluster and old.name.partition("/")[0] == community
            if same_place and (sign := _sign_of_rename(old, step.hub)):
                yield Problem(
                    "hub-renamed",
                    f"{old.name} would be removed and {step.hub.name} created",
                    step.hub.place,
                    f"{sign}, so this looks like a new name. A hub's namespace cannot be renamed: "
                    "people's files would stay with the old name.",
                    f"to rename, keep the file {old.name} and set its `title` and `domain`; "
                    f"if they are two hubs, apply with --only {_first(old, step.hub)} first",
                )


def _sign_of_rename(old: RemoveHub, new: Hub) -> str:
    """Why one hub looks like the other under a new name; empty where nothing says so."""
    if old.values.get("domain") == new.domain:
        return f"they have the same address ({new.domain})"
    wanted = {key: value for key, value in new.flat().items() if key not in _OF_THE_NAME}
    if wanted == {key: old.values.get(key) for key in wanted}:
        return "they are declared alike"
    return ""


def _first(old: RemoveHub, new: Hub) -> str:
    """Two hubs never have one address at the same time: the old one must go before."""
    same = old.values.get("domain") == new.domain
    return f"{old.name} --allow-removals" if same else new.name


def left_on_this_machine(
    observations: Iterable[Observation], clusters: Collection[str]
) -> Iterator[Problem]:
    """Hubs that still run on this machine although their cluster is on Kubernetes now."""
    for seen in observations:
        if seen.cluster in clusters and seen.hubs:
            yield Problem(
                "cluster-changed-platform",
                f"the cluster `{seen.cluster}` still has hubs on this machine",
                why=f"these are {', '.join(sorted(seen.hubs))}; nobody would look after them",
                hint="give the cluster on Kubernetes another name, and remove the hubs here with "
                "`hubfleet apply --allow-removals` once their people's files are copied",
            )

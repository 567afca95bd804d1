"""Whether a hub can run on a Kubernetes cluster as it is declared.

Refusals are problems; what is declared and has no effect there is told in sentences.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hubfleet.fleet.model import Cluster, Environment, Fleet, Hub
from hubfleet.kit.errors import Problem
from hubfleet.platforms.kubernetes.rendering.entries import Rendered
from hubfleet.platforms.kubernetes.rendering.pins import Pins
from hubfleet.platforms.kubernetes.rendering.schema import KnownRules, place_of
from hubfleet.platforms.kubernetes.rendering.values import render


def fleet_problems(fleet: Fleet) -> list[Problem]:
    """What is wrong with the hubs of a fleet that are on Kubernetes; nothing is asked of a
    cluster.
    """
    found: list[Problem] = []
    rules = KnownRules(fleet.root)
    for hub in fleet.hubs.values():
        cluster = fleet.clusters[hub.cluster]
        if cluster.file.platform == "kubernetes":
            found += hub_problems(hub, cluster, rules)
    return found


def hub_problems(
    hub: Hub, cluster: Cluster, rules: KnownRules, fetched: Path | None = None
) -> list[Problem]:
    """Why one hub cannot run on its cluster: fields, then the chart's own rules.

    `fetched` is the archive of its chart, where there is one: then its own schema counts.
    """
    rendered = render(hub, cluster, Pins.placeholders())
    found = [*_environments(hub), *_storage(hub, cluster), *_ours(hub, rendered)]
    chart = rules.of(hub.values.chart, fetched)
    if chart is not None:
        found += chart.problems(rendered, hub)
    return found


_KEPT = (("hub", "extraConfig", "00-hubfleet"), ("custom", "hubfleet"))
"""What keeps groups' profiles to groups, ends last days, and lets nobody sign in as the probe."""


def _ours(hub: Hub, rendered: Rendered) -> Iterator[Problem]:
    """Without its code a hub would let in, or offer, more than is declared."""
    for path in sorted(rendered.passed):
        kept = next((one for one in _KEPT if one[: len(path)] == path[: len(one)]), None)
        # Passing a mapping with nothing in it leaves what is there.
        if kept is None or (isinstance(found := _at(rendered, path), dict) and found):
            continue
        yield Problem(
            "our-code-replaced",
            f"`helm_values` replaces `{'.'.join(kept)}` of `{hub.name}`",
            place_of(hub, ".".join(("helm_values", *path))),
            "hubfleet's own code stands there: without it a last day would not end, and profiles "
            "of a group would be offered to everybody.",
            "write yours under another key of `hub.extraConfig`, such as `50-mine`"
            if kept[0] == "hub"
            else "write yours under another key of `custom`",
        )


def _at(rendered: Rendered, path: tuple[str, ...]) -> Any:
    value: Any = rendered.values
    for key in path:
        value = value[key]
    return value


def _environments(hub: Hub) -> Iterator[Problem]:
    values = hub.values
    offered = {profile.environment for profile in values.profiles}
    for profile in values.profiles:
        offered |= {one.environment for option in profile.options for one in option.choices}
    named = {"environment": values.environment}
    named |= {f"environments.{name}": one for name, one in values.environments.items()}
    for key, environment in named.items():
        if _is_to_be_built(environment) or (key != "environment" and environment.image is None):
            yield Problem(
                "environment-needs-image",
                f"`{hub.name}` needs an image for its `{key}`",
                place_of(hub, key),
                "On Kubernetes people's software comes in container images.",
                "build one (repo2docker makes it from the same files) and write `image:` instead",
            )
        elif key != "environment" and key.partition(".")[2] not in offered:
            yield Problem(
                "environment-without-profile",
                f"nobody can choose `{key}`",
                place_of(hub, key),
                "On Kubernetes an image is chosen with a profile, not as a kernel.",
                f"add a profile with `environment: {key.partition('.')[2]}`",
            )


def _is_to_be_built(environment: Environment) -> bool:
    return bool(environment.packages or environment.repository or environment.python)


def _storage(hub: Hub, cluster: Cluster) -> Iterator[Problem]:
    settings = cluster.file.kubernetes
    if settings is None or settings.shared_storage_class is not None:
        return
    for key in ("storage.shared", "storage.shared_readwrite"):
        found = hub.effective[key]
        if found.value and found.layer != "product":
            yield Problem(
                "no-shared-storage",
                f"`{hub.name}` cannot have `{key}`",
                found.place or hub.place,
                f"`{cluster.name}` has no storage that many nodes mount at once.",
                f"write `shared_storage_class:` in {cluster.place.file}, or `{key}: false`",
            )


def notes(hub: Hub) -> Iterator[str]:
    """What is declared for the hub and means nothing on Kubernetes."""
    for key, why in _WITHOUT_EFFECT.items():
        found = hub.effective.get(key)
        if found is not None and found.layer not in ("product", "computed"):
            yield f"`{key}` has no effect on Kubernetes: {why}"


_WITHOUT_EFFECT = {
    f"storage.snapshots.{key}": "the provider makes snapshots of its disks"
    for key in ("nightly", "hour", "daily", "weekly")
}

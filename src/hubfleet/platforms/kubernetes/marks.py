"""The labels by which hubfleet knows its own objects on a cluster."""

from __future__ import annotations

import re

from hubfleet.kit.digest import digest

MANAGED_BY = "app.kubernetes.io/managed-by"
OURS = "hubfleet"
COMMUNITY = "hubfleet/community"
HUB = "hubfleet/hub"
CLUSTER = "hubfleet/cluster"
FLEET = "hubfleet/fleet"
FLEET_NAME = "hubfleet/fleet-name"
"""An annotation, for people: the digest in `FLEET` is what counts."""
REVISION = "hubfleet/revision"
FINGERPRINT = "hubfleet/fingerprint"
DECLARATION = "hubfleet/declaration"

SELECTOR = f"{MANAGED_BY}={OURS}"
RECORD = "hubfleet"
"""The ConfigMap in a hub's namespace that holds what was applied."""
PINS = "hubfleet-pins"
"""The Secret in a hub's namespace that holds its pinned secrets."""

CLOSING = "hubfleet-closing"
"""The ConfigMap in the namespace of a hub that is about to go away; the hub's pod mounts it."""

_WORD = re.compile(r"^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$")


def hub_labels(hub: str, cluster: str, fleet: str) -> dict[str, str]:
    """Whose an object is: of this hub, on this declared cluster, in the fleet of this name."""
    community, _, short = hub.partition("/")
    return {
        MANAGED_BY: OURS,
        COMMUNITY: community,
        HUB: short,
        CLUSTER: cluster,
        FLEET: fleet_mark(fleet),
    }


def fleet_mark(name: str) -> str:
    """A fleet's name as a label's value."""
    return digest(name)[:16]


def hub_of(labels: dict[str, str]) -> str:
    """`community/hub`; empty where the labels are not ours."""
    community, short = labels.get(COMMUNITY, ""), labels.get(HUB, "")
    return f"{community}/{short}" if community and short else ""


def is_label(value: str) -> bool:
    """Whether a text may be a label's value."""
    return bool(_WORD.match(value))

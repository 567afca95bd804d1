"""Fleets as files, for tests that need a real declaration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from hubfleet.fleet.load import load_fleet
from hubfleet.fleet.model import Fleet

LOCAL = {"platform": "local"}

# Tests that need no people's accounts need no console.
WAY_IN = {"sign_in": "shared-password", "admins": ["ada"], "allow": {"users": ["bo", "cy"]}}


def write_fleet(
    root: Path,
    hubs: Mapping[str, Mapping[str, Any]],
    *,
    defaults: Mapping[str, Any] = {},
    rollout: Mapping[str, Any] = {},
    name: str = "Test Hubs",
    cluster: Mapping[str, Any] = LOCAL,
) -> Fleet:
    """Write a fleet of these hubs (`community/hub` -> their files) and load it.

    Hubs run on `reef` with `ada` as admin, `bo` and `cy` as users, and need no gate, unless their
    values say otherwise. `cluster` is what every cluster's file says.
    """
    service = {
        "name": name,
        "operator": "Test Foundation",
        "contact": "hubs@example.org",
        "domain": "localhost",
    }
    everywhere = {"cluster": "reef", "access": WAY_IN, "gate": "none", **defaults}
    write(root / "fleet.yaml", {"service": service, "rollout": rollout, "defaults": everywhere})
    clusters = {values.get("cluster", everywhere["cluster"]) for values in hubs.values()}
    for one in clusters or {"reef"}:
        write(root / f"clusters/{one}.yaml", cluster)
    for hub, values in hubs.items():
        community, short = hub.split("/")
        folder = root / "communities" / community
        people = [{"name": "Ada Example", "email": "ada@example.org", "login": "ada"}]
        title = community.replace("-", " ").title()
        write(folder / "community.yaml", {"name": title, "representatives": people})
        write(folder / f"hubs/{short}.yaml", values)
    return load_fleet(root)


def write(path: Path, value: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(dict(value), sort_keys=False))

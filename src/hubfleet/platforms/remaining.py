"""What a hub leaves on a cluster, as whoever looked there tells it. Plain values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClusterRemains:
    """`asked` says where was looked. Names are `kind/name`, without those that others need."""

    asked: tuple[str, ...]
    objects: tuple[str, ...]
    volumes: tuple[str, ...]
    """Claims, and volumes that a claim of the hub had."""
    unseen: str = ""
    """Why nobody can say that there are no volumes; empty where somebody looked."""

"""Making the platform for a fleet, where it has a cluster that needs it; imports nothing else."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from hubfleet.fleet.model import Fleet
from hubfleet.kit.errors import failure

if TYPE_CHECKING:
    from hubfleet.platforms.kubernetes.platform import KubernetesPlatform


def open_clusters(
    fleet: Fleet, folder: Path, *, take_ownership: bool = False
) -> KubernetesPlatform | None:
    """None where all clusters are local; raises `kubernetes-not-installed`."""
    if all(cluster.file.platform == "local" for cluster in fleet.clusters.values()):
        return None
    if find_spec("lightkube") is None:
        raise failure(
            "kubernetes-not-installed",
            "what clusters on Kubernetes need is not installed",
            place=str(fleet.root),
            hint="install it: pip install 'hubfleet[kubernetes]'",
        )
    from hubfleet.platforms.kubernetes.platform import KubernetesPlatform

    return KubernetesPlatform(fleet, folder, take_ownership=take_ownership)

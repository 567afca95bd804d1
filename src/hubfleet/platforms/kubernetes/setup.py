"""What a cluster's process is told when it begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hubfleet.fleet.model import Cluster


@dataclass(frozen=True, slots=True)
class Setup:
    """All that a cluster's process is told. `environment` are the variables that the cluster's file
    passes on, `kubeconfig` the value of `$KUBECONFIG`.
    """

    cluster: Cluster
    fleet: str
    root: Path
    shelf: Path
    helm: str
    helm_folder: Path
    software: Mapping[str, str]
    kubeconfig: str = ""
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

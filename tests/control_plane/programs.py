"""Which control plane and which helm the tests meet, or why they meet none.

`HUBFLEET_TEST_KUBECONFIG` names an existing throw-away cluster; else the programs lie in the folder
`KUBEBUILDER_ASSETS`, else in its usual place. `HUBFLEET_TEST_HELM` names a helm, else the one on
PATH is taken.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

USUAL_PLACE = Path("/usr/local/kubebuilder/bin")
NEEDED = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")


def existing_cluster() -> Path | None:
    """The kubeconfig of a cluster that somebody lends to the tests."""
    named = os.environ.get("HUBFLEET_TEST_KUBECONFIG")
    return Path(named) if named else None


def program_folder() -> Path:
    """Where the programs of a control plane would be."""
    return Path(os.environ.get("KUBEBUILDER_ASSETS") or USUAL_PLACE)


def helm() -> str | None:
    """The helm that the tests run."""
    return os.environ.get("HUBFLEET_TEST_HELM") or shutil.which("helm")


def helm_3() -> str | None:
    """A helm of the earlier kind, which is to work too: HUBFLEET_TEST_HELM3, or `helm3` on PATH."""
    return os.environ.get("HUBFLEET_TEST_HELM3") or shutil.which("helm3")


def why_none() -> str:
    """Why no control plane can be met here; empty when one can."""
    if helm() is None:
        return "no helm: put it on PATH, or name one in HUBFLEET_TEST_HELM"
    if existing_cluster() is not None:
        return ""
    folder = program_folder()
    missing = [name for name in NEEDED if not (folder / name).is_file()]
    if missing:
        return (
            f"no Kubernetes control plane: {folder} lacks {', '.join(missing)}; name a cluster in "
            "HUBFLEET_TEST_KUBECONFIG or a folder in KUBEBUILDER_ASSETS"
        )
    return ""

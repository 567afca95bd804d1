"""Volumes of people on the plane: claims as KubeSpawner makes them, and files in what stands for
their disks.
"""

from __future__ import annotations

import os
from pathlib import Path

from hubfleet.fleet.kubernetes import Kubernetes
from hubfleet.platforms.kubernetes.api import CLAIMS, PODS, Kind, KubernetesApi
from hubfleet.platforms.kubernetes.connection import connect
from hubfleet.platforms.kubernetes.reading_trees import FILES, PURPOSE
from tests.control_plane.fake_nodes import volume_folder
from tests.control_plane.places import ClusterPlace
from tests.integration.kubernetes.acting import HUB
from tests.places import until


def make_claim(
    place: ClusterPlace,
    name: str,
    person: str = "",
    *,
    server: str = "",
    mode: str = "ReadWriteOnce",
) -> Path:
    """A bound one; the folder that stands for its volume."""
    labels = {"app": "jupyterhub", "component": "singleuser-storage"} if person else {}
    notes = {"hub.jupyter.org/username": person, "hub.jupyter.org/servername": server}
    meta = {"name": name, "labels": labels, "annotations": {k: v for k, v in notes.items() if v}}
    value = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": meta,
        "spec": {"accessModes": [mode], "resources": {"requests": {"storage": "1Gi"}}},
    }
    space = place.namespace(HUB)
    assert place.api.create(CLAIMS, value, space)
    until(lambda: phase(place, name) == "Bound", f"{name} to be bound")
    folder = volume_folder(place.plane.volumes, space, name)
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    return folder


def phase(place: ClusterPlace, claim: str) -> str:
    found = place.api.find(CLAIMS, claim, place.namespace(HUB)) or {}
    return str((found.get("status") or {}).get("phase"))


def home_of(place: ClusterPlace, person: str) -> Path:
    """A home with one of each kind of thing."""
    folder = make_claim(place, f"claim-{person}", person)
    (folder / "notes").mkdir(mode=0o700)
    (folder / "notes" / "result.csv").write_text(f"who\n{person}\n")
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    (folder / "private").write_text("nobody else's")
    (folder / "private").chmod(0o600)
    (folder / "here").symlink_to("notes/result.csv")
    (folder / "away").symlink_to("/etc/passwd")
    os.link(folder / "private", folder / "private-too")
    with (folder / "holes.bin").open("wb") as file:
        file.truncate(8 << 20)
        file.seek(4 << 20)
        file.write(os.urandom(300_000))
    (folder / "lost+found").mkdir(mode=0o700)
    return folder


def until_rights_are_known(
    config: Path, may: tuple[str, Kind], may_not: tuple[str, Kind] | None = None
) -> None:
    """The API server learns of granted and revoked rights a moment later."""
    reached = connect("tests", Kubernetes(kubeconfig=str(config)), config.parent, {})
    account = KubernetesApi(reached)
    try:
        until(
            lambda: account.may(*may) and not (may_not and account.may(*may_not)),
            "the rights to be known",
        )
    finally:
        account._client.close()


def readers(place: ClusterPlace) -> list[str]:
    """Pods that read volumes now."""
    found = place.api.select(PODS, place.namespace(HUB), labels=f"{PURPOSE}={FILES}")
    return [
        pod["metadata"]["name"] for pod in found if not pod["metadata"].get("deletionTimestamp")
    ]

"""People's files: one volume for each home, and one for the folders that people share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hubfleet.fleet.model import Cluster, Hub
from hubfleet.platforms.kubernetes.rendering.amounts import quantity
from hubfleet.platforms.kubernetes.rendering.context import Context
from hubfleet.platforms.kubernetes.rendering.entries import Entry, entry

SHARED = "hubfleet-shared"
"""The claim, the volume and the mounts of shared folders."""

_HOME = "/home/jovyan"
_SHARED_SIZE = "100Gi"


def storage_entries(context: Context) -> Iterator[Entry]:
    """Homes, the hub's own database, and shared folders where the cluster has room for them."""
    values, storage_class = context.values, context.cluster.storage_class
    # Who removes a release does not remove what people did on the hub.
    yield Entry(("hub", "db", "pvc", "annotations", "helm.sh/resource-policy"), "keep")
    if storage_class:
        yield entry("singleuser.storage.dynamic.storageClass", storage_class)
        yield entry("hub.db.pvc.storageClassName", storage_class)
    if values.storage.home_quota:
        size = quantity(values.storage.home_quota)
        yield entry("singleuser.storage.capacity", size, "storage.home_quota")
    if context.cluster.shared_storage_class is None:
        return
    folders = (
        ("shared", values.storage.shared, True),
        ("shared-readwrite", values.storage.shared_readwrite, False),
    )
    for name, wanted, read_only in folders:
        if wanted:
            mount: dict[str, Any] = {"name": SHARED, "mountPath": f"{_HOME}/{name}"}
            mount |= {"subPath": name, "readOnly": read_only}
            path = ("singleuser", "storage", "extraVolumeMounts", f"{SHARED}-{name}")
            yield Entry(path, mount, f"storage.{name.replace('-', '_')}")
    if values.storage.shared or values.storage.shared_readwrite:
        volume = {"name": SHARED, "persistentVolumeClaim": {"claimName": SHARED}}
        path = ("singleuser", "storage", "extraVolumes", SHARED)
        field = "storage.shared" if values.storage.shared else "storage.shared_readwrite"
        yield Entry(path, volume, field)


def companions(hub: Hub, cluster: Cluster) -> list[dict[str, Any]]:
    """Objects that the chart does not bring and the release needs: the claim of shared folders."""
    settings, storage = cluster.file.kubernetes, hub.values.storage
    if settings is None or settings.shared_storage_class is None:
        return []
    if not (storage.shared or storage.shared_readwrite):
        return []
    return [
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": SHARED},
            "spec": {
                "accessModes": ["ReadWriteMany"],
                "storageClassName": settings.shared_storage_class,
                "resources": {"requests": {"storage": _SHARED_SIZE}},
            },
        }
    ]

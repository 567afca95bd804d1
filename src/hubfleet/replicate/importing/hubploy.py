"""A tree of hubploy: `deployments/<hub>/hubploy.yaml` and `config/{common,staging,prod}.yaml`.

A deployment becomes a community, its configurations become hubs. The chart in the tree that holds
Zero to JupyterHub (`hub/values.yaml`) is the lowest layer.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hubfleet.fleet.yaml import Document
from hubfleet.kit.errors import failure
from hubfleet.replicate.importing.clusters_tree import Tree, give_version
from hubfleet.replicate.importing.foreign import read_foreign
from hubfleet.replicate.importing.found import Fate, Found, Origin, leaves_of
from hubfleet.replicate.importing.writing import NewCluster, name_of
from hubfleet.replicate.importing.z2jh import hidden, nested_in, opened

_PROVIDERS = {"gcloud": "gcp", "aws": "aws", "azure": "azure"}
_LOST = {
    "images": "hubploy tags images by commit: write the one in use as `environment: {image: ...}`",
    "cluster": "check how the cluster is reached: `kubernetes.context` of its file",
    "auth": "hubfleet uses the credentials of your kubeconfig file",
}


def from_hubploy(folder: Path) -> Tree:
    """`folder` is the repository, with `deployments/` in it."""
    files = sorted(folder.glob("deployments/*/hubploy.yaml"))
    if not files:
        raise failure(
            "no-hubploy-tree",
            "there is no hubploy.yaml in this folder",
            place=str(folder),
            why="A tree of hubploy has deployments/<hub>/hubploy.yaml.",
            hint="name the repository, with its folder deployments",
        )
    tree = Tree()
    for file in files:
        _deployment(tree, folder, file)
    return tree


def _deployment(tree: Tree, root: Path, file: Path) -> None:
    shown = file.relative_to(root).as_posix()
    document = read_foreign(file, shown)
    value = document.value or {}
    for path, _ in leaves_of(value):
        why = _LOST.get(path[0], "hubfleet has nothing for it")
        origin = Origin(".".join(path), document.place(path))
        tree.fates.append(Fate(origin, "not-carried", why=why))
    cluster, new = _cluster(value, file.parent.name)
    tree.clusters.setdefault(cluster, new)
    config = file.parent / "config"
    stages = [one.stem for one in sorted(config.glob("*.yaml")) if one.stem != "common"]
    if not stages:
        tree.notes.append(f"{shown}: there is no hub in its folder config")
    for stage in stages:
        found = Found(name_of(file.parent.name), name_of(stage), cluster)
        for layer in (
            root / "hub" / "values.yaml",
            config / "common.yaml",
            config / f"{stage}.yaml",
            file.parent / "secrets" / "common.yaml",
            file.parent / "secrets" / f"{stage}.yaml",
        ):
            if layer.is_file():
                read = _hidden(opened(layer, layer.relative_to(root).as_posix()), layer)
                found.layer(read, under=nested_in(read.value or {}))
        # Helm 2 had the dependencies in a file of their own.
        charts = [root / "hub" / name for name in ("Chart.yaml", "requirements.yaml")]
        there = [read_foreign(one, f"hub/{one.name}") for one in charts if one.is_file()]
        if not any(give_version(found, one) for one in there):
            found.notes.append("no exact version of Zero to JupyterHub is named: set `chart`")
        tree.hubs.append(found)


def _hidden(document: Document, file: Path) -> Document:
    """What lies under `secrets/` is secret, whatever program encrypted it, or none did."""
    if file.parent.name != "secrets":
        return document
    value = {key: hidden(inner) for key, inner in (document.value or {}).items()}
    return Document(document.file, value, document.places)


def _cluster(value: dict[str, Any], deployment: str) -> tuple[str, NewCluster]:
    block = value.get("cluster")
    block = block if isinstance(block, dict) else {}
    provider = str(block.get("provider", ""))
    details = block.get(provider)
    details = details if isinstance(details, dict) else {}
    name = name_of(str(details.get("cluster") or deployment))
    region = str(details.get("zone") or details.get("region") or "")
    return name, NewCluster(provider=_PROVIDERS.get(provider, "other"), region=region)

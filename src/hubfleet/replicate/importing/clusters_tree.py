"""A tree `config/clusters/<cluster>/cluster.yaml`, whose hubs have layered values files.

The chart's own `helm-charts/<chart>/values.yaml`, where it is in the tree, is the lowest layer.
A cluster's hubs become one community of its name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hubfleet.fleet.fields import CHART_VERSION_PATTERN
from hubfleet.fleet.yaml import Document, KeyPath
from hubfleet.kit.errors import failure
from hubfleet.replicate.importing.foreign import read_foreign
from hubfleet.replicate.importing.found import Fate, Found, Origin, leaves_of
from hubfleet.replicate.importing.writing import NewCluster, name_of
from hubfleet.replicate.importing.z2jh import opened

_UNDER = {"basehub": ("jupyterhub",), "daskhub": ("basehub", "jupyterhub")}
_HUB_KEYS = {"name", "display_name", "domain", "helm_chart", "helm_chart_values_files"}
_PROVIDERS = {"gcp": "gcp", "aws": "aws", "azure": "azure", "kubeconfig": "other"}
_LOST = {
    "provider_url": "hubfleet has no links to a provider's pages",
    "metadata": "hubfleet keeps agreements in `community.yaml`",
    "kubeconfig": "name the context of your own kubeconfig file in the cluster's file",
    "support": "declare charts beside the hubs under `kubernetes.support` of the cluster",
}


@dataclass(slots=True)
class Tree:
    """Hubs and clusters of a tree, and what of it belongs to no hub."""

    hubs: list[Found] = field(default_factory=list)
    clusters: dict[str, NewCluster] = field(default_factory=dict)
    fates: list[Fate] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def from_tree(folder: Path) -> Tree:
    """`folder` is the repository, its `config/clusters`, or a folder of one cluster."""
    root = _clusters_folder(folder)
    files = sorted(root.glob("*/cluster.yaml")) or sorted(root.glob("cluster.yaml"))
    if not files:
        raise failure(
            "no-clusters-tree",
            "there is no cluster.yaml in this folder",
            place=str(folder),
            why="A tree has config/clusters/<cluster>/cluster.yaml.",
            hint="name the repository, or its folder config/clusters",
        )
    tree = Tree()
    reader = _Reader(tree, _charts_folder(folder), root)
    for file in files:
        reader.cluster(file)
    return tree


def _clusters_folder(folder: Path) -> Path:
    inner = folder / "config" / "clusters"
    return inner if inner.is_dir() else folder


def _charts_folder(folder: Path) -> Path | None:
    """Beside `config`, wherever in the tree `folder` is; a folder of that name, not a guess."""
    for above in (folder, *list(folder.absolute().parents)[:3]):
        if (above / "helm-charts").is_dir():
            return above / "helm-charts"
    return None


class _Reader:
    """Reads each file once: layers are shared by many hubs."""

    def __init__(self, tree: Tree, charts: Path | None, root: Path) -> None:
        self.tree = tree
        self.charts = charts
        self.root = root.resolve()
        self.read: dict[Path, Document] = {}

    def cluster(self, file: Path) -> None:
        shown = f"{file.parent.name}/{file.name}"
        document = read_foreign(file, shown)
        value = document.value or {}
        name = name_of(str(value.get("name") or file.parent.name))
        known = {"name", "provider", "tenancy"}
        for key in value:
            if key == "hubs" or key in known:
                continue
            why = _LOST.get(key, "a cluster's file has nothing for it")
            if key in ("aws", "gcp", "azure"):
                why = "check how the cluster is reached: `kubernetes.context` of its file"
            for path, _ in leaves_of(value[key], (key,)):
                self.leave(document, path, why)
        for key in sorted(known & set(value)):
            to = f"clusters/{name}.yaml"
            self.tree.fates.append(Fate(Origin(key, document.place((key,))), "typed", to))
        hubs = value.get("hubs") or []
        if not isinstance(hubs, list):
            raise _wrong(document, ("hubs",), "`hubs` must be a list")
        for index, hub in enumerate(hubs):
            self.hub(document, name, index, hub, file.parent)
        provider = _PROVIDERS.get(str(value.get("provider")), "other")
        region = self.region(value)
        self.tree.clusters[name] = NewCluster(provider=provider, region=region, context=name)

    def region(self, value: dict[str, Any]) -> str:
        blocks = [value.get(key) for key in ("aws", "gcp", "azure")]
        found = [b.get("region") or b.get("zone") for b in blocks if isinstance(b, dict)]
        return str(next((one for one in found if one), ""))

    def hub(self, document: Document, cluster: str, index: int, hub: Any, folder: Path) -> None:
        """Reads one entry, with all its layers."""
        where: KeyPath = ("hubs", index)
        if not isinstance(hub, dict) or not isinstance(hub.get("name"), str):
            raise _wrong(document, where, "a hub must be a mapping with a `name`")
        found = Found(cluster, name_of(hub["name"]), cluster)
        found.community_title = cluster.replace("-", " ").title()
        chart = str(hub.get("helm_chart", "basehub"))
        under = _UNDER.get(chart, ())
        self.entry(document, index, hub, found)
        self.chart(found, chart)
        names = hub.get("helm_chart_values_files") or []
        if not isinstance(names, list) or not all(isinstance(one, str) for one in names):
            raise _wrong(document, (*where, "helm_chart_values_files"), "it must be a list")
        for position, name in enumerate(names):
            origin = Origin(
                f"hubs[{index}].helm_chart_values_files[{position}]",
                document.place((*where, "helm_chart_values_files", position)),
            )
            path = (folder / name).resolve()
            if not path.is_relative_to(self.root):
                raise failure(
                    "source-leads-out",
                    f"`{name}` is outside of the tree",
                    place=origin.place,
                    hint="copy the file into the cluster's folder",
                )
            if path.suffix == ".jsonnet":
                found.leave(origin, "Jsonnet is not evaluated: render it to YAML and list that")
                continue
            found.layer(self.opened(path, f"{folder.name}/{name}"), under=under)
            found.fates.append(Fate(origin, "typed", "", "its values are told one by one"))
        self.tree.hubs.append(found)

    def entry(self, document: Document, index: int, hub: dict[str, Any], found: Found) -> None:
        for key, value in hub.items():
            origin = Origin(f"hubs[{index}].{key}", document.place(("hubs", index, key)))
            if key == "display_name" and value:
                found.give("title", value, origin)
            elif key == "domain" and value:
                found.give("domain", value, origin)
            elif key in ("name", "helm_chart"):
                found.fates.append(Fate(origin, "typed", "the hub's name" if key == "name" else ""))
            elif key not in _HUB_KEYS:
                found.leave(origin, "hubfleet has nothing for it")

    def chart(self, found: Found, chart: str) -> None:
        """The chart's own values as the lowest layer, and which Zero to JupyterHub is inside."""
        folder = self.charts / name_of(chart) if self.charts else None
        if folder is None or not folder.is_dir():
            found.notes.append(f"the values of the chart `{chart}` itself are not in the tree")
            return
        if (folder / "values.yaml").is_file():
            shown = f"helm-charts/{chart}/values.yaml"
            found.layer(self.opened(folder / "values.yaml", shown), under=_UNDER.get(chart, ()))
        if (folder / "values.jsonnet").is_file():
            found.notes.append(f"helm-charts/{chart}/values.jsonnet is not evaluated")
        for file in (folder / "Chart.yaml", folder.parent / "basehub" / "Chart.yaml"):
            shown = f"helm-charts/{file.parent.name}/Chart.yaml"
            if file.is_file() and give_version(found, self.document(file, shown)):
                return
        found.notes.append("its chart names no exact version of Zero to JupyterHub: set `chart`")

    def document(self, path: Path, shown: str) -> Document:
        if path not in self.read:
            self.read[path] = read_foreign(path, shown)
        return self.read[path]

    def opened(self, path: Path, shown: str) -> Document:
        if path not in self.read:
            self.read[path] = opened(path, shown)
        return self.read[path]

    def leave(self, document: Document, path: tuple[str, ...], why: str) -> None:
        origin = Origin(".".join(path), document.place(path))
        self.tree.fates.append(Fate(origin, "not-carried", why=why))


def give_version(found: Found, chart: Document) -> bool:
    """Declare the exact version of Zero to JupyterHub that a chart depends on; whether it has one.

    A hub names its own: the charts of one cluster may be made of different ones, and a cluster that
    the fleet has already may have another default.
    """
    depends = (chart.value or {}).get("dependencies")
    for index, one in enumerate(depends if isinstance(depends, list) else ()):
        if isinstance(one, dict) and one.get("name") == "jupyterhub":
            version = str(one.get("version", ""))
            if re.fullmatch(CHART_VERSION_PATTERN, version):
                place = chart.place(("dependencies", index, "version"))
                origin = Origin(f"dependencies[{index}].version", place)
                found.give("chart.version", version, origin)
                return True
    return False


def _wrong(document: Document, path: KeyPath, what: str) -> Exception:
    return failure(
        "bad-source",
        what,
        place=document.place(path),
        hint="correct the source, or leave this part out of what you import",
    )

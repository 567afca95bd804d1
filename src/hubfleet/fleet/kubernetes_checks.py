"""What is wrong with clusters on Kubernetes, and with the hubs that are declared on them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hubfleet.fleet.drafts import Draft
from hubfleet.fleet.kubernetes import Kubernetes
from hubfleet.fleet.kubernetes_names import namespace_of, release_of
from hubfleet.fleet.model import Cluster, ClusterFile, Environment
from hubfleet.fleet.support_checks import support_problems
from hubfleet.fleet.yaml import Document
from hubfleet.kit.errors import Place, Problem


def cluster_problems(file: ClusterFile, document: Document) -> Iterator[Problem]:
    """What is wrong with one cluster's file, beyond the types of its fields."""
    if file.platform == "local":
        if file.kubernetes is not None:
            yield Problem(
                "wrong-platform-block",
                "a local cluster has no `kubernetes` block",
                document.place(("kubernetes",)),
                hint="remove the block, or write `platform: kubernetes`",
            )
    elif file.kubernetes is None:
        yield Problem(
            "no-platform-block",
            "`platform: kubernetes` needs a `kubernetes` block",
            document.place(("platform",)),
            "Nothing says how to reach the cluster.",
            "add `kubernetes: {context: NAME}`, with a context of your kubeconfig file",
        )
    else:
        yield from _reaching(file.kubernetes, document)
        yield from support_problems(file.kubernetes.support, document)


def _reaching(kubernetes: Kubernetes, document: Document) -> Iterator[Problem]:
    by_file = "kubeconfig" if kubernetes.kubeconfig else "context" if kubernetes.context else ""
    if kubernetes.server and by_file:
        yield Problem(
            "two-ways-to-cluster",
            f"`server` and `{by_file}` both say how to reach the cluster",
            document.place(("kubernetes", by_file)),
            hint="keep one of them",
        )
    elif kubernetes.server and kubernetes.exec is None:
        yield Problem(
            "no-credentials",
            "nothing says who we are on this cluster",
            document.place(("kubernetes", "server")),
            "`server` needs a program that prints credentials.",
            "add `exec: {command: ...}`, or name a `kubeconfig` instead of `server`",
        )
    elif not kubernetes.server and not by_file:
        yield Problem(
            "no-way-to-cluster",
            "nothing says how to reach the cluster",
            document.place(("kubernetes",)),
            hint="add `context:` with a context of your kubeconfig file",
        )
    if not kubernetes.server:
        for key in ("exec", "certificate_authority"):
            if getattr(kubernetes, key) is not None:
                yield Problem(
                    "belongs-to-server",
                    f"`{key}` says nothing without `server`",
                    document.place(("kubernetes", key)),
                    "A kubeconfig file brings its own.",
                    f"remove `{key}`, or add `server`",
                )


def hub_problems(
    drafts: Mapping[str, Draft], clusters: Mapping[str, Cluster], root: Path
) -> Iterator[Problem]:
    """What is wrong with the hubs on Kubernetes: their charts and their names there."""
    seen: dict[tuple[str, str], Draft] = {}
    for draft in drafts.values():
        cluster = clusters.get(draft.values.cluster or "")
        if cluster is None:
            continue
        if cluster.file.platform == "local":
            yield from _images(draft)
            continue
        if cluster.file.kubernetes is None:
            continue
        if draft.sound:
            yield from _chart(draft, root)
        for kind, name in (
            ("namespace", namespace_of(draft.name, cluster.file.kubernetes)),
            ("release", release_of(draft.name)),
        ):
            first = seen.setdefault((f"{kind} of {cluster.name}", name), draft)
            if first is not draft:
                yield Problem(
                    "duplicate-namespace",
                    f"`{draft.name}` and `{first.name}` have the same {kind} on `{cluster.name}`",
                    draft.place,
                    f"Both are called `{name}` there.",
                    "rename one of them, or put it on another cluster",
                )
                break


def _images(draft: Draft) -> Iterator[Problem]:
    further = draft.values.environments.items()
    environments: list[tuple[tuple[str, ...], Environment]] = [
        (("environment",), draft.values.environment),
        *((("environments", name), one) for name, one in further),
    ]
    for path, environment in environments:
        if environment.image is not None:
            yield Problem(
                "image-on-this-machine",
                f"`{draft.name}` cannot run an image",
                draft.place_of(*path, "image"),
                "Hubs on a local cluster are processes of this machine, without containers.",
                "write `packages` or a `repository` instead, or use a cluster on Kubernetes",
            )


def _chart(draft: Draft, root: Path) -> Iterator[Problem]:
    chart = draft.values.chart
    place = draft.place_of("chart")
    if chart.path is None and chart.version is None:
        yield Problem(
            "no-chart-version",
            f"nothing says which chart `{draft.name}` is made of",
            place,
            "An unpinned chart would change hubs when somebody else publishes one.",
            "write `chart: {version: 4.3.3}` here or under `defaults:` of the cluster",
        )
    elif chart.path is not None and (chart.version or chart.repository):
        key = "version" if chart.version else "repository"
        yield Problem(
            "two-charts",
            f"`chart.path` and `chart.{key}` both say which chart `{draft.name}` is made of",
            draft.place_of("chart", "path"),
            f"The other stands at {draft.place_of('chart', key)}.",
            f"remove one of them; `{key}:` with nothing behind it clears a lower layer's",
        )
    elif chart.path is not None and not (root / chart.path / "Chart.yaml").is_file():
        yield Problem(
            "no-chart",
            f"there is no chart in `{chart.path}`",
            draft.place_of("chart", "path"),
            "The folder has no Chart.yaml.",
            "name a folder with a chart, relative to the fleet's",
        )


def chart_content(draft: Draft, root: Path) -> dict[str, tuple[Any, Place]]:
    """The computed value that stands for the files of a chart in a folder."""
    path = draft.values.chart.path
    if path is None or not (root / path).is_dir():
        return {}
    found = hashlib.sha256()
    for file in sorted((root / path).rglob("*")):
        if file.is_file():
            data = file.read_bytes()
            name = file.relative_to(root / path).as_posix()
            found.update(f"{name}\0{len(data)}\0".encode())
            found.update(data)
    return {"chart.content": (found.hexdigest()[:16], draft.place_of("chart", "path"))}

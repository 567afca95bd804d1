"""Declared support charts as what is wanted, and their files, fetched before anything is done."""

from __future__ import annotations

import hashlib
from pathlib import Path

from hubfleet.fleet.model import Cluster
from hubfleet.fleet.support import SupportChart
from hubfleet.kit.digest import digest
from hubfleet.kit.errors import failure
from hubfleet.kit.files import make_private_folder
from hubfleet.platforms.kubernetes.helm import Helm, HelmError, chart_version
from hubfleet.platforms.kubernetes.support.planning import Wanted, wanted_of


def wanted_charts(cluster: Cluster, root: Path) -> list[Wanted]:
    """In the declared order. Raises `no-chart` for a folder without one."""
    declared = cluster.file.kubernetes.support if cluster.file.kubernetes else {}
    return [_wanted(name, chart, cluster, root) for name, chart in declared.items()]


def _wanted(name: str, chart: SupportChart, cluster: Cluster, root: Path) -> Wanted:
    if chart.path is None:
        return wanted_of(name, chart)
    folder = root / chart.path
    if not (folder / "Chart.yaml").is_file():
        raise failure(
            "no-chart",
            f"there is no chart in `{chart.path}`",
            place=str(cluster.place),
            why=f"`{name}` of `support:` is to be made of it, and it has no Chart.yaml.",
            hint="name a folder with a chart, relative to the fleet's",
        )
    return wanted_of(name, chart, _content(folder), chart_version(folder)[1])


def _content(folder: Path) -> str:
    found = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        data = file.read_bytes()
        found.update(f"{file.relative_to(folder).as_posix()}\0{len(data)}\0".encode())
        found.update(data)
    return found.hexdigest()[:16]


def fetched(wanted: Wanted, root: Path, folder: Path, helm: Helm) -> Path:
    """The chart's file or folder. Raises `chart-not-found`."""
    if wanted.path:
        return root / wanted.path
    where = folder / digest(wanted.repository)[:16]
    path = where / f"{wanted.chart}-{wanted.version}.tgz"
    plain = where / f"{wanted.chart}-{wanted.version.removeprefix('v')}.tgz"
    there = next((one for one in (path, plain) if one.exists()), None)
    if there is not None:
        return there
    make_private_folder(where)
    try:
        helm.pull(wanted.repository, wanted.chart, wanted.version, where)
    except HelmError as error:
        raise failure(
            "chart-not-found",
            f"the chart of `{wanted.name}` cannot be fetched",
            place=f"{wanted.repository} {wanted.chart} {wanted.version}",
            why=str(error),
            hint="check `repository`, `chart` and `version` under `support:`, and the network",
        ) from None
    return next((one for one in (path, plain) if one.exists()), plain)

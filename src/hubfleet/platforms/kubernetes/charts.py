"""The charts that hubs are made of, as files that helm takes; fetched once, before any hub is
touched, and without any cluster's credentials.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from hubfleet.fleet.kubernetes import ZERO_TO_JUPYTERHUB
from hubfleet.fleet.model import Hub
from hubfleet.kit.digest import digest
from hubfleet.kit.errors import HubfleetError
from hubfleet.kit.files import make_private_folder
from hubfleet.platforms.kubernetes.helm import Helm, HelmError, chart_version
from hubfleet.platforms.kubernetes.helm_words import problem_of, understood


@dataclass(frozen=True, slots=True)
class ChartFile:
    """`path` is a folder or an archive; `name` says what is in it, such as `jupyterhub 4.3.3`."""

    path: Path
    name: str


def chart_of(hub: Hub, root: Path, folder: Path) -> ChartFile:
    """Where a hub's chart is, or will be once it is fetched."""
    chart = hub.values.chart
    if chart.path is not None:
        path = root / chart.path
        name, version = chart_version(path)
        content = hub.flat().get("chart.content", "")
        return ChartFile(path, f"{name} {version} {content}".strip())
    repository = chart.repository or ZERO_TO_JUPYTERHUB
    version = (chart.version or "").removeprefix("v")
    where = folder / digest(repository)[:16]
    return ChartFile(where / f"{chart.name}-{version}.tgz", f"{chart.name} {version}")


def fetch(hub: Hub, wanted: ChartFile, helm: Helm) -> None:
    """Have it; raises `chart-not-found`."""
    chart = hub.values.chart
    if chart.path is not None or wanted.path.exists():
        return
    make_private_folder(wanted.path.parent)
    place = hub.effective["chart.version"].place or hub.place
    try:
        repository = chart.repository or ZERO_TO_JUPYTERHUB
        helm.pull(repository, chart.name, chart.version or "", wanted.path.parent)
    except HelmError as error:
        failed = understood(str(error))
        if failed.kind == "refused":
            failed = replace(failed, kind="no-chart")
        raise HubfleetError(problem_of(failed, hub.name, hub.cluster, str(place))) from None

"""What is to be known about a cluster before hubs are put on it; each finding with its cure."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from hubfleet.fleet.kubernetes import ZERO_TO_JUPYTERHUB, Kubernetes
from hubfleet.fleet.model import Cluster, Hub
from hubfleet.kit.errors import HubfleetError
from hubfleet.kit.files import make_private_folder
from hubfleet.platforms.kubernetes.api import Api
from hubfleet.platforms.kubernetes.helm import HelmProgram, find_helm, require_recent
from hubfleet.platforms.kubernetes.rights import IN_NAMESPACE, Right, needed

OLDEST = (1, 28)
"""What the charts that are in use need."""

_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
_DEFAULT_INGRESS = "ingressclass.kubernetes.io/is-default-class"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was checked; `cure` is empty where it is well."""

    check: str
    told: str
    cure: str = ""

    @property
    def is_well(self) -> bool:
        return not self.cure


def examine(api: Api, cluster: Cluster, namespaces: Sequence[str]) -> Iterator[Finding]:
    """Reach, version, rights, storage, entrance; ends after the first where nobody answers."""
    declared = cluster.file.kubernetes or Kubernetes()
    try:
        version = api.version()
    except HubfleetError as error:
        problem = error.problems[0]
        yield Finding("reach", f"{problem.what}: {problem.why}", problem.hint)
        return
    yield _version(version)
    yield from _rights(api, cluster.name, declared, namespaces)
    for check in (_storage, _entrance):
        try:
            yield from check(api, declared, cluster.name)
        except HubfleetError as error:
            yield Finding(check.__name__.strip("_"), error.problems[0].what, error.problems[0].hint)


def _version(version: str) -> Finding:
    major, minor = version.removeprefix("v").split(".")[:2]
    if (int(major), int("".join(filter(str.isdigit, minor)))) < OLDEST:
        return Finding("version", f"Kubernetes {version}", "upgrade it to 1.28 or later")
    return Finding("version", f"Kubernetes {version}")


def _rights(
    api: Api, cluster: str, declared: Kubernetes, namespaces: Sequence[str]
) -> Iterator[Finding]:
    lacking = [
        f"{verb} {_named(right)}"
        for right in needed(create_namespaces=declared.create_namespaces)
        for verb in right.verbs
        if not api.may(verb, right.kind)
    ]
    where: Sequence[str | None] = [None] if declared.create_namespaces else list(namespaces)
    for space in where:
        ending = f" in {space}" if space else " in every namespace"
        lacking += [
            f"{verb} {_named(right)}{ending}"
            for right in IN_NAMESPACE
            for verb in right.verbs
            if not api.may(verb, right.kind, space)
        ]
    if lacking:
        shown = ", ".join(lacking[:6]) + (f" and {len(lacking) - 6} more" if lacking[6:] else "")
        yield Finding(
            "rights",
            f"our account may not {shown}",
            "have an administrator of the cluster apply what "
            f"`hubfleet doctor {cluster} --rbac` prints",
        )
    else:
        yield Finding("rights", "our account may do all that hubfleet needs")


def _named(right: Right) -> str:
    return right.kind.plural + (f".{right.kind.group}" if right.kind.group else "")


def _storage(api: Api, declared: Kubernetes, cluster: str) -> Iterator[Finding]:
    found = api.read("/apis/storage.k8s.io/v1/storageclasses").get("items") or []
    names = {one["metadata"]["name"] for one in found}
    default = {
        one["metadata"]["name"]
        for one in found
        if (one["metadata"].get("annotations") or {}).get(_DEFAULT_CLASS) == "true"
    }
    for key in ("storage_class", "shared_storage_class"):
        wanted = getattr(declared, key)
        if wanted and wanted not in names:
            known = f"it has {', '.join(sorted(names))}" if names else "it has none"
            yield Finding(
                "storage",
                f"there is no storage class `{wanted}`",
                f"{known}: name one of them as `kubernetes.{key}` in clusters/{cluster}.yaml",
            )
    if declared.storage_class is None and not default:
        yield Finding(
            "storage",
            "no storage class is the cluster's default",
            f"name one as `kubernetes.storage_class` in clusters/{cluster}.yaml, "
            "or mark one as the default",
        )
    elif declared.storage_class is None or declared.storage_class in names:
        yield Finding("storage", f"volumes are of {declared.storage_class or min(default)}")


def _entrance(api: Api, declared: Kubernetes, cluster: str) -> Iterator[Finding]:
    if declared.ingress.gateway:
        yield Finding("ingress", f"hubs join the Gateway {declared.ingress.gateway}")
        return
    found = api.read("/apis/networking.k8s.io/v1/ingressclasses").get("items") or []
    names = {one["metadata"]["name"] for one in found}
    wanted = declared.ingress.class_name
    default = [
        one["metadata"]["name"]
        for one in found
        if (one["metadata"].get("annotations") or {}).get(_DEFAULT_INGRESS) == "true"
    ]
    if wanted and wanted not in names:
        known = f"it has {', '.join(sorted(names))}" if names else "it has none"
        yield Finding(
            "ingress",
            f"there is no ingress class `{wanted}`",
            f"{known}: install an ingress controller, or name another class as "
            f"`kubernetes.ingress.class_name` in clusters/{cluster}.yaml",
        )
    elif not wanted and not default:
        yield Finding(
            "ingress",
            "no ingress class is the cluster's default",
            f"name one as `kubernetes.ingress.class_name` in clusters/{cluster}.yaml, or install "
            "an ingress controller",
        )
    else:
        yield Finding("ingress", f"people get in by {wanted or default[0]}")


def here(hubs: Sequence[Hub], folder: Path) -> list[Finding]:
    """What this machine needs for them: helm, the names of hubs, where charts come from."""
    found = [_helm(folder)]
    unknown = [hub.domain for hub in hubs if not resolves(hub.domain)]
    if unknown:
        shown = ", ".join(unknown[:3]) + (f" and {len(unknown) - 3} more" if unknown[3:] else "")
        found.append(
            Finding(
                "dns",
                f"from here, nothing is known of {shown}",
                "let the names lead to the cluster's entrance (one record *.DOMAIN will do), or "
                "write `kubernetes.ingress.address` for the time being",
            )
        )
    elif hubs:
        found.append(Finding("dns", f"the names of {len(hubs)} hubs lead somewhere"))
    charts = {hub.values.chart.repository or ZERO_TO_JUPYTERHUB for hub in hubs if is_fetched(hub)}
    return [*found, *(_repository(one) for one in sorted(charts))]


def is_fetched(hub: Hub) -> bool:
    """Whether its chart comes from a repository."""
    return hub.values.chart.path is None


def _helm(folder: Path) -> Finding:
    try:
        helm = HelmProgram(find_helm(), make_private_folder(folder / "helm"))
        require_recent(helm)
        return Finding("helm", f"helm {'.'.join(map(str, helm.version()))}")
    except HubfleetError as error:
        problem = error.problems[0]
        return Finding("helm", problem.what, problem.hint)


def _repository(address: str) -> Finding:
    host = urlsplit(address).hostname or ""
    if resolves(host):
        return Finding("charts", f"{address} is known")
    return Finding(
        "charts",
        f"nothing is known of {host}, where charts come from",
        "check the network; or keep the chart in the fleet's folder with `chart.path`",
    )


def resolves(domain: str) -> bool:
    """Whether a name leads anywhere from here."""
    try:
        return bool(socket.getaddrinfo(domain, 443))
    except OSError:
        return False

"""`nebari-config.yaml`: its hub on Kubernetes; what Nebari runs beside it is told, not carried."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hubfleet.fleet.yaml import Document, KeyPath
from hubfleet.replicate.importing.foreign import read_foreign
from hubfleet.replicate.importing.found import Fate, Found, Origin, leaves_of
from hubfleet.replicate.importing.writing import NewCluster

_BLOCKS = {
    "google_cloud_platform": "gcp",
    "amazon_web_services": "aws",
    "azure": "azure",
}
_PROVIDERS = {"gcp": "gcp", "aws": "aws", "azure": "azure"}
_GIVEN = {
    ("domain",): "domain",
    ("theme", "jupyterhub", "hub_title"): "title",
}
_WHY = {
    ("security", "authentication"): "Nebari signs in by its own Keycloak: choose `access.sign_in`",
    ("security", "keycloak"): "hubfleet runs no Keycloak",
    ("environments",): "conda-store built them: on Kubernetes software comes as images",
    ("profiles", "dask_worker"): "Dask's gateway stands beside the hub: `kubernetes.support`",
    ("theme",): "see `page` for what people read before they sign in",
    ("storage",): "sizes of Nebari's own volumes; see `storage` of the hub",
    ("default_images",): "only the image of people's servers is the hub's",
    ("jupyterlab",): "Nebari's own settings of JupyterLab",
    ("certificate",): "see `kubernetes.ingress.issuer` of the cluster",
    ("project_name",): "the community has its own name",
    ("namespace",): "see `kubernetes.namespace` of the cluster",
    ("monitoring",): "declare charts beside the hubs under `kubernetes.support`",
    ("helm_extensions",): "declare charts beside the hubs under `kubernetes.support`",
    ("conda_store",): "hubfleet runs no conda-store",
    ("ci_cd",): "see the pages on GitOps",
    ("terraform_state",): "hubfleet keeps none",
    ("nebari_version",): "it says nothing about the hub",
}
_PROFILE = {"access", "groups", "users"}


def from_nebari(file: Path, *, community: str, hub: str, cluster: str) -> tuple[Found, NewCluster]:
    """The hub, and its cluster as far as the file knows it."""
    document = read_foreign(file, file.name)
    value = document.value or {}
    found = Found(community, hub, cluster)
    for path, inner in leaves_of(value):
        _key(found, document, path, inner)
    provider = str(value.get("provider", ""))
    blocks = [value[key] for key in _BLOCKS if isinstance(value.get(key), dict)]
    region = next((str(one["region"]) for one in blocks if one.get("region")), "")
    return found, NewCluster(provider=_PROVIDERS.get(provider, "other"), region=region)


def _key(found: Found, document: Document, path: tuple[str, ...], value: Any) -> None:
    origin = Origin(".".join(path), document.place(path))
    if path in _GIVEN and value:
        found.give(_GIVEN[path], value, origin)
    elif path[:2] == ("jupyterhub", "overrides") and len(path) > 2:
        found.put(path[2:], value, origin)
    elif path == ("profiles", "jupyterlab") and isinstance(value, list):
        _profiles(found, document, path, value)
    elif path == ("default_images", "jupyterlab") and isinstance(value, str):
        found.give("environment.image", value, origin)
    elif path == ("provider",) or (path[-1] == "region" and path[0] in _BLOCKS):
        to = f"clusters/{found.cluster}.yaml"
        found.fates.append(Fate(origin, "typed", to))
    elif path[0] in _BLOCKS or path[0] in ("local", "existing", "digital_ocean"):
        found.leave(origin, "machines are the cluster's: see `hubfleet cluster new`")
    elif path == ("jupyterlab", "idle_culler", "kernel_cull_idle_timeout"):
        found.give("culling.kernels", f"{value}m", origin)
    else:
        known = (path[:length] for length in (2, 1) if path[:length] in _WHY)
        why = next((_WHY[one] for one in known), "hubfleet has nothing for it")
        found.leave(origin, why)


def _profiles(found: Found, document: Document, path: KeyPath, entries: list[Any]) -> None:
    """KubeSpawner's own list, but for who may choose what."""
    profiles = []
    for index, entry in enumerate(entries):
        origin = Origin(f"profiles.jupyterlab[{index}]", document.place((*path, index)))
        if not isinstance(entry, dict):
            found.leave(origin, "it is no profile")
            continue
        profile = {key: inner for key, inner in entry.items() if key not in _PROFILE}
        access = entry.get("access", "all")
        if access == "yaml" and entry.get("groups") and not entry.get("users"):
            profile["allowed_groups"] = entry["groups"]
        elif access != "all":
            # Offered to nobody is better than offered to everybody.
            found.leave(origin, f"who may choose it (`access: {access}`) is not known here")
            continue
        profiles.append(profile)
    if profiles:
        origin = Origin("profiles.jupyterlab", document.place(path))
        found.put(("singleuser", "profileList"), profiles, origin)

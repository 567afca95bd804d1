"""Values files of the Zero to JupyterHub chart, in the order in which Helm is given them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hubfleet.fleet.secrets.sops import is_sops
from hubfleet.fleet.yaml import Document
from hubfleet.replicate.importing.foreign import read_foreign
from hubfleet.replicate.importing.found import ENCRYPTED, Found

_NESTED = ("jupyterhub", "basehub", "daskhub", "pangeo", "binderhub")
_OF_THE_CHART = {
    "hub", "proxy", "singleuser", "scheduling", "prePuller", "ingress", "httpRoute", "cull",
    "rbac", "debug", "global", "custom", "imagePullSecret", "imagePullSecrets", "fullnameOverride",
    "nameOverride", "enabled",
}  # fmt: skip


def from_values(
    files: Sequence[Path], *, community: str, hub: str, cluster: str, under: tuple[str, ...] = ()
) -> Found:
    """Later files win; `under` is where the chart's values stand in files of a parent chart."""
    found = Found(community, hub, cluster)
    for file in files:
        document = opened(file, file.name)
        found.layer(document, under=under or nested_in(document.value or {}))
    return found


def opened(file: Path, name: str) -> Document:
    """A values file; of one that sops encrypted, only the keys."""
    document = read_foreign(file, name)
    value = document.value or {}
    if not is_sops(value):
        return document
    closed = {key: hidden(inner) for key, inner in value.items() if key != "sops"}
    return Document(name, closed, document.places)


def nested_in(values: dict[str, Any]) -> tuple[str, ...]:
    """Where the chart's values begin: parent charts put them under the name of the chart."""
    path: tuple[str, ...] = ()
    while not set(values) & _OF_THE_CHART:
        inner = next((key for key in _NESTED if isinstance(values.get(key), dict)), None)
        if inner is None:
            return path
        path, values = (*path, inner), values[inner]
    return path


def hidden(value: Any) -> Any:
    """Sops leaves some values readable; what is in one of its files is secret all the same."""
    if isinstance(value, dict) and value:
        return {key: hidden(inner) for key, inner in value.items()}
    return ENCRYPTED

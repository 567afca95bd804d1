"""How to reach one cluster: a kubeconfig cut down to the one context that is asked for.

Everything that it names by file is put into it, so that a program needs nothing else to read, and
nothing else stands in it: no other cluster's address, no other account.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from hubfleet.fleet.kubernetes import Kubernetes
from hubfleet.kit.errors import HubfleetError, failure

_FILES = {
    "certificate-authority": "certificate-authority-data",
    "client-certificate": "client-certificate-data",
    "client-key": "client-key-data",
}
_EXEC_VERSION = "client.authentication.k8s.io/v1beta1"


@dataclass(frozen=True, slots=True)
class Connection:
    """`kubeconfig` holds credentials: `repr` leaves it out. `server` is the API's address."""

    cluster: str
    server: str
    kubeconfig: dict[str, Any]

    def __repr__(self) -> str:
        return f"Connection(cluster={self.cluster!r}, server={self.server!r})"

    @property
    def text(self) -> str:
        """The file's content."""
        return yaml.safe_dump(self.kubeconfig)


def connect(
    cluster: str, declared: Kubernetes, root: Path, environment: Mapping[str, str]
) -> Connection:
    """Raises `no-kubeconfig`, `damaged-kubeconfig` or `unknown-context`."""
    if declared.server:
        return _by_address(cluster, declared, root)
    path = _kubeconfig_path(declared, root, environment)
    value = _read(cluster, path)
    name = declared.context or value.get("current-context") or ""
    context = _named(value, "contexts", "context", name)
    if context is None:
        known = ", ".join(str(one.get("name")) for one in value.get("contexts") or ())
        raise failure(
            "unknown-context",
            f"the kubeconfig of the cluster `{cluster}` has no context `{name}`",
            place=str(path),
            why=f"it has: {known}" if known else "it has none",
            hint=f"write one of them as `context:` in clusters/{cluster}.yaml",
        )
    server = _named(value, "clusters", "cluster", context.get("cluster", ""))
    user = _named(value, "users", "user", context.get("user", "")) or {}
    if server is None or not server.get("server"):
        raise _damaged(cluster, path, f"the context `{name}` names a cluster that is not there")
    return _made(cluster, _inlined(server, path, cluster), _inlined(user, path, cluster))


def _by_address(cluster: str, declared: Kubernetes, root: Path) -> Connection:
    server: dict[str, Any] = {"server": declared.server}
    if declared.certificate_authority:
        server["certificate-authority"] = str(root / declared.certificate_authority)
    user: dict[str, Any] = {}
    if declared.exec is not None:
        user["exec"] = {
            "apiVersion": _EXEC_VERSION,
            "command": declared.exec.command,
            "args": list(declared.exec.args),
            "interactiveMode": "Never",
        }
    place = root / "clusters" / f"{cluster}.yaml"
    return _made(cluster, _inlined(server, place, cluster), user)


def _kubeconfig_path(declared: Kubernetes, root: Path, environment: Mapping[str, str]) -> Path:
    if declared.kubeconfig:
        return root / Path(declared.kubeconfig).expanduser()
    first = environment.get("KUBECONFIG", "").partition(":")[0]
    return Path(first) if first else Path("~/.kube/config").expanduser()


def _read(cluster: str, path: Path) -> dict[str, Any]:
    try:
        value = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise failure(
            "no-kubeconfig",
            f"there is no kubeconfig for the cluster `{cluster}`",
            place=str(path),
            hint=f"put the file there, or name another as `kubeconfig:` in clusters/{cluster}.yaml",
        ) from None
    except (OSError, ValueError, yaml.YAMLError) as error:
        # What stands in the file is never part of a message: it holds credentials.
        raise _damaged(cluster, path, type(error).__name__) from None
    if not isinstance(value, dict):
        raise _damaged(cluster, path, "it does not hold a mapping")
    return value


def _named(value: dict[str, Any], group: str, key: str, name: str) -> dict[str, Any] | None:
    for one in value.get(group) or ():
        if isinstance(one, dict) and one.get("name") == name:
            found = one.get(key)
            return dict(found) if isinstance(found, dict) else None
    return None


def _inlined(part: dict[str, Any], place: Path, cluster: str) -> dict[str, Any]:
    """With the content of every file that it names."""
    result = dict(part)
    for key, data_key in _FILES.items():
        if name := result.pop(key, None):
            result[data_key] = base64.b64encode(_bytes(place, name, cluster)).decode()
    if name := result.pop("tokenFile", None):
        result.setdefault("token", _bytes(place, name, cluster).decode().strip())
    return result


def _bytes(place: Path, name: str, cluster: str) -> bytes:
    path = place.parent / Path(name).expanduser()
    try:
        return path.read_bytes()
    except OSError as error:
        raise _damaged(cluster, path, error.strerror or "it cannot be read") from None


def _made(cluster: str, server: dict[str, Any], user: dict[str, Any]) -> Connection:
    kubeconfig = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": cluster,
        "clusters": [{"name": cluster, "cluster": server}],
        "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": cluster}}],
        "users": [{"name": cluster, "user": user}],
    }
    return Connection(cluster, str(server["server"]), kubeconfig)


def _damaged(cluster: str, path: Path, why: str) -> HubfleetError:
    return failure(
        "damaged-kubeconfig",
        f"the kubeconfig of the cluster `{cluster}` cannot be used",
        place=str(path),
        why=why,
        hint="mend the file, or have the provider's program write it anew",
    )

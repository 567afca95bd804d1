"""The rights that hubfleet's account needs on a cluster, and the manifest that grants them.

They are those of what the Zero to JupyterHub chart makes and of what Helm needs to keep releases:
an account may only give away rights that it has itself, so the rules that the chart hands to hub,
hook and user scheduler are among them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from hubfleet.platforms.kubernetes.api import Kind

_READ = ("get", "list", "watch")
_WRITE = (*_READ, "create", "update", "patch", "delete")
ACCOUNT = "hubfleet"


@dataclass(frozen=True, slots=True)
class Right:
    """Verbs on one kind of object, and what they are for."""

    kind: Kind
    verbs: tuple[str, ...]
    purpose: str


IN_CLUSTER = (
    Right(Kind("namespaces", namespaced=False), ("get", "list", "watch", "create", "patch"),
          "find and make hubs' namespaces"),
    Right(Kind("nodes", namespaced=False), _READ, "the chart's user scheduler"),
    Right(Kind("storageclasses", "storage.k8s.io", namespaced=False), _READ,
          "see which volumes there can be"),
    Right(Kind("persistentvolumes", namespaced=False), ("get", "list"),
          "see whether a removed hub left volumes"),
    Right(Kind("ingressclasses", "networking.k8s.io", namespaced=False), _READ,
          "see how people get in"),
    Right(Kind("priorityclasses", "scheduling.k8s.io", namespaced=False), _WRITE,
          "the chart's priorities"),
    Right(Kind("clusterroles", "rbac.authorization.k8s.io", namespaced=False),
          (*_WRITE, "escalate", "bind"), "the chart's user scheduler"),
    Right(Kind("clusterrolebindings", "rbac.authorization.k8s.io", namespaced=False), _WRITE,
          "the chart's user scheduler"),
)  # fmt: skip
"""What belongs to no namespace. `escalate` and `bind` are Kubernetes' words for making a role with
rights that one does not have oneself: the scheduler's rules follow the Kubernetes version."""

IN_NAMESPACE = (
    Right(Kind("secrets"), _WRITE, "Helm's releases, the hub's secrets"),
    Right(Kind("configmaps"), _WRITE, "hubfleet's records, the hub's configuration"),
    Right(Kind("services"), _WRITE, "the chart"),
    Right(Kind("serviceaccounts"), _WRITE, "the chart"),
    Right(Kind("persistentvolumeclaims"), _WRITE, "the hub's database, people's homes"),
    Right(Kind("pods"), _WRITE, "look at hubs, copy databases and homes, people's servers"),
    Right(Kind("pods/log"), ("get",), "logs"),
    Right(Kind("pods/exec"), ("get", "create"), "copy a hub's database and people's homes"),
    Right(Kind("events"), (*_READ, "create", "patch"), "say why a hub does not come up"),
    Right(Kind("deployments", "apps"), _WRITE, "the chart"),
    Right(Kind("deployments/scale", "apps"), ("get", "patch", "update"),
          "bring a hub down for its database"),
    Right(Kind("statefulsets", "apps"), _WRITE, "the chart's placeholders"),
    Right(Kind("daemonsets", "apps"), _WRITE, "the chart's image pullers"),
    Right(Kind("replicasets", "apps"), _READ, "wait for Deployments"),
    Right(Kind("jobs", "batch"), _WRITE, "the chart's hooks"),
    Right(Kind("ingresses", "networking.k8s.io"), _WRITE, "the chart"),
    Right(Kind("networkpolicies", "networking.k8s.io"), _WRITE, "the chart"),
    Right(Kind("httproutes", "gateway.networking.k8s.io"), _WRITE, "the chart"),
    Right(Kind("poddisruptionbudgets", "policy"), _WRITE, "the chart"),
    Right(Kind("roles", "rbac.authorization.k8s.io"), (*_WRITE, "escalate", "bind"), "the chart"),
    Right(Kind("rolebindings", "rbac.authorization.k8s.io"), _WRITE, "the chart"),
)  # fmt: skip


def needed(*, create_namespaces: bool) -> Iterator[Right]:
    """What belongs to no namespace, under the cluster's policy."""
    for right in IN_CLUSTER:
        if right.kind.plural == "namespaces" and not create_namespaces:
            yield Right(right.kind, ("get", "list", "watch", "patch"), right.purpose)
        else:
            yield right


def manifest(namespaces: Sequence[str], *, create_namespaces: bool) -> list[dict[str, Any]]:
    """The objects that an administrator applies once.

    Where hubfleet makes namespaces its rights hold in all of them, because nobody can bind an
    account in a namespace that is not there yet. Where it does not, they end at those named.
    """
    account = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": ACCOUNT}
    objects = [
        _object("v1", "Namespace", ACCOUNT),
        _object("v1", "ServiceAccount", ACCOUNT, namespace=ACCOUNT),
        _role("hubfleet-cluster", needed(create_namespaces=create_namespaces)),
        _binding("ClusterRoleBinding", "hubfleet-cluster", account),
        _role("hubfleet-hubs", IN_NAMESPACE),
    ]
    if create_namespaces:
        return [*objects, _binding("ClusterRoleBinding", "hubfleet-hubs", account)]
    bound = [_binding("RoleBinding", "hubfleet-hubs", account, space) for space in namespaces]
    return [*objects, *bound]


def _object(version: str, kind: str, name: str, namespace: str = "") -> dict[str, Any]:
    meta = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": version, "kind": kind, "metadata": meta}


_RBAC = "rbac.authorization.k8s.io/v1"


def _role(name: str, rights: Iterator[Right] | Sequence[Right]) -> dict[str, Any]:
    rules: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for right in rights:
        rules.setdefault((right.kind.group, right.verbs), []).append(right.kind.plural)
    told = [
        {"apiGroups": [group], "resources": resources, "verbs": list(verbs)}
        for (group, verbs), resources in rules.items()
    ]
    return {**_object(_RBAC, "ClusterRole", name), "rules": told}


def _binding(kind: str, role: str, account: dict[str, str], namespace: str = "") -> dict[str, Any]:
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}
    return {
        **_object(_RBAC, kind, role, namespace),
        "roleRef": reference,
        "subjects": [account],
    }

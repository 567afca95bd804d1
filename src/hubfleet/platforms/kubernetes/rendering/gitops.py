"""A fleet as plain files for organisations that deploy by GitOps: values, a helmfile, Argo CD.

Pure: paths and their texts. No secret is in any of them; `secrets.example.yaml` beside each hub's
values says what to supply in a `secrets.yaml`, encrypted by whatever the organisation uses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from hubfleet.fleet.kubernetes import ZERO_TO_JUPYTERHUB, Chart
from hubfleet.fleet.kubernetes_names import namespace_of, release_of
from hubfleet.fleet.model import Cluster, Hub
from hubfleet.kit.units import parse_duration
from hubfleet.platforms.kubernetes.rendering.entries import Entry, assembled, leaves
from hubfleet.platforms.kubernetes.rendering.pins import Pins, is_placeholder, placeholder
from hubfleet.platforms.kubernetes.rendering.storage import companions
from hubfleet.platforms.kubernetes.rendering.values import render

HEADER = "# Written by `hubfleet render`; the next one writes it anew.\n"
_PROJECT = "jupyterhub"


@dataclass(frozen=True, slots=True)
class Git:
    """Where the files will lie for Argo CD: an address, a branch, a folder in it."""

    url: str
    revision: str = "main"
    path: str = ""


@dataclass(frozen=True, slots=True)
class Rendering:
    """One hub to be written, with its cluster and its logo's content."""

    hub: Hub
    cluster: Cluster
    logo: bytes | None = None

    @property
    def folder(self) -> str:
        return f"clusters/{self.cluster.name}/{self.hub.name}"

    @property
    def release(self) -> str:
        return release_of(self.hub.name)

    @property
    def namespace(self) -> str:
        assert self.cluster.file.kubernetes is not None  # only such clusters come here
        return namespace_of(self.hub.name, self.cluster.file.kubernetes)

    @property
    def chart(self) -> Chart:
        return self.hub.values.chart

    @property
    def repository(self) -> str:
        return (self.chart.repository or ZERO_TO_JUPYTERHUB).rstrip("/")

    @property
    def chart_folder(self) -> str | None:
        """Where a chart of the fleet's own is copied to."""
        return f"charts/{self.chart.path.strip('/')}" if self.chart.path else None


def gitops_files(renderings: Iterable[Rendering], git: Git | None) -> dict[str, str]:
    """All files by path, but for charts of the fleet's own, which are copied."""
    ordered = sorted(renderings, key=lambda one: (one.cluster.name, one.hub.name))
    files: dict[str, str] = {"README.md": _readme(git)}
    for one in ordered:
        files |= _hub_files(one)
    files["helmfile.yaml"] = HEADER + dumped(_helmfile(ordered))
    for cluster in sorted({one.cluster.name for one in ordered}) if git else ():
        assert git is not None  # the loop is empty without it
        here = [one for one in ordered if one.cluster.name == cluster]
        files[f"argocd/{cluster}.yaml"] = HEADER + dumped(_application_set(cluster, here, git))
    return dict(sorted(files.items()))


def _hub_files(one: Rendering) -> dict[str, str]:
    values = render(one.hub, one.cluster, Pins.placeholders(), one.logo).values
    plain, secret = split_secrets(values)
    note = (
        f"# What {one.hub.name} needs beside values.yaml. Copy this file to secrets.yaml, write\n"
        "# the secrets into it, and encrypt it (`sops --encrypt --in-place secrets.yaml`) before\n"
        "# it goes anywhere.\n"
    )
    files = {
        f"{one.folder}/values.yaml": HEADER + dumped(plain),
        f"{one.folder}/secrets.example.yaml": note + dumped(secret),
    }
    objects = companions(one.hub, one.cluster)
    if objects:
        text = "---\n".join(dumped(each) for each in objects)
        files[f"{one.folder}/objects.yaml"] = HEADER + text
    return files


def split_secrets(values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The values without secrets, and a mapping of the same shape that says what is missing."""
    plain: list[Entry] = []
    secret: list[Entry] = []
    for path, value in leaves(values):
        if _holds_placeholder(value):
            secret.append(Entry(path, _told(value, path)))
        else:
            plain.append(Entry(path, value))
    return assembled(plain).values, assembled(secret).values


def _holds_placeholder(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(_holds_placeholder(one) for one in value)
    if isinstance(value, Mapping):
        return any(_holds_placeholder(one) for one in value.values())
    return is_placeholder(value)


def _told(value: Any, path: tuple[str, ...]) -> Any:
    if isinstance(value, str) and value.startswith("<secret "):
        return placeholder(f"{'.'.join(path)}, which the fleet keeps encrypted")
    return value


def _helmfile(renderings: list[Rendering]) -> dict[str, Any]:
    repositories = {
        one.repository: _repository_name(number)
        for number, one in enumerate(_of_repositories(renderings))
    }
    return {
        "helmDefaults": {"createNamespace": True, "wait": True},
        "repositories": [
            {"name": name, "url": url.removeprefix("oci://"), **_oci(url)}
            for url, name in repositories.items()
        ],
        "releases": [_release(one, repositories) for one in renderings],
    }


def _of_repositories(renderings: list[Rendering]) -> list[Rendering]:
    """One hub for each repository, in the order in which they come."""
    seen: dict[str, Rendering] = {}
    for one in renderings:
        if one.chart_folder is None:
            seen.setdefault(one.repository, one)
    return list(seen.values())


def _repository_name(number: int) -> str:
    return _PROJECT if not number else f"{_PROJECT}-{number + 1}"


def _oci(url: str) -> dict[str, bool]:
    return {"oci": True} if url.startswith("oci://") else {}


def _release(one: Rendering, repositories: Mapping[str, str]) -> dict[str, Any]:
    kubernetes = one.cluster.file.kubernetes
    assert kubernetes is not None  # only such clusters come here
    release: dict[str, Any] = {
        "name": one.release,
        "namespace": one.namespace,
        "labels": {"cluster": one.cluster.name, "stage": one.hub.stage},
        "chart": f"./{one.chart_folder}"
        if one.chart_folder
        else f"{repositories[one.repository]}/{one.chart.name}",
        "timeout": parse_duration(kubernetes.come_up),
        "values": [f"{one.folder}/values.yaml"],
        "secrets": [f"{one.folder}/secrets.yaml"],
    }
    if kubernetes.context:
        release["kubeContext"] = kubernetes.context
    if one.chart.version:
        release["version"] = one.chart.version
    if companions(one.hub, one.cluster):
        context = ["--context", kubernetes.context] if kubernetes.context else []
        arguments = ["--namespace", one.namespace, "apply", "--filename"]
        release["hooks"] = [
            {
                "events": ["postsync"],
                "command": "kubectl",
                "args": [*context, *arguments, f"{one.folder}/objects.yaml"],
            }
        ]
    return release


def _application_set(cluster: str, renderings: list[Rendering], git: Git) -> dict[str, Any]:
    """One application for each hub; staging hubs in an earlier wave than the others."""
    prefix = f"{git.path.strip('/')}/" if git.path.strip("/") else ""
    own = {"repoURL": git.url, "targetRevision": git.revision}
    elements = [_element(one, prefix, git) for one in renderings]
    files = ["$values/{{.folder}}/values.yaml", "$values/{{.folder}}/secrets.yaml"]
    chart = {
        "repoURL": "{{.repository}}",
        "targetRevision": "{{.version}}",
        # One of the two is empty: a chart of a repository, or a folder beside the values.
        "chart": "{{.chart}}",
        "path": "{{.chartFolder}}",
        "helm": {"releaseName": "{{.release}}", "valueFiles": files},
    }
    objects = {**own, "path": "{{.folder}}", "directory": {"include": "objects.yaml"}}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "ApplicationSet",
        "metadata": {"name": f"hubs-{cluster}", "namespace": "argocd"},
        "spec": {
            "goTemplate": True,
            "goTemplateOptions": ["missingkey=error"],
            "generators": [{"list": {"elements": elements}}],
            "strategy": {
                "type": "RollingSync",
                "rollingSync": {"steps": [_step("staging"), _step("production")]},
            },
            "template": {
                "metadata": {"name": "{{.release}}", "labels": {"stage": "{{.stage}}"}},
                "spec": {
                    "project": "default",
                    "destination": {"name": cluster, "namespace": "{{.namespace}}"},
                    "sources": [chart, {**own, "ref": "values"}, objects],
                    "syncPolicy": {"syncOptions": ["CreateNamespace=true"]},
                },
            },
        },
    }


def _step(stage: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": "stage", "operator": "In", "values": [stage]}]}


def _element(one: Rendering, prefix: str, git: Git) -> dict[str, str]:
    folder = one.chart_folder
    return {
        "release": one.release,
        "namespace": one.namespace,
        "stage": one.hub.stage,
        "folder": f"{prefix}{one.folder}",
        "repository": git.url if folder else one.repository.removeprefix("oci://"),
        "chart": "" if folder else one.chart.name,
        "chartFolder": f"{prefix}{folder}" if folder else "",
        "version": git.revision if folder else one.chart.version or "",
    }


def _readme(git: Git | None) -> str:
    argo = (
        "`argocd/<cluster>.yaml` is an ApplicationSet for each cluster; its hubs read their values "
        f"from {git.url}.\n"
        if git
        else "Run `hubfleet render` with `--git URL` for Argo CD's ApplicationSets.\n"
    )
    return (
        "# A fleet, rendered\n\n"
        "`clusters/<cluster>/<community>/<hub>/values.yaml` are the values of each hub's release.\n"
        "No secret is here: `secrets.example.yaml` says what `secrets.yaml` beside it must hold.\n"
        "hubfleet never writes and never deletes a `secrets.yaml`.\n\n"
        "`helmfile.yaml` installs all hubs; it reads each `secrets.yaml` through helm-secrets.\n"
        "`helmfile --selector stage=staging apply` changes the staging hubs alone.\n\n"
        f"{argo}"
        "Argo CD reads `secrets.yaml` where its repository server wraps Helm with helm-secrets.\n"
    )


class _Dumper(yaml.SafeDumper):
    """Texts of several lines stand as they are read."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def dumped(value: Any) -> str:
    """YAML with sorted keys: equal values give equal text."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=True, allow_unicode=True, width=100)

"""Places on a real control plane: a fleet's cluster of a test's own, and all that it left gone."""

from __future__ import annotations

import atexit
import contextlib
import itertools
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from hubfleet.fleet.kubernetes import Kubernetes
from hubfleet.fleet.model import Cluster, Fleet
from hubfleet.platforms.kubernetes.api import (
    CONFIG_MAPS,
    DEPLOYMENTS,
    NAMESPACES,
    SECRETS,
    Kind,
    KubernetesApi,
)
from hubfleet.platforms.kubernetes.connection import connect
from hubfleet.platforms.kubernetes.helm import HelmProgram
from hubfleet.platforms.kubernetes.observing import WATCHED
from hubfleet.platforms.kubernetes.platform import KubernetesPlatform
from hubfleet.platforms.kubernetes.work import Work
from tests.control_plane.control_plane import ADMIN_TOKEN, ControlPlane, control_plane
from tests.control_plane.fake_nodes import fake_nodes
from tests.control_plane.programs import existing_cluster, helm, why_none
from tests.fleets import write_fleet

CHART = Path(__file__).with_name("chart")
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Plane:
    """The API that the tests meet; `own` is None on a cluster that somebody lent."""

    kubeconfig: Path
    volumes: Path
    own: ControlPlane | None = None


@cache
def plane() -> Plane:
    """One for the whole run of this process; skips where there can be none."""
    reason = why_none()
    if reason:
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="hubfleet-plane-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    if (lent := existing_cluster()) is not None:
        return Plane(lent, folder / "volumes")
    stack = contextlib.ExitStack()
    atexit.register(stack.close)
    own = stack.enter_context(control_plane(folder))
    stack.enter_context(fake_nodes(own.address, own.certificates, ADMIN_TOKEN, folder / "volumes"))
    return Plane(folder / "admin.yaml", folder / "volumes", own)


@dataclass
class ClusterPlace:
    """A cluster file that leads to the plane, with namespaces that no other test has."""

    folder: Path
    plane: Plane
    prefix: str
    platforms: list[KubernetesPlatform] = field(default_factory=list)

    @property
    def cluster(self) -> dict[str, Any]:
        """What a cluster's file says."""
        return {
            "platform": "kubernetes",
            "kubernetes": {
                "kubeconfig": str(self.plane.kubeconfig),
                "namespace": f"{self.prefix}-{{community}}-{{hub}}",
                "come_up": "60s",
                "ingress": {"tls": False},
            },
            "defaults": {"chart": {"path": "charts/jupyterhub"}},
        }

    def fleet(
        self,
        name: str,
        hubs: Mapping[str, Mapping[str, Any]],
        *,
        kubernetes: Mapping[str, Any] = {},
        **more: Any,
    ) -> Fleet:
        """A fleet in a folder of its own, with the chart of the tests in it."""
        root = self.folder / name
        shutil.copytree(CHART, root / "charts" / "jupyterhub", dirs_exist_ok=True)
        cluster = self.cluster
        cluster["kubernetes"] = {**cluster["kubernetes"], **kubernetes}
        return write_fleet(root, hubs, cluster=cluster, name=self.prefix, **more)

    def platform(self, fleet: Fleet, *, take_ownership: bool = False) -> KubernetesPlatform:
        """One that is closed with the place; all of them share their snapshots."""
        made = KubernetesPlatform(fleet, self.folder / "state", take_ownership=take_ownership)
        self.platforms.append(made)
        return made

    def namespace(self, hub: str) -> str:
        return f"{self.prefix}-{hub.replace('/', '-')}"

    def work(self, fleet: Fleet, cluster: str = "reef") -> Work:
        """API and helm, for looking at what became of things."""
        declared = fleet.clusters[cluster]
        return work_on(declared, fleet, self.folder)

    @property
    def api(self) -> KubernetesApi:
        """The API with every right."""
        return _api(self.plane.kubeconfig)

    def change(self, kind: Kind, hub: str, name: str, change: Mapping[str, Any], by: str) -> None:
        """What another person or program changes of an object, under the name `by`."""
        answer = self.api._client.patch(
            kind.path(self.namespace(hub), name),
            json=change,
            params={"fieldManager": by},
            headers={"Content-Type": "application/strategic-merge-patch+json"},
        )
        assert answer.status_code == 200, answer.text

    def helm(self, *arguments: str) -> str:
        """What another person does with helm."""
        program = helm()
        assert program is not None
        command = [program, "--kubeconfig", str(self.plane.kubeconfig), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def everything(self, hub: str) -> dict[str, Any]:
        """The content of all that the chart makes in a hub's namespace, but for its status."""
        found = {}
        for kind in (*WATCHED.values(), DEPLOYMENTS, CONFIG_MAPS, SECRETS):
            for value in self.api.select(kind, self.namespace(hub), labels="app=jupyterhub"):
                name = f"{kind.plural}/{value['metadata']['name']}"
                found[name] = value.get("spec", value.get("data"))
        return found

    def clean(self) -> None:
        for platform in self.platforms:
            platform.end()
        names = [space["metadata"]["name"] for space in self.api.select(NAMESPACES)]
        for space in (name for name in names if name.startswith(f"{self.prefix}-")):
            secrets = self.api.select(SECRETS, space, labels="owner=helm", metadata_only=True)
            for release in {one["metadata"]["labels"]["name"] for one in secrets}:
                with contextlib.suppress(subprocess.CalledProcessError):
                    self.helm("uninstall", release, "-n", space)
            self.api.delete(NAMESPACES, space)


@cache
def _api(kubeconfig: Path) -> KubernetesApi:
    return KubernetesApi(
        connect("tests", Kubernetes(kubeconfig=str(kubeconfig)), kubeconfig.parent, {})
    )


def work_on(cluster: Cluster, fleet: Fleet, folder: Path) -> Work:
    """API and helm of a declared cluster, in this process."""
    declared = cluster.file.kubernetes
    assert declared is not None
    connection = connect(cluster.name, declared, fleet.root, {})
    program = helm()
    assert program is not None
    helm_folder = folder / "helm-of-test"
    helm_folder.mkdir(exist_ok=True)
    return Work(
        KubernetesApi(connection),
        HelmProgram(program, helm_folder, connection),
        cluster,
        fleet.service.name,
        folder / "shelf",
    )


@contextlib.contextmanager
def cluster_place(folder: Path, program: str | None = None) -> Iterator[ClusterPlace]:
    """A place on the plane, for the helm at hand or another one; skips where there is no plane."""
    found = plane()
    if found.own is not None:
        found.own.check()
    folder.mkdir(parents=True, exist_ok=True)
    place = ClusterPlace(folder, found, f"t{next(_numbers)}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HUBFLEET_HELM", program or helm() or "")
        try:
            yield place
        finally:
            place.clean()

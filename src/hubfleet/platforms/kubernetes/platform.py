"""The Kubernetes platform as the rest of hubfleet sees it: hubs as Helm releases on many clusters.

This process knows the declaration and no cluster's credentials: each cluster is acted on by a
process of its own (`processes`, `nursery`), in which `acts` does the work.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, assert_never

from hubfleet.fleet.console_clients import ClientKeys
from hubfleet.fleet.kubernetes import Kubernetes
from hubfleet.fleet.kubernetes_names import namespace_of
from hubfleet.fleet.model import Cluster, Fleet, Hub
from hubfleet.fleet.secrets.age import Identity
from hubfleet.fleet.secrets.secret import revealed
from hubfleet.kit.digest import digest
from hubfleet.kit.errors import HubfleetError, Problem, failure
from hubfleet.kit.files import make_private_folder
from hubfleet.planning.observation import Observation
from hubfleet.planning.steps import CreateHub, RemoveHub, StartHub, Step, UpdateHub
from hubfleet.platforms.kubernetes.charts import chart_of, fetch
from hubfleet.platforms.kubernetes.helm import HelmProgram, find_helm, require_recent
from hubfleet.platforms.kubernetes.processes import ClusterProcess, Nursery
from hubfleet.platforms.kubernetes.rendering.pins import CONSOLE_SECRET
from hubfleet.platforms.kubernetes.rendering.values import sources
from hubfleet.platforms.kubernetes.shelf import Shelf
from hubfleet.platforms.platform import (
    Door,
    OtherSoftware,
    Outcome,
    Report,
    RollbackPreview,
    SignIn,
    Snapshot,
)
from hubfleet.platforms.remaining import ClusterRemains

if TYPE_CHECKING:
    from hubfleet.platforms.kubernetes.claims import Claimed
    from hubfleet.platforms.kubernetes.doctor import Finding
    from hubfleet.platforms.kubernetes.reading_trees import Contents
    from hubfleet.platforms.kubernetes.setup import Setup
    from hubfleet.platforms.kubernetes.support.acting import SupportJob
    from hubfleet.platforms.kubernetes.support.planning import SupportPlan, SupportStep


@cache
def software() -> dict[str, str]:
    """What hubs would be rendered with now: another way to render is a change of every hub."""
    return {"rendering": digest(sources())[:16]}


def _quietly(_: str) -> None:
    pass


_CLEARING = 20.0
"""Seconds to wait until a pod is removed that somebody stopped reading in."""

MOST_PROCESSES = 8
"""Clusters' processes that are kept while nothing is done on them."""


class KubernetesPlatform:
    """Runs hubs on every cluster of a fleet that says `platform: kubernetes`.

    `folder` is for snapshots, fetched charts and helm's own files. With `take_ownership`, changes
    take back the fields that somebody else set.
    """

    def __init__(self, fleet: Fleet, folder: Path, *, take_ownership: bool = False) -> None:
        self._fleet = fleet
        self._folder = folder
        self._take_ownership = take_ownership
        self._nursery = Nursery()
        self._processes: dict[str, ClusterProcess] = {}
        self._lock = Lock()
        self._seen: dict[str, str] = {}

    def names(self) -> tuple[str, ...]:
        """The declared clusters that are its business."""
        clusters = self._fleet.clusters.values()
        return tuple(one.name for one in clusters if one.file.platform == "kubernetes")

    def clusters(self) -> frozenset[str]:
        """Those of the declared ones that hold hubs: others it cannot know."""
        return frozenset(name for name in self.names() if self.observe(name).hubs)

    def observe(self, cluster: str) -> Observation:
        found: Observation = self._call(cluster, "observe", self._clients(cluster))
        with self._lock:
            kept = {hub: where for hub, where in self._seen.items() if where != cluster}
            self._seen = {**kept, **dict.fromkeys(found.hubs, cluster)}
        return found

    def _clients(self, cluster: str) -> dict[str, str]:
        """The marks of its hubs' secrets at the console: a rotated one is a change of the hub."""
        keys = self._keys
        hubs = [hub for hub in self._fleet.hubs.values() if hub.cluster == cluster]
        return {hub.name: keys.mark(hub.name) for hub in hubs if hub.console is not None}

    def objections(self, hubs: Sequence[Hub]) -> tuple[Problem, ...]:
        if not hubs:
            return ()
        try:
            require_recent(self._helm())
        except HubfleetError as error:
            return error.problems
        return self._misfits(hubs)

    def _misfits(self, hubs: Sequence[Hub]) -> tuple[Problem, ...]:
        """Why hubs cannot run as they are declared, by the rules of their charts, too."""
        from hubfleet.platforms.kubernetes.rendering.fitting import hub_problems
        from hubfleet.platforms.kubernetes.rendering.schema import KnownRules

        rules = KnownRules(self._fleet.root)
        problems: list[Problem] = []
        for hub in hubs:
            chart = chart_of(hub, self._fleet.root, self._charts).path
            problems += hub_problems(hub, self._fleet.clusters[hub.cluster], rules, chart)
        return tuple(dict.fromkeys(problems))

    def prepare(self, hubs: Sequence[Hub], report: Callable[[str, str], None]) -> None:
        # A value that cannot be decrypted must be known before the first hub is touched.
        revealed({hub.name: hub.values.model_dump() for hub in hubs}, Identity())
        problems: list[Problem] = []
        for hub in hubs:
            wanted = chart_of(hub, self._fleet.root, self._charts)
            if wanted.path.exists():
                continue
            report(f"chart {wanted.name}", "begun")
            try:
                fetch(hub, wanted, self._helm())
                report(f"chart {wanted.name}", "ready")
            except HubfleetError as error:
                report(f"chart {wanted.name}", "failed")
                problems += error.problems
        # Charts that were only fetched now say now what they refuse.
        problems = problems or list(self._misfits(hubs))
        if problems:
            raise HubfleetError(*dict.fromkeys(problems))

    def perform(self, step: Step, report: Report) -> Outcome:
        outcome: Outcome
        match step:
            case CreateHub(hub) | UpdateHub(hub) | StartHub(hub):
                outcome = self._place(hub, report)
            case RemoveHub(name, cluster):
                outcome = self._call(cluster, "remove", name, ..., report=report)
            case _:
                assert_never(step)
        return outcome

    def snapshot(self, hub: str) -> Snapshot:
        made: Snapshot = self._call(self.cluster_of(hub), "snapshot", hub)
        return made

    def snapshots(self, hub: str) -> tuple[Snapshot, ...]:
        return tuple(kept.what for kept in Shelf(self._shelf(self.cluster_of(hub)), hub).all())

    def discard_snapshots(self, hub: str) -> tuple[Snapshot, ...]:
        gone: tuple[Snapshot, ...] = self._call(self.cluster_of(hub), "discard_snapshots", hub)
        return gone

    def preview_rollback(
        self, hub: str, snapshot: str, *, put_database_back: bool = False
    ) -> RollbackPreview:
        found: RollbackPreview = self._call(
            self.cluster_of(hub),
            "preview_rollback",
            hub,
            snapshot,
            put_database_back=put_database_back,
        )
        return found

    def roll_back(
        self,
        hub: str,
        snapshot: str,
        report: Report,
        *,
        other_software: OtherSoftware = "migrate",
        put_database_back: bool = False,
    ) -> Outcome:
        """The chart brings JupyterHub with it, so `other_software` never has to be decided."""
        outcome: Outcome = self._call(
            self.cluster_of(hub),
            "roll_back",
            hub,
            snapshot,
            ...,
            report=report,
            put_database_back=put_database_back,
        )
        return outcome

    def door(self, hub: str) -> Door:
        found: Door = self._call(self.cluster_of(hub), "door", hub)
        return found

    def sign_in(self, hub: str) -> SignIn:
        found: SignIn = self._call(self.cluster_of(hub), "sign_in", hub)
        return found

    def logs(self, hub: str, *, lines: int, follow: bool) -> Iterator[str]:
        with self._on(self.cluster_of(hub)) as process:
            yield from process.items("logs", hub, lines=lines, follow=follow)

    def people(self, hub: str) -> tuple[str, ...]:
        """Who has a server there, but for the probe."""
        found: tuple[str, ...] = self._call(self.cluster_of(hub), "people", hub)
        return found

    def close(self, hub: str, seconds: float, report: Report = _quietly) -> float:
        left: float = self._call(self.cluster_of(hub), "close", hub, seconds, ..., report=report)
        return left

    def reopen(self, hub: str) -> None:
        self._call(self.cluster_of(hub), "reopen", hub)

    def office_door(self, hub: str) -> Door:
        """Where the console ends people's access; the token allows nothing else."""
        found: Door = self._call(self.cluster_of(hub), "office_door", hub)
        return found

    def meter_door(self, hub: str) -> Door:
        """Where the hub's use is read."""
        found: Door = self._call(self.cluster_of(hub), "meter_door", hub)
        return found

    def copy_database(self, hub: str) -> bytes | None:
        """A consistent copy while the hub works; None while it has none yet.

        Raises `database-elsewhere`, `database-damaged` or `database-not-reached`.
        """
        found: bytes | None = self._call(self.cluster_of(hub), "copy_database", hub)
        return found

    def claims(self, hub: str) -> Claimed:
        """Whose files are in which of the hub's volumes; raises `unknown-hub`."""
        found: Claimed = self._call(self.cluster_of(hub), "claims", hub)
        return found

    def read_tree(
        self, hub: str, claim: str, folder: str = "."
    ) -> Generator[bytes | Contents | None]:
        """The archive of a folder in a volume in pieces, and what it holds last; None alone where
        there is no such folder.

        Nothing stays behind for whoever closes it early. Raises `volume-in-use` or
        `volume-not-read`.
        """
        with self._on(self.cluster_of(hub)) as process:
            yield from process.items("read_tree", hub, claim, folder, patience=_CLEARING)

    def remains(self, hub: str, cluster: str) -> ClusterRemains:
        """What there is of a hub on a cluster, also once it is removed."""
        found: ClusterRemains = self._call(cluster, "remains", hub)
        return found

    def remarks(self) -> tuple[str, ...]:
        return ()

    def examine(self, cluster: str) -> tuple[Finding, ...]:
        """What `hubfleet doctor` finds on a cluster."""
        spaces = self._namespaces(cluster)
        found: tuple[Finding, ...] = self._call(cluster, "examine", spaces)
        return found

    def rights(self, cluster: str) -> list[dict[str, Any]]:
        """The manifest that grants what hubfleet needs there."""
        from hubfleet.platforms.kubernetes.rights import manifest

        declared = self._declared(cluster).file.kubernetes
        make = declared is None or declared.create_namespaces
        return manifest(self._namespaces(cluster), create_namespaces=make)

    def _namespaces(self, cluster: str) -> tuple[str, ...]:
        """Those of the declared hubs there."""
        declared = self._declared(cluster).file.kubernetes or Kubernetes()
        hubs = self._fleet.hubs.values()
        return tuple(namespace_of(hub.name, declared) for hub in hubs if hub.cluster == cluster)

    def support_plan(self, cluster: str) -> SupportPlan:
        """What stands beside the hubs there, compared with what is declared."""
        from hubfleet.platforms.kubernetes.support.charts import wanted_charts
        from hubfleet.platforms.kubernetes.support.planning import support_plan

        wanted = wanted_charts(self._declared(cluster), self._fleet.root)
        return support_plan(cluster, wanted, self._call(cluster, "support_seen"))

    def support_chart(self, step: SupportStep) -> str:
        """The file of a step's chart, fetched when it is not here."""
        from hubfleet.platforms.kubernetes.support.charts import fetched

        helm = self._helm()
        return str(fetched(step.wanted, self._fleet.root, self._charts, helm))

    def support_place(self, job: SupportJob, report: Report) -> bool:
        """Carry out one step; False where there was nothing to do."""
        done: bool = self._call(job.step.cluster, "support_place", job, ..., report=report)
        return done

    def cluster_of(self, hub: str) -> str:
        """The cluster that a hub is declared on, else the one that holds it.

        Raises `unknown-hub`.
        """
        declared = self._fleet.hubs.get(hub)
        if declared is not None and declared.cluster in self.names():
            return declared.cluster
        # A hub that is to be removed is asked about every few seconds.
        if (cluster := self._seen.get(hub)) is not None:
            return cluster
        for name in self.names():
            if hub in self.observe(name).hubs:
                return name
        raise failure(
            "unknown-hub",
            f"no hub called {hub!r} exists on any cluster of the fleet",
            place=str(self._fleet.root),
            hint="`hubfleet status` shows those that exist",
        )

    def end(self) -> None:
        """End the clusters' processes; they also end by themselves when this one does."""
        with self._lock:
            for process in self._processes.values():
                process.close()
            self._processes.clear()
        self._nursery.close()

    @property
    def _charts(self) -> Path:
        return self._folder / "charts"

    def _shelf(self, cluster: str) -> Path:
        return self._folder / "snapshots" / cluster

    def _helm(self) -> HelmProgram:
        """One without a cluster."""
        return HelmProgram(find_helm(), make_private_folder(self._folder / "helm"))

    def _place(self, hub: Hub, report: Report) -> Outcome:
        from hubfleet.platforms.kubernetes.work import Job

        chart = chart_of(hub, self._fleet.root, self._charts)
        declared = self._secrets_of(hub)
        job = Job(
            # Where a hub's files lie is no business of the cluster's process.
            hub=replace(hub, environments=()),
            chart=str(chart.path),
            chart_name=chart.name,
            software=software(),
            declared=declared,
            logo=hub.logo.path.read_bytes() if hub.logo else None,
            take_ownership=self._take_ownership,
            client=self._keys.mark(hub.name) if hub.console is not None else "",
        )
        outcome: Outcome = self._call(hub.cluster, "place", job, ..., report=report)
        return outcome

    def _secrets_of(self, hub: Hub) -> dict[str, Any]:
        """The declared ones by mark, and the hub's own at the console."""
        found = revealed(hub.values.model_dump(), Identity())
        if hub.console is not None:
            found[CONSOLE_SECRET] = self._keys.secret(hub.name)
        return found

    @property
    def _keys(self) -> ClientKeys:
        return ClientKeys(self._folder.parent / "console")

    def _call(
        self, cluster: str, act: str, *arguments: Any, report: Report = _quietly, **words: Any
    ) -> Any:
        with self._on(cluster) as process:
            return process.call(act, *arguments, report=report, **words)

    @contextmanager
    def _on(self, cluster: str) -> Iterator[ClusterProcess]:
        """The cluster's process; it stays for as long as the block runs."""
        with self._lock:
            process = self._processes.pop(cluster, None)
            if process is None or process.ended:
                process = self._nursery.process(self._setup(self._declared(cluster)))
            # The one that was used last stands last.
            self._processes[cluster] = process
            process.users += 1
            self._close_idle()
        try:
            yield process
        finally:
            with self._lock:
                process.users -= 1

    def _close_idle(self) -> None:
        """Of many clusters only a few keep their process: each takes some megabytes."""
        idle = [name for name, process in self._processes.items() if not process.users]
        for name in idle[: max(len(self._processes) - MOST_PROCESSES, 0)]:
            self._processes.pop(name).close()

    def _declared(self, cluster: str) -> Cluster:
        if cluster not in self.names():
            raise failure(
                "unknown-cluster",
                f"there is no cluster `{cluster}` on Kubernetes",
                place=str(self._fleet.root),
                hint=f"there are: {', '.join(self.names())}" if self.names() else "add one",
            )
        return self._fleet.clusters[cluster]

    def _setup(self, cluster: Cluster) -> Setup:
        from hubfleet.platforms.kubernetes.setup import Setup

        declared = cluster.file.kubernetes
        passed = declared.pass_environment if declared else ()
        return Setup(
            cluster=cluster,
            fleet=self._fleet.service.name,
            root=self._fleet.root,
            shelf=self._shelf(cluster.name),
            helm=find_helm(),
            helm_folder=self._folder / "helm" / cluster.name,
            software=software(),
            kubeconfig=os.environ.get("KUBECONFIG", ""),
            environment={key: os.environ[key] for key in passed if key in os.environ},
        )

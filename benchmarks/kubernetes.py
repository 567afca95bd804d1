"""Many releases on many clusters, against a real API server on loopback.

Limits: observe 171 releases on 30 clusters 5 s; plan of 171 unchanged hubs 2 s CPU; memory of all
our processes under 300 MB. Reported: create 40 hubs 8 at a time, each with a person's probe, and
how that compares to the slowest of the eight. It needs what the tests need (`HUBFLEET_TEST_...`).
`python -m benchmarks.kubernetes`

40 hubs are made by Helm; the other 131 are copies of their objects, because making them would tell
nothing more. What the probe meets is a stand-in of the tests that answers under all hubs' names,
with the tokens of the real releases; it starts no server, so its time is that of the probe's own
code. All 30 clusters have the same API server, each with a process of its own.
"""

from __future__ import annotations

import base64
import contextlib
import os
import random
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from functools import cache, partial
from pathlib import Path
from typing import Any

import psutil
import yaml

from benchmarks.measure import report
from hubfleet.fleet.model import Fleet, Hub
from hubfleet.planning.observation import Observation
from hubfleet.planning.plan import make_plan
from hubfleet.planning.steps import CreateHub
from hubfleet.platforms.kubernetes import marks
from hubfleet.platforms.kubernetes.api import (
    DEPLOYMENTS,
    SECRETS,
    Kind,
    Object,
)
from hubfleet.platforms.kubernetes.charts import chart_of
from hubfleet.platforms.kubernetes.namespaces import claim
from hubfleet.platforms.kubernetes.observing import WATCHED
from hubfleet.platforms.kubernetes.placing import wanted_record
from hubfleet.platforms.kubernetes.platform import KubernetesPlatform, software
from hubfleet.platforms.kubernetes.record import Record, Records
from hubfleet.platforms.kubernetes.rendering.pins import Pins
from hubfleet.platforms.kubernetes.work import Job, Work
from hubfleet.platforms.looking import look
from hubfleet.probes.blocking import PersonProber
from hubfleet.probes.target import Target
from hubfleet.rollout.gate import judge
from tests.control_plane.hub_standin import StandIn, standing_in
from tests.control_plane.places import ClusterPlace, cluster_place, work_on
from tests.places import until

HUBS, CLUSTERS, MADE, AT_ONCE = 171, 30, 40, 8


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, cluster_place(Path(folder) / "place") as place:
        with _answering(place, Path(folder)) as hubs:
            address = {"tls": False, "address": f"127.0.0.1:{hubs.port}"}
            fleet = place.fleet("many", _hubs(), kubernetes={"ingress": address})
            platform = place.platform(fleet)
            names = list(fleet.hubs)
            seconds, slowest, probing = _create(platform, fleet, names[:MADE])
        _copy(place, fleet, names[0], names[MADE:])
        found = _look(platform, fleet)
        again = _look(platform, fleet)
        cpu, steps = _plan(platform, fleet)
        memory = _memory()
    report(
        benchmark="kubernetes",
        create_hubs=MADE,
        create_at_once=AT_ONCE,
        create_seconds=round(seconds, 1),
        create_to_slowest_chain=round(seconds / slowest, 2),
        probe_seconds_each=round(probing / MADE, 2),
        observe_hubs=HUBS,
        observe_clusters=CLUSTERS,
        observe_seconds_first=round(found, 2),
        observe_seconds=round(again, 2),
        plan_cpu_seconds=round(cpu, 2),
        plan_steps=steps,
        memory_mb=round(memory),
    )


def _hubs() -> dict[str, dict[str, str]]:
    hubs = {}
    for number in range(HUBS):
        name = f"c{number // 4:02}/h{number % 4}"
        hubs[name] = {"cluster": f"k{number % CLUSTERS:02}", "title": f"Hub {number}"}
    return hubs


@contextlib.contextmanager
def _answering(place: ClusterPlace, folder: Path) -> Iterator[StandIn]:
    """What answers under every hub's name."""

    def values_of(name: str) -> dict[str, Any]:
        short, _, community = name.partition(".")[0].partition("-")
        secret = place.api.find(SECRETS, "hub", place.namespace(f"{community}/{short}"))
        assert secret is not None
        values: dict[str, Any] = yaml.load(
            base64.b64decode(secret["data"]["values.yaml"]), yaml.CSafeLoader
        )
        return values

    with standing_in(StandIn(cache(values_of), folder / "homes")) as found:
        yield found


def _create(
    platform: KubernetesPlatform, fleet: Fleet, names: list[str]
) -> tuple[float, float, float]:
    """Seconds for all, for whichever of the eight had the most to do, and of all probes."""
    chains: dict[int, float] = defaultdict(float)
    probes: list[float] = []
    prober = PersonProber(partial(_target, platform), os.cpu_count() or 2)

    def one(name: str) -> None:
        began = time.monotonic()
        platform.perform(CreateHub(fleet.hubs[name], ()), lambda _: None)
        judged = judge(name, prober, fleet.rollout, time.sleep, lambda _: None, random.Random(name))
        assert judged.passed, judged.probe.cause
        probes.append(judged.probe.seconds)
        chains[threading.get_ident()] += time.monotonic() - began

    began = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as crew:
        list(crew.map(one, names))
    return time.monotonic() - began, max(chains.values()), sum(probes)


def _target(platform: KubernetesPlatform, name: str) -> Target:
    door = platform.door(name)
    return Target(name, door.url, door.connect_to, door.user, door.token)


def _copy(place: ClusterPlace, fleet: Fleet, source: str, targets: list[str]) -> None:
    space = place.namespace(source)
    kinds = (Kind("serviceaccounts"), *WATCHED.values(), DEPLOYMENTS)
    objects = [(k, o) for k in kinds for o in place.api.select(k, space, labels="app=jupyterhub")]
    (release,) = place.api.select(SECRETS, space, labels="owner=helm")
    works = {name: work_on(one, fleet, place.folder) for name, one in fleet.clusters.items()}

    def one(name: str) -> None:
        hub = fleet.hubs[name]
        _copy_to(works[hub.cluster], hub, fleet, objects, release)

    with ThreadPoolExecutor(AT_ONCE) as crew:
        list(crew.map(one, targets))


def _copy_to(
    work: Work, hub: Hub, fleet: Fleet, objects: list[tuple[Kind, Object]], release: Object
) -> None:
    where = work.place(hub.name)
    claim(work.api, where)
    for kind, value in objects:
        copy = _bare(deepcopy(value))
        copy["metadata"]["labels"]["release"] = where.release
        work.api.create(kind, copy, where.namespace)
    chart = chart_of(hub, fleet.root, Path("/nowhere"))
    job = Job(hub, str(chart.path), chart.name, software())
    record = wanted_record(work, job, Pins.made())
    record = Record.read({**record.as_json(), "revision": 1})
    work.write_records(where, Records({1: record}), ())
    labels = {
        **release["metadata"]["labels"],
        **{key: value for key, value in where.labels.items() if key != marks.MANAGED_BY},
        "name": where.release,
        marks.FINGERPRINT: record.fingerprint,
    }
    meta = {"name": f"sh.helm.release.v1.{where.release}.v1", "labels": labels}
    work.api.create(SECRETS, {**_bare(release), "metadata": meta}, where.namespace)


def _bare(value: Object) -> Object:
    """Without what the API adds."""
    meta = {key: value["metadata"][key] for key in ("name", "labels") if key in value["metadata"]}
    kept = {key: inner for key, inner in value.items() if key not in ("metadata", "status")}
    spec = kept.get("spec")
    if isinstance(spec, dict):
        drop = ("clusterIP", "clusterIPs", "volumeName")
        kept["spec"] = {key: inner for key, inner in spec.items() if key not in drop}
    return {**kept, "metadata": meta}


def _look(platform: KubernetesPlatform, fleet: Fleet) -> float:
    began = time.monotonic()
    seen = look(dict.fromkeys(platform.names(), platform))
    seconds = time.monotonic() - began
    assert not seen.away, seen.away
    assert sum(len(one.hubs) for one in seen.observations) == HUBS
    return seconds


def _plan(platform: KubernetesPlatform, fleet: Fleet) -> tuple[float, int]:
    """CPU seconds of this process for an unchanged fleet, once every hub is up."""

    def looked() -> list[Observation]:
        return list(look(dict.fromkeys(platform.names(), platform)).observations)

    def all_up() -> bool:
        return all(hub.state == "running" for one in looked() for hub in one.hubs.values())

    until(all_up, "every hub to be ready", seconds=300)
    observations = looked()
    began = time.process_time()
    plan = make_plan(fleet, observations)
    return time.process_time() - began, len(plan.steps)


def _memory() -> float:
    """Megabytes of this process and its children but for the control plane; shared pages once."""
    ours = [psutil.Process(), *psutil.Process().children(recursive=True)]
    ours = [one for one in ours if "kube" not in one.name() and one.name() != "etcd"]
    total = 0
    for one in ours:
        with contextlib.suppress(psutil.Error):
            total += one.memory_full_info().pss
    return total / 2**20


if __name__ == "__main__":
    main()

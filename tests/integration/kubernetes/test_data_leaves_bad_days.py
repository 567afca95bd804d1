"""An export from a cluster that is cut off, refused, or finds volumes that nobody can read."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from hubfleet import wiring
from hubfleet.fleet.model import Fleet
from hubfleet.platforms.kubernetes.api import CLAIMS, PODS, Kind
from hubfleet.platforms.kubernetes.reading_trees import Reader
from hubfleet.platforms.local.folders import StateFolder
from hubfleet.replicate.export import Exported, Options, export
from tests.control_plane.control_plane import LIMITED_TOKEN
from tests.control_plane.places import cluster_place
from tests.integration.kubernetes.acting import HUB, bring_up, refusal
from tests.integration.kubernetes.test_bad_days_reach import grant, other_config, revoke
from tests.integration.kubernetes.volumes import make_claim, phase, readers, until_rights_are_known
from tests.places import until

pytestmark = pytest.mark.integration

HOMES = Options(homes=True)
MUCH = 48 << 20
VOLUMES = Kind("persistentvolumes", namespaced=False)


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """A hub on which one home is small and one is large."""
    with cluster_place(tmp_path_factory.mktemp("bad") / "place") as place:
        fleet = place.fleet("one", {HUB: {}}, kubernetes={"come_up": "10s"})
        platform = place.platform(fleet)
        bring_up(platform, fleet)
        (make_claim(place, "claim-bo", "bo") / "a").write_text("bo's")
        # As long as not all of it can be under way at once.
        (make_claim(place, "claim-cy", "cy") / "much").write_bytes(os.urandom(1 << 20) * 48)
        yield place, fleet, platform


def exported(place, fleet, target: Path) -> Exported:
    state = StateFolder(place.folder / "exporter")
    with wiring.data_sources(fleet, state) as sources:
        return export(fleet, (HUB,), target, HOMES, state, sources=sources)


def writers() -> list[psutil.Process]:
    """The programs that write archives: the stand-in runs them as children of the tests."""
    found = psutil.Process().children()
    return [one for one in found if "HUBFLEET_PROGRAM" in " ".join(one.cmdline())]


def test_whoever_takes_nothing_is_sent_nothing_and_whoever_stops_leaves_nothing(hub):
    place, _, platform = hub
    pieces = platform.read_tree(HUB, "claim-cy")
    assert isinstance(next(pieces), bytes)
    (writer,) = writers()
    sent = [-1, 0]

    def waits() -> bool:
        sent[:] = sent[1], writer.io_counters().write_chars
        return sent[0] == sent[1]

    until(waits, "the program to wait for us")
    assert 0 < sent[1] < MUCH // 2
    assert len(readers(place)) == 1
    pieces.close()
    assert readers(place) == []
    until(lambda: not writers(), "its program to end")


def test_a_pod_reads_beside_whoever_works_with_the_volume(hub):
    place, _, platform = hub
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "jupyter-cy"},
        "spec": {
            "nodeName": "node-2",
            "containers": [{"name": "notebook", "image": "quay.io/jupyter/base-notebook:1"}],
            "volumes": [{"name": "home", "persistentVolumeClaim": {"claimName": "claim-cy"}}],
        },
    }
    place.api.create(PODS, pod, place.namespace(HUB))
    try:
        for _ in range(2):
            pieces = platform.read_tree(HUB, "claim-cy")
            next(pieces)
            (name,) = readers(place)
            reader = place.api.find(PODS, name, place.namespace(HUB))["spec"]
            assert reader["nodeName"] == "node-2"
            assert reader["volumes"][0]["persistentVolumeClaim"]["readOnly"] is True
            assert reader["activeDeadlineSeconds"] > 0
            assert "fsGroup" not in reader["securityContext"]
            pieces.close()
    finally:
        place.api.delete(PODS, "jupyter-cy", place.namespace(HUB))


def ended_half_way(place, fleet, target: Path, how: signal.Signals) -> None:
    """An export of its own process that gets a signal while it takes the second home."""
    part = target.with_name(f"{target.name}.unfinished") / "parts/hubs/prod/homes/.2.tar.part"
    command = [sys.executable, "-m", "hubfleet", "replicate", "export", HUB, "--with-homes"]
    command += ["--to", str(target), "--fleet", str(fleet.root)]
    command += ["--state", str(place.folder / "exporter")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        # The file is there before the pod is; what is in it came out of the pod.
        begun = lambda: part.exists() and part.stat().st_size > 0  # noqa: E731
        until(lambda: begun() or process.poll() is not None, "the second home", 60)
        assert process.poll() is None, "it ended before it could be stopped"
        process.send_signal(how)
        process.wait(30)
    finally:
        process.kill()
        process.wait()


def test_an_interrupted_export_leaves_no_pod(hub, tmp_path):
    place, fleet, _ = hub
    ended_half_way(place, fleet, tmp_path / "out", signal.SIGINT)
    assert readers(place) == []


def test_a_killed_export_goes_on_and_the_next_one_clears_up(hub, tmp_path):
    place, fleet, _ = hub
    target = tmp_path / "out"
    ended_half_way(place, fleet, target, signal.SIGKILL)
    # What the kubelet does with a pod that has nobody left in it.
    (left,) = readers(place)
    path = PODS.path(place.namespace(HUB), left) + "/status"
    headers = {"Content-Type": "application/merge-patch+json"}
    place.api._client.patch(path, json={"status": {"phase": "Succeeded"}}, headers=headers)

    done = exported(place, fleet, target)

    assert done.resumed == 1
    assert done.manifest.hubs["prod"].homes == {"bo": 1, "cy": 2}
    assert done.manifest.files["hubs/prod/homes/2.tar"].size > MUCH
    assert readers(place) == []


def limited_fleet(place, fleet: Fleet) -> Fleet:
    """The same fleet, reached by the account that has only what it is granted."""
    config = other_config(place, "limited.yaml", token=LIMITED_TOKEN)
    cluster = fleet.clusters["reef"]
    assert cluster.file.kubernetes is not None
    reached = cluster.file.kubernetes.model_copy(update={"kubeconfig": str(config)})
    file = cluster.file.model_copy(update={"kubernetes": reached})
    return replace(fleet, clusters={"reef": replace(cluster, file=file)})


def test_an_account_with_the_rights_of_the_manifest_reads_and_one_without_names_each_home(
    hub, tmp_path
):
    place, fleet, platform = hub
    limited, config = limited_fleet(place, fleet), place.folder / "limited.yaml"
    grant(place, platform.rights("reef"))
    try:
        until_rights_are_known(config, ("create", PODS))
        *_, last = place.platform(limited).read_tree(HUB, "claim-bo")
        assert last.entries == 2
    finally:
        revoke(place)
    rights = platform.rights("reef")
    for value in rights:
        for rule in value.get("rules", ()):
            if "pods" in rule["resources"] and "create" in rule["verbs"]:
                rule["resources"] = [one for one in rule["resources"] if one != "pods"]
                value["rules"].append(
                    {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}
                )
                break
    grant(place, rights)
    try:
        until_rights_are_known(config, ("list", PODS), ("create", PODS))
        done = exported(place, limited, tmp_path / "out")
    finally:
        revoke(place)
    assert done.manifest.hubs["prod"].homes == {}
    told = {one.what: one.why for one in done.manifest.left_out}
    assert told["ant/prod: home of bo"] == "The account that exported it may not read it there."
    (first, _) = done.unread
    assert first.code == "right-missing"
    assert first.what == (
        "our account on the cluster `reef` may not create pods in the namespace "
        f"{place.namespace(HUB)}"
    )
    assert "`hubfleet doctor reef --rbac`" in first.hint


def test_a_volume_that_is_gone_or_in_use_elsewhere_is_named(hub, tmp_path):
    place, fleet, _ = hub
    space = place.namespace(HUB)
    make_claim(place, "claim-al", "al")
    volume = place.api.find(CLAIMS, "claim-al", space)["spec"]["volumeName"]
    place.api.delete(VOLUMES, volume)
    place.api.change(VOLUMES, volume, {"metadata": {"finalizers": None}})
    until(lambda: phase(place, "claim-al") == "Lost", "the claim to lose its volume")
    try:
        done = exported(place, fleet, tmp_path / "out")
    finally:
        place.api.delete(CLAIMS, "claim-al", space)
    assert done.manifest.hubs["prod"].homes == {"bo": 2, "cy": 3}
    (problem,) = done.unread
    assert (problem.code, problem.what, problem.place, problem.hint) == (
        "volume-not-read",
        "the volume claim-al of ant/prod cannot be read",
        f"reef/{space}/claim-al",
        "look at the claim and at the events of its namespace, then export again",
    )
    assert "claim-al" in problem.why
    assert readers(place) == []

    make_claim(place, "claim-only", "di", mode="ReadWriteOncePod")
    user = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "jupyter-di"},
        "spec": {
            "containers": [{"name": "notebook", "image": "quay.io/jupyter/base-notebook:1"}],
            "volumes": [{"name": "home", "persistentVolumeClaim": {"claimName": "claim-only"}}],
        },
    }
    place.api.create(PODS, user, space)
    until(
        lambda: place.api.find(PODS, "jupyter-di", space)["spec"].get("nodeName"),
        "the person's pod to have its node",
    )
    reader = Reader(place.api, place.work(fleet).place(HUB), patience=3)
    try:
        used = refusal(list, reader.read("claim-only"))
    finally:
        place.api.delete(PODS, "jupyter-di", space)
        place.api.delete(CLAIMS, "claim-only", space)
    assert (used.code, used.what, used.hint) == (
        "volume-in-use",
        "the volume claim-only of ant/prod is in use on another machine",
        "wait until whoever works with it has stopped, then export again",
    )
    assert readers(place) == []


def test_a_pod_that_ends_half_way_is_no_trouble_of_the_cluster_s(hub):
    place, _, platform = hub
    pieces = platform.read_tree(HUB, "claim-cy")
    next(pieces)
    (writer,) = writers()
    writer.kill()
    problem = refusal(list, pieces)
    assert (problem.code, problem.what) == (
        "volume-not-read",
        "the volume claim-cy of ant/prod cannot be read",
    )
    assert readers(place) == []


def test_a_database_that_is_not_there_yet_or_elsewhere_is_named(hub, tmp_path):
    place, fleet, platform = hub
    state = StateFolder(place.folder / "exporter")
    with wiring.data_sources(fleet, state) as sources:
        made = export(
            fleet, (HUB,), tmp_path / "out", Options(database=True), state, sources=sources
        )
    assert made.manifest.hubs["prod"].database is False
    told = {one.what: one.why for one in made.manifest.left_out}
    assert told["ant/prod: its database"] == "There is none yet."

    space = place.namespace(HUB)
    place.api.delete(CLAIMS, "hub-db-dir", space)
    place.api.change(CLAIMS, "hub-db-dir", {"metadata": {"finalizers": None}}, space)
    problem = refusal(platform.copy_database, HUB)
    assert (problem.code, problem.what, problem.hint) == (
        "database-elsewhere",
        "the database of ant/prod is in no volume of its own",
        "have that server's copy made by whoever runs it",
    )

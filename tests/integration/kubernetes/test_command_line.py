"""The command line on a cluster: the same verbs as on one machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.integration.kubernetes.acting import HUB
from tests.places import free_port

pytestmark = pytest.mark.integration


@pytest.fixture
def run(place, tmp_path):
    """`hubfleet ARGUMENTS` on a fleet, with a state folder of the test's own."""

    def hubfleet(fleet: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {
            **os.environ,
            "HUBFLEET_STATE": str(tmp_path / "state"),
            "HUBFLEET_FLEET": str(fleet),
            "HUBFLEET_PORT": str(free_port()),
        }
        return subprocess.run(
            [sys.executable, "-m", "hubfleet", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )

    return hubfleet


def test_a_hub_on_a_cluster_from_apply_to_rollback(place, run, tmp_path):
    one = place.fleet("one", {HUB: {"limits": {"memory": "512M"}}}).root
    made = run(one, "apply", "--yes", "--without-probes")
    assert made.returncode == 0, made.stderr
    assert run(one, "plan", "--exit-code").returncode == 0, "nothing is left to do"
    assert not (tmp_path / "state" / "keeper.json").exists(), "nothing runs on this machine"

    two = place.fleet("two", {HUB: {"limits": {"memory": "256M"}}}).root
    changed = run(two, "apply", "--yes", "--without-probes")
    assert changed.returncode == 0, changed.stderr
    (row,) = json.loads(run(two, "status", "--json").stdout)["hubs"]
    assert (row["state"], row["revision"], row["cluster"]) == ("running", 2, "reef")
    assert row["url"] == "http://prod-ant.localhost/"
    logs = run(two, "logs", HUB)
    assert logs.stdout.startswith("JupyterHub is now running in hub-"), logs.stderr

    back = run(two, "rollback", HUB, "--yes")
    assert back.returncode == 0, back.stderr
    assert "ant/prod is back at revision 1, as revision 3" in back.stdout
    (step,) = json.loads(run(two, "plan", "--json").stdout)["steps"]
    assert [reason["key"] for reason in step["reasons"]] == ["limits.memory"]


def test_a_failed_change_is_rolled_back_by_apply_itself(place, run):
    one = place.fleet("one", {HUB: {}}).root
    assert run(one, "apply", "--yes", "--without-probes").returncode == 0
    before = place.everything(HUB)
    values = {"ingress": {"enabled": True, "hosts": ["no host name"]}}
    wrong = place.fleet("wrong", {HUB: {"helm_values": values, "title": "Other"}}).root

    done = run(wrong, "apply", "--yes", "--without-probes")

    assert done.returncode == 1
    assert "error[refused-by-cluster]: the cluster `reef` refused a part of ant/prod" in done.stderr
    assert place.everything(HUB) == before
    assert run(one, "plan", "--exit-code").returncode == 0


def test_a_moved_hub_is_refused_before_anything_is_done(place, run):
    one = place.fleet("one", {HUB: {}}).root
    assert run(one, "apply", "--yes", "--without-probes").returncode == 0
    # Another address for the same API: to hubfleet it is another cluster.
    moved = place.fleet("moved", {HUB: {"cluster": "tide"}}).root
    (moved / "clusters" / "reef.yaml").write_text((one / "clusters" / "reef.yaml").read_text())

    done = run(moved, "apply", "--yes", "--without-probes")

    assert done.returncode == 1
    assert "error[hub-moved]: ant/prod runs on `reef` and is declared on `tide`" in done.stderr
    assert run(one, "plan", "--exit-code").returncode == 0


def test_doctor_says_what_is_well_and_what_is_not(place, run):
    one = place.fleet("one", {HUB: {}}, kubernetes={"storage_class": "fast"}).root

    done = run(one, "doctor", "reef", "--json")

    found = {one["check"]: one for one in json.loads(done.stdout)["reef"]}
    assert done.returncode == 1
    assert found["version"]["told"].startswith("Kubernetes v1.")
    assert found["rights"]["told"] == "our account may do all that hubfleet needs"
    assert found["storage"]["told"] == "there is no storage class `fast`"
    assert "kubernetes.storage_class" in found["storage"]["cure"]
    assert found["ingress"]["told"] == "no ingress class is the cluster's default"
    here = {one["check"]: one["told"] for one in json.loads(done.stdout)[""]}
    assert here["helm"].startswith("helm ")

    shown = run(one, "doctor", "reef")
    assert "BAD  storage" in shown.stdout
    assert "ok   version" in shown.stdout
    manifest = list(yaml.safe_load_all(run(one, "doctor", "--rbac").stdout))
    assert {"ClusterRole", "ServiceAccount"} <= {value["kind"] for value in manifest}


def test_doctor_of_a_fleet_without_kubernetes(run, tmp_path):
    from tests.fleets import write_fleet

    root = write_fleet(tmp_path / "local", {HUB: {}}).root
    done = run(root, "doctor")
    assert done.returncode == 0
    assert done.stdout == "No cluster of this fleet is on Kubernetes: there is nothing to check.\n"
    refused = run(root, "doctor", "--rbac")
    assert refused.returncode == 1
    assert "error[which-cluster]: nothing says for which cluster the rights are" in refused.stderr

"""A hub that goes away on a real API server: people are told and waited for, files are kept."""

from __future__ import annotations

import json

import pytest

from hubfleet.planning.plan import make_plan
from hubfleet.planning.steps import RemoveHub, StartHub, UpdateHub
from hubfleet.platforms.kubernetes import marks
from hubfleet.platforms.kubernetes.api import CLAIMS, CONFIG_MAPS, DEPLOYMENTS, PODS
from tests.integration.kubernetes.acting import HUB, NOT_READY, bring_up, create, nothing, refusal
from tests.integration.kubernetes.acting import seen as look
from tests.integration.kubernetes.test_command_line import run  # noqa: F401 - a fixture
from tests.places import until

pytestmark = pytest.mark.integration

REMOVE = RemoveHub(HUB, "reef", ())


def server(place, person, *, hub=HUB):
    """A person's server, labelled as KubeSpawner does under the chart."""
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"jupyter-{person}",
            "labels": {"app": "jupyterhub", "component": "singleuser-server"},
            "annotations": {"hub.jupyter.org/username": person},
        },
        "spec": {
            "automountServiceAccountToken": False,
            "containers": [{"name": "notebook", "image": "quay.io/jupyter/base-notebook:1"}],
        },
    }
    space = place.namespace(hub)
    assert place.api.create(PODS, pod, space)
    until(lambda: phase(place, person, hub) == "Running", "the server to run")


def phase(place, person, hub=HUB):
    found = place.api.find(PODS, f"jupyter-{person}", place.namespace(hub))
    return found and (found.get("status") or {}).get("phase")


def told(place):
    found = place.api.find(CONFIG_MAPS, marks.CLOSING, place.namespace(HUB))
    return found and found["data"]["until"]


def test_people_are_told_once_until_when_and_the_hub_stays_when_it_is_opened_again(place):
    fleet = place.fleet("one", {HUB: {}})
    platform = place.platform(fleet)
    bring_up(platform, fleet)
    server(place, "bo")
    server(place, "hubfleet-probe")
    assert platform.people(HUB) == ("bo",)

    said: list[str] = []
    assert platform.close(HUB, 600, said.append) == 600
    until_when = told(place)
    assert look(platform).closing == until_when
    assert 0 < platform.close(HUB, 900) <= 600, "what people were told stays"
    assert told(place) == until_when
    assert platform.close(HUB, 60) == 60
    assert told(place) < until_when
    assert said == [
        "people are told on the hub's pages in a minute or two, and no server starts from then on; "
        "JupyterLab cannot tell them on a cluster"
    ]

    (step,) = make_plan(fleet, [platform.observe("reef")]).steps
    assert isinstance(step, StartHub | UpdateHub)
    assert platform.perform(step, nothing).changed, "a hub that is placed again is open again"
    assert (told(place), look(platform).closing) == (None, "")
    platform.close(HUB, 60)
    platform.reopen(HUB)
    platform.reopen(HUB)
    assert told(place) is None


def test_the_hubs_pod_mounts_what_tells_it_also_beside_volumes_of_others(place):
    theirs = {"name": "certificates", "emptyDir": {}}
    values = {"hub": {"extraVolumes": [theirs]}}
    fleet = place.fleet("one", {HUB: {"helm_values": values}})
    bring_up(place.platform(fleet), fleet)
    pod = place.api.find(DEPLOYMENTS, "hub", place.namespace(HUB))["spec"]["template"]["spec"]
    names = {one["name"]: one for one in pod["volumes"]}
    assert names[marks.CLOSING]["configMap"]["name"] == marks.CLOSING
    assert names[marks.CLOSING]["configMap"]["optional"] is True
    assert "certificates" in names
    mounts = {one["name"]: one["mountPath"] for one in pod["containers"][0]["volumeMounts"]}
    assert mounts[marks.CLOSING] == "/usr/local/share/hubfleet-closing"


def test_a_removed_hub_waits_for_its_people_and_takes_their_servers_with_it(place, run):  # noqa: F811
    two = {HUB: {}, "bee/prod": {"limits": {"memory": "256M"}}}
    fleet = place.fleet("two", two)
    assert run(fleet.root, "apply", "--yes", "--without-probes").returncode == 0
    server(place, "bo")
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "claim-bo"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    assert place.api.create(CLAIMS, claim, place.namespace(HUB))
    one = place.fleet("one", {"bee/prod": two["bee/prod"]}).root

    planned = run(one, "plan", "--json")
    assert "1 work on ant/prod now (bo)" in planned.stdout + planned.stderr
    begun = run(one, "apply", "--yes", "--without-probes", "--allow-removals", "--drain", "1s")

    assert begun.returncode == 0, begun.stderr
    output = begun.stdout + begun.stderr
    assert (
        f"people's files are kept in the namespace {place.namespace(HUB)} of reef; 1 server was "
        "stopped; people were told on the hub's pages, which JupyterLab does not show"
    ) in output
    until(lambda: phase(place, "bo") is None, "the server to end")
    assert told(place) is None
    space = place.namespace(HUB)
    kept = {claim["metadata"]["name"] for claim in place.api.select(CLAIMS, space)}
    assert {"claim-bo", "hub-db-dir"} <= kept
    rows = json.loads(run(one, "status", "--json").stdout)["hubs"]
    assert [row["hub"] for row in rows] == ["bee/prod"]


def test_a_hub_that_never_came_up_is_seen_and_can_be_removed(place):
    wrong = place.fleet("wrong", {HUB: {"helm_values": NOT_READY}}, kubernetes={"come_up": "4s"})
    assert refusal(create, place.platform(wrong), wrong).code == "hub-did-not-come-up"
    nobody = place.fleet("nobody", {})
    platform = place.platform(nobody)

    hub = look(platform)
    assert (hub.state, hub.came_up, hub.revision) == ("stopped", False, 0)
    assert hub.note == "it never came up (its first release is failed)"
    (step,) = make_plan(nobody, [platform.observe("reef")]).steps
    assert isinstance(step, RemoveHub)
    assert platform.close(HUB, 60) == 60
    assert platform.perform(step, nothing).changed
    assert platform.observe("reef").hubs == {}


def test_another_hub_may_come_as_one_goes_in_one_plan(place, run):  # noqa: F811
    old = place.fleet("old", {"ant/old": {}}).root
    assert run(old, "apply", "--yes", "--without-probes").returncode == 0
    renamed = place.fleet("renamed", {"ant/new": {}}).root
    refused = run(renamed, "apply", "--yes", "--without-probes", "--allow-removals")
    assert refused.returncode == 1
    assert "error[hub-renamed]: ant/old would be removed and ant/new created" in refused.stderr
    assert "they are declared alike, so this looks like a new name" in refused.stderr

    other = place.fleet("other", {"ant/new": {"limits": {"memory": "256M"}}}).root
    words = ("--yes", "--without-probes", "--allow-removals", "--drain", "0s")
    done = run(other, "apply", *words)
    assert done.returncode == 0, done.stderr
    rows = json.loads(run(other, "status", "--json").stdout)["hubs"]
    assert [(row["hub"], row["state"]) for row in rows] == [("ant/new", "running")]

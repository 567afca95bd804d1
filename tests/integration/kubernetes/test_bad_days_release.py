"""What goes wrong with one hub's release, on a real API server."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys

import psutil
import pytest

from hubfleet.planning.plan import make_plan
from hubfleet.planning.steps import CreateHub
from hubfleet.platforms.kubernetes import marks
from hubfleet.platforms.kubernetes.api import (
    CONFIG_MAPS,
    DEPLOYMENTS,
    NAMESPACES,
    PODS,
    SECRETS,
    Kind,
)
from hubfleet.platforms.kubernetes.observing import SERVICES
from hubfleet.platforms.kubernetes.releases import history
from tests.integration.kubernetes.acting import (
    HUB,
    NOT_READY,
    bring_up,
    create,
    keys_of_plan,
    nothing,
    refusal,
    seen,
    update,
)
from tests.places import until

pytestmark = pytest.mark.integration

SHORT = {"come_up": "4s"}


def test_a_namespace_of_somebody_else_is_left_alone(place):
    fleet = place.fleet("one", {HUB: {}})
    space = place.namespace(HUB)
    theirs = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space}}
    assert place.api.create(NAMESPACES, theirs)

    problem = refusal(create, place.platform(fleet), fleet)

    assert (problem.code, problem.what) == (
        "namespace-taken",
        f"the namespace `{space}` belongs to somebody else",
    )
    assert problem.place == f"reef/{space}"
    assert place.api.select(SECRETS, space) == []


def test_a_namespace_that_others_make_is_used_where_the_cluster_says_so(place):
    fleet = place.fleet("one", {HUB: {}}, kubernetes={"create_namespaces": False})
    platform = place.platform(fleet)
    space = place.namespace(HUB)

    problem = refusal(create, platform, fleet)
    assert (problem.code, problem.what) == ("no-namespace", f"the namespace `{space}` is not there")

    theirs = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space}}
    assert place.api.create(NAMESPACES, theirs)
    assert create(platform, fleet).changed
    assert seen(platform).state == "running"


def test_a_namespace_of_another_fleet_is_left_alone(place):
    fleet = place.fleet("one", {HUB: {}})
    bring_up(place.platform(fleet), fleet)
    other = place.fleet("other", {HUB: {}})
    other = type(other)(**{**vars_of(other), "service": renamed(other.service)})

    problem = refusal(create, place.platform(other), other)

    assert problem.code == "namespace-taken"
    assert problem.why == f"`{place.prefix}` has ant/prod in it"
    assert place.platform(other).observe("reef").hubs == {}, "nor would it be removed"


def vars_of(fleet):
    return {name: getattr(fleet, name) for name in fleet.__dataclass_fields__}


def renamed(service):
    return service.model_copy(update={"name": "Another service"})


def test_a_release_name_that_is_taken_on_the_cluster_is_told_with_its_owner(place):
    fleet = place.fleet("one", {HUB: {}})
    platform = place.platform(fleet)
    chart = str(place.folder / "one" / "charts" / "jupyterhub")
    other = f"{place.prefix}-elsewhere"
    place.helm(
        "install", "ant-prod", chart, "-n", other, "--create-namespace",
        "--set", "proxy.secretToken=x",
    )  # fmt: skip

    problem = refusal(create, platform, fleet)

    assert problem.code == "release-name-taken"
    assert problem.what == (
        "ant/prod cannot be made on `reef`: PriorityClass/ant-prod-default-priority is there "
        "already"
    )
    assert problem.why.startswith(f"it belongs to {other}, and charts name such objects after")


def test_values_that_the_chart_refuses_change_nothing(place):
    fleet = place.fleet("one", {HUB: {}})
    platform = place.platform(fleet)
    bring_up(platform, fleet)
    before = place.everything(HUB)
    wrong = place.fleet("wrong", {HUB: {"helm_values": {"nonsense": 1}}})

    problem = refusal(update, place.platform(wrong), wrong)

    assert (problem.code, problem.what) == (
        "refused-by-chart",
        "the chart refuses the values of ant/prod",
    )
    assert problem.why == "`the values`: additional properties 'nonsense' not allowed"
    assert place.everything(HUB) == before
    assert keys_of_plan(platform, fleet) == []


def test_a_refusal_half_way_through_is_rolled_back_and_the_objects_are_as_before(place):
    fleet = place.fleet("one", {HUB: {}})
    platform = place.platform(fleet)
    bring_up(platform, fleet)
    before = place.everything(HUB)
    values = {
        "hub": {"annotations": {"changed": "true"}},
        "ingress": {"enabled": True, "hosts": ["no host name"]},
    }
    wrong = place.fleet("wrong", {HUB: {"helm_values": values}})
    wrongly = place.platform(wrong)
    snapshot = wrongly.snapshot(HUB)

    problem = refusal(update, wrongly, wrong)

    assert (problem.code, problem.what) == (
        "refused-by-cluster",
        "the cluster `reef` refused a part of ant/prod",
    )
    assert "no host name" in problem.why
    assert place.everything(HUB) != before, "some objects had changed already"
    assert keys_of_plan(platform, fleet) == ["release"]

    back = wrongly.roll_back(HUB, snapshot.id, nothing)

    assert (back.changed, back.revision) == (True, 3)
    assert place.everything(HUB) == before
    assert keys_of_plan(platform, fleet) == []


def test_a_hub_that_is_never_ready_tells_which_object_its_events_and_its_last_lines(place):
    log = "[E] Failed to load config file\nRuntimeError: no such class"
    values = {"hub": {"annotations": {**NOT_READY["hub"]["annotations"], "hubfleet.test/log": log}}}
    fleet = place.fleet("one", {HUB: {}}, kubernetes=SHORT)
    platform = place.platform(fleet)
    bring_up(platform, fleet)
    wrong = place.fleet("wrong", {HUB: {"helm_values": values}}, kubernetes=SHORT)
    wrongly = place.platform(wrong)
    snapshot = wrongly.snapshot(HUB)

    problem = refusal(update, wrongly, wrong)

    space = place.namespace(HUB)
    assert (problem.code, problem.what) == ("hub-did-not-come-up", "ant/prod did not come up")
    assert problem.why.startswith(f"Deployment/{space}/hub is not ready (Available: 0/1); pod hub-")
    assert "event Scheduled: Successfully assigned" in problem.why
    assert problem.why.endswith(
        "log '[E] Failed to load config file', log 'RuntimeError: no such class'"
    )
    assert wrongly.roll_back(HUB, snapshot.id, nothing).changed
    assert seen(platform).state == "running"
    assert keys_of_plan(platform, fleet) == []


def test_a_first_release_that_fails_is_made_again(place):
    wrong = place.fleet("wrong", {HUB: {"helm_values": NOT_READY}}, kubernetes=SHORT)
    problem = refusal(create, place.platform(wrong), wrong)
    assert problem.code == "hub-did-not-come-up"
    fleet = place.fleet("one", {HUB: {}})
    platform = place.platform(fleet)
    (step,) = make_plan(fleet, [platform.observe("reef")]).steps
    assert isinstance(step, CreateHub)

    outcome = create(platform, fleet)

    assert (outcome.changed, outcome.revision) == (True, 1)
    assert seen(platform).state == "running"


def test_a_field_of_another_manager_is_drift_and_taken_back_only_when_asked(place):
    resources = {"helm_values": {"hub": {"resources": {"requests": {"cpu": "200m"}}}}}
    fleet = place.fleet("one", {HUB: resources})
    platform = place.platform(fleet)
    bring_up(platform, fleet)
    container = {"name": "hub", "resources": {"requests": {"cpu": "100m"}}}
    change = {"spec": {"template": {"spec": {"containers": [container]}}}}
    place.change(DEPLOYMENTS, HUB, "hub", change, by="kubectl-set")

    field = '.spec.template.spec.containers[name="hub"].resources.requests.cpu'
    (drift,) = keys_of_plan(platform, fleet)
    assert drift == f"drift.Deployment/hub{field}"
    assert seen(platform).values[drift] == "'100m' by kubectl-set"
    assert seen(platform).note == f"Deployment/hub{field} was changed by kubectl-set"

    problem = refusal(update, platform, fleet)
    assert (problem.code, problem.what) == (
        "field-owned-by-another",
        "a field of ant/prod belongs to `kubectl-set`",
    )
    assert problem.why == f"{field} of Deployment/hub was changed by it"
    assert "--take-ownership" in problem.hint

    update(place.platform(fleet, take_ownership=True), fleet)
    assert keys_of_plan(platform, fleet) == []
    assert update(platform, fleet).changed is False


def test_what_others_add_beside_the_chart_is_no_drift(place):
    fleet = place.fleet("one", {HUB: {}})
    platform = place.platform(fleet)
    bring_up(platform, fleet)
    place.change(DEPLOYMENTS, HUB, "hub", {"spec": {"minReadySeconds": 1}}, by="somebody")
    until(lambda: seen(platform).state == "running", "the hub to be available again")
    assert keys_of_plan(platform, fleet) == []


@pytest.mark.parametrize(
    ("kind", "name", "key"),
    [(DEPLOYMENTS, "hub", "drift.Deployment/hub"), (SERVICES, "hub", "drift.Service/hub")],
)
def test_a_deleted_object_is_seen_and_mended(place, kind: Kind, name: str, key: str):
    fleet = place.fleet("one", {HUB: {}})
    platform = place.platform(fleet)
    bring_up(platform, fleet)
    before = place.everything(HUB)
    place.api.delete(kind, name, place.namespace(HUB))

    assert key in keys_of_plan(platform, fleet)
    assert f"{key.removeprefix('drift.')} was deleted" in seen(platform).note

    assert update(platform, fleet).changed
    assert place.everything(HUB).keys() == before.keys()
    assert keys_of_plan(platform, fleet) == []


def test_a_hub_that_somebody_scaled_down_is_started_again(place):
    fleet = place.fleet("one", {HUB: {}})
    platform = place.platform(fleet)
    bring_up(platform, fleet)
    place.api.scale("hub", place.namespace(HUB), 0)

    assert seen(platform).state == "stopped"
    assert "state" in keys_of_plan(platform, fleet)
    assert update(platform, fleet).changed
    assert seen(platform).state == "running"
    assert keys_of_plan(platform, fleet) == []


def test_a_deleted_release_is_made_again_with_the_same_secrets(place):
    fleet = place.fleet("one", {HUB: {}})
    platform = place.platform(fleet)
    bring_up(platform, fleet)
    token = platform.door(HUB).token
    volumes = {
        one["spec"]["volumeName"]
        for one in place.api.select(Kind("persistentvolumeclaims"), place.namespace(HUB))
    }
    place.helm("uninstall", "ant-prod", "-n", place.namespace(HUB), "--wait")

    assert platform.observe("reef").hubs == {}
    bring_up(platform, fleet)

    assert platform.door(HUB).token == token
    again = place.api.select(Kind("persistentvolumeclaims"), place.namespace(HUB))
    assert {one["spec"]["volumeName"] for one in again} == volumes, "the database stayed"


def test_kill_9_while_helm_works_leaves_no_helm_and_is_mended(place):
    fleet = place.fleet("one", {HUB: {}})
    platform = place.platform(fleet)
    bring_up(platform, fleet)
    before = place.everything(HUB)
    place.fleet("wrong", {HUB: {"helm_values": NOT_READY}})
    code = (
        "import sys; from pathlib import Path\n"
        "from hubfleet.fleet.load import load_fleet\n"
        "from hubfleet.planning.steps import UpdateHub\n"
        "from hubfleet.platforms.kubernetes.platform import KubernetesPlatform\n"
        "fleet = load_fleet(Path(sys.argv[1]))\n"
        "platform = KubernetesPlatform(fleet, Path(sys.argv[2]))\n"
        "platform.perform(UpdateHub(fleet.hubs['ant/prod'], ()), print)\n"
    )
    arguments = [str(place.folder / "wrong"), str(place.folder / "state")]
    with subprocess.Popen([sys.executable, "-c", code, *arguments]) as killed:
        children: list[psutil.Process] = []
        try:
            until(lambda: _status(place) == "pending-upgrade", "helm to wait for the hub")
            children = psutil.Process(killed.pid).children(recursive=True)
            assert any(child.name() == "helm" for child in children)
        finally:
            os.kill(killed.pid, signal.SIGKILL)
    until(lambda: not any(_lives(child) for child in children), "helm to be gone too")

    assert keys_of_plan(platform, fleet) == ["release"]
    assert seen(platform).note == "its last change was cut off (pending-upgrade)"
    phases: list[str] = []
    from hubfleet.planning.steps import UpdateHub

    outcome = platform.perform(UpdateHub(fleet.hubs[HUB], ()), phases.append)

    assert phases[0] == "mending a release that was cut off (pending-upgrade)"
    assert outcome.revision == 1, "what was to run before runs again"
    assert place.everything(HUB) == before
    assert keys_of_plan(platform, fleet) == []


def _status(place) -> str:
    newest = history(place.api, "ant-prod", place.namespace(HUB)).newest
    return newest.status if newest else ""


def _lives(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


def test_a_record_that_was_lost_is_written_anew(place):
    fleet = place.fleet("one", {HUB: {}})
    platform = place.platform(fleet)
    bring_up(platform, fleet)
    place.api.delete(CONFIG_MAPS, marks.RECORD, place.namespace(HUB))

    assert seen(platform).values == {}
    assert refusal(platform.snapshot, HUB).code == "record-missing"
    assert update(platform, fleet).changed
    assert keys_of_plan(platform, fleet) == []


def test_removing_a_hub_keeps_its_files_and_its_people_and_creating_it_again_finds_them(place):
    fleet = place.fleet("one", {HUB: {}})
    platform = place.platform(fleet)
    bring_up(platform, fleet)
    home = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "claim-ada"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    place.api.create(Kind("persistentvolumeclaims"), home, place.namespace(HUB))
    from hubfleet.planning.steps import RemoveHub

    outcome = platform.perform(RemoveHub(HUB, "reef", ()), nothing)

    space = place.namespace(HUB)
    assert outcome.note == f"people's files are kept in the namespace {space} of reef"
    claims = place.api.select(Kind("persistentvolumeclaims"), space)
    assert {one["metadata"]["name"] for one in claims} >= {"claim-ada", "hub-db-dir"}
    assert create(platform, fleet).revision == 1


def test_people_s_servers_go_on_while_their_hub_is_changed_and_brought_back(place):
    fleet = place.fleet("one", {HUB: {}})
    platform = place.platform(fleet)
    bring_up(platform, fleet)
    server = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "jupyter-ada",
            "labels": {"app": "jupyterhub", "component": "singleuser-server"},
            "annotations": {"hub.jupyter.org/username": "ada"},
        },
        "spec": {"containers": [{"name": "notebook", "image": "notebook"}]},
    }
    space = place.namespace(HUB)
    place.api.create(PODS, server, space)
    was = place.api.find(PODS, "jupyter-ada", space)
    hubs = {pod["metadata"]["uid"] for pod in place.api.select(PODS, space, labels="component=hub")}
    assert platform.people(HUB) == ("ada",)
    snapshot = platform.snapshot(HUB)

    changed = place.fleet("two", {HUB: {"limits": {"memory": "256M"}}})
    update(place.platform(changed), changed)
    platform.roll_back(HUB, snapshot.id, nothing)

    now = place.api.find(PODS, "jupyter-ada", space)
    assert now["metadata"]["uid"] == was["metadata"]["uid"]
    after = {
        pod["metadata"]["uid"] for pod in place.api.select(PODS, space, labels="component=hub")
    }
    assert after.isdisjoint(hubs), "the hub itself was another pod meanwhile"

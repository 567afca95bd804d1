"""Pure reading of what a cluster says: names, records, releases, states, drift, moves, rights."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hubfleet.fleet.kubernetes import Kubernetes
from hubfleet.fleet.kubernetes_names import (
    LONGEST_NAMESPACE,
    LONGEST_RELEASE,
    namespace_of,
    release_of,
)
from hubfleet.kit.errors import Problem
from hubfleet.planning.observation import Observation, ObservedHub
from hubfleet.planning.plan import make_plan
from hubfleet.platforms.kubernetes import marks
from hubfleet.platforms.kubernetes.closing import told
from hubfleet.platforms.kubernetes.drift import changed_fields, foreign_fields, shown_path
from hubfleet.platforms.kubernetes.moving import left_on_this_machine, refused_moves
from hubfleet.platforms.kubernetes.observing import Held, state_of
from hubfleet.platforms.kubernetes.record import KEPT, Record, Records
from hubfleet.platforms.kubernetes.releases import histories
from hubfleet.platforms.kubernetes.rights import IN_NAMESPACE, manifest
from hubfleet.platforms.looking import away_note
from tests.fleets import write_fleet

NAMES = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,28}[a-z0-9])?", fullmatch=True)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(NAMES, NAMES)
def test_names_on_a_cluster_are_short_enough_and_labels(community: str, hub: str) -> None:
    name = f"{community}/{hub}"
    release, space = (
        release_of(name),
        namespace_of(name, Kubernetes(namespace="x-{community}-{hub}-y")),
    )
    assert len(release) <= LONGEST_RELEASE
    assert len(space) <= LONGEST_NAMESPACE
    assert marks.is_label(release)
    assert marks.is_label(space)


def test_long_names_that_begin_alike_stay_apart() -> None:
    one, other = (f"{'a' * 30}/{'b' * 29}{end}" for end in "cd")
    assert release_of(one) != release_of(other)


def record(revision: int = 1, **changes: Any) -> Record:
    values = {"hub": "ant/prod", "cluster": "reef", "flat": {"a": 1}, "values": {}, "software": {}}
    return Record(revision=revision, url="https://x/", **{**values, **changes})


def test_a_fingerprint_is_of_the_content_and_not_of_the_number() -> None:
    assert record(1).fingerprint == record(7).fingerprint
    assert record(1).fingerprint != record(1, flat={"a": 2}).fingerprint
    assert record(1).fingerprint != record(1, secrets="other").fingerprint


def test_the_last_records_stay_and_always_the_true_one() -> None:
    records = Records()
    for revision in range(1, 20):
        records = records.with_one_more(record(revision), true=2)
    assert 2 in records.by_revision
    assert len(records.by_revision) <= KEPT + 1
    assert Records.read(records.data()) == records
    assert records.newest == 19


def test_a_damaged_record_counts_as_missing() -> None:
    data = {**Records({3: record(3)}).data(), "revision-4": "{", "revision-5": "{}", "x": "1"}
    assert set(Records.read(data).by_revision) == {3}


def secret(number: int, status: str, revision: int) -> dict[str, Any]:
    labels = {"name": "r", "owner": "helm", "version": str(number), "status": status}
    labels[marks.REVISION] = str(revision)
    return {"metadata": {"namespace": "n", "name": "x", "labels": labels}}


def test_what_came_up_last_is_true_whatever_was_tried_since() -> None:
    past = histories(
        [secret(10, "pending-upgrade", 4), secret(2, "superseded", 1), secret(9, "failed", 3)]
    )["n", "r"]
    assert past.newest is not None
    assert past.deployed is not None
    assert (past.newest.number, past.newest.is_pending) == (10, True)
    assert (past.deployed.number, past.deployed.revision) == (2, 1)


def deployment(available: int, *, replicas: int = 1, progressing: str = "True") -> dict[str, Any]:
    conditions = [
        {"type": "Progressing", "status": progressing},
        {
            "type": "Available",
            "status": "True" if available else "False",
            "lastTransitionTime": "2020-01-01T00:00:00Z",
        },
    ]
    status = {"observedGeneration": 1, "availableReplicas": available, "conditions": conditions}
    return {"metadata": {"generation": 1}, "spec": {"replicas": replicas}, "status": status}


@pytest.mark.parametrize(
    ("hub", "proxy", "state"),
    [
        (deployment(1), deployment(1), "running"),
        (deployment(1), None, "stopped"),
        (deployment(1), deployment(0, replicas=0), "stopped"),
        (deployment(0, progressing="False"), deployment(1), "crashed"),
        (deployment(0), deployment(1), "hanging"),
    ],
)
def test_a_hub_is_as_well_as_the_worse_of_hub_and_proxy(hub: Any, proxy: Any, state: str) -> None:
    found = {name: one for name, one in (("hub", hub), ("proxy", proxy)) if one}
    assert state_of(found, come_up=60) == state


def test_a_hub_that_is_not_up_for_long_is_starting() -> None:
    assert state_of({"hub": deployment(0), "proxy": deployment(1)}, come_up=1e12) == "starting"


OWNED: dict[str, Any] = {
    "metadata": {
        "managedFields": [
            {"manager": "helm", "fieldsV1": {"f:spec": {"f:replicas": {}}}},
            {"manager": "kubelet", "subresource": "status", "fieldsV1": {"f:spec": {"f:x": {}}}},
            {
                "manager": "kubectl-set",
                "fieldsV1": {
                    "f:metadata": {"f:annotations": {"f:note": {}}},
                    "f:spec": {
                        "f:containers": {
                            'k:{"name":"hub"}': {".": {}, "f:image": {}, "f:tty": {}},
                            'k:{"name":"more"}': {"f:image": {}},
                        }
                    },
                },
            },
        ]
    },
    "spec": {"containers": [{"name": "hub", "image": "theirs", "tty": True}], "replicas": 1},
}


def test_the_owner_of_each_changed_field_is_known() -> None:
    found = [(owner, shown_path(path)) for owner, path in foreign_fields(OWNED["metadata"])]
    assert found == [
        ("kubectl-set", '.spec.containers[name="hub"].image'),
        ("kubectl-set", '.spec.containers[name="hub"].tty'),
        ("kubectl-set", '.spec.containers[name="more"].image'),
    ]


def test_only_what_the_chart_sets_and_differs_is_drift() -> None:
    wanted = {"spec": {"containers": [{"name": "hub", "image": "ours"}]}}
    (drift,) = changed_fields(wanted, OWNED, "Deployment/hub")
    assert drift.key == 'drift.Deployment/hub.spec.containers[name="hub"].image'
    assert drift.shown == "'theirs' by kubectl-set"
    same = {"spec": {"containers": [{"name": "hub", "image": "theirs"}]}}
    assert list(changed_fields(same, OWNED, "Deployment/hub")) == []


def seen(name: str, cluster: str, values: dict[str, Any]) -> Observation:
    return Observation(cluster, {name: ObservedHub(name, cluster, "running", values)})


def test_a_hub_that_moves_between_clusters_is_refused_with_the_steps(tmp_path) -> None:
    fleet = write_fleet(tmp_path, {"ant/prod": {"cluster": "tide"}})
    values = {**fleet.hubs["ant/prod"].flat(), "cluster": "reef"}
    plan = make_plan(fleet, [seen("ant/prod", "reef", values), Observation("tide")])
    (problem,) = refused_moves(plan, ["reef"])
    assert (problem.code, problem.what) == (
        "hub-moved",
        "ant/prod runs on `reef` and is declared on `tide`",
    )
    assert problem.hint == (
        "declare it on `reef` again; declare a hub with another name on `tide` and apply; copy the "
        "homes; then remove the old one with --allow-removals and give the new one its `domain`"
    )
    assert list(refused_moves(plan, ["elsewhere"])) == []


def test_a_hub_that_is_renamed_is_refused_with_the_way_to_do_it(tmp_path) -> None:
    fleet = write_fleet(tmp_path, {"ant/new": {}})
    values = {**fleet.hubs["ant/new"].flat(), "domain": "old-ant.localhost", "title": "Old"}
    plan = make_plan(fleet, [seen("ant/old", "reef", values)])
    (problem,) = refused_moves(plan, ["reef"])
    assert (problem.code, problem.what) == (
        "hub-renamed",
        "ant/old would be removed and ant/new created",
    )
    assert problem.why.startswith("they are declared alike, so this looks like a new name.")
    assert problem.hint == (
        "to rename, keep the file ant/old and set its `title` and `domain`; "
        "if they are two hubs, apply with --only ant/new first"
    )
    assert list(refused_moves(plan.only(["ant/new"]), ["reef"])) == []


def test_two_hubs_that_differ_come_and_go_in_one_plan_unless_they_have_one_address(
    tmp_path,
) -> None:
    fleet = write_fleet(tmp_path, {"ant/new": {}})
    values = {**fleet.hubs["ant/new"].flat(), "limits.memory": "3G", "domain": "x.localhost"}
    plan = make_plan(fleet, [seen("ant/old", "reef", values)])
    assert len(plan.steps) == 2
    assert list(refused_moves(plan, ["reef"])) == []
    values["domain"] = fleet.hubs["ant/new"].domain
    (problem,) = refused_moves(make_plan(fleet, [seen("ant/old", "reef", values)]), ["reef"])
    assert problem.why.startswith("they have the same address (new-ant.localhost), so")
    assert problem.hint.endswith("apply with --only ant/old --allow-removals first")


def test_a_hub_that_cannot_be_told_is_named() -> None:
    held = Held("ant/prod", "ant-prod")
    assert told(held) == "nobody can be told: the hub is not there, and starts no server"
    held.deployments["hub"] = {"spec": {"template": {"spec": {}}}}
    assert told(held).startswith("nobody can be told, and new servers start until it goes: ")


def test_hubs_that_stay_behind_on_this_machine_are_told() -> None:
    (problem,) = left_on_this_machine([seen("ant/prod", "reef", {})], ["reef"])
    assert problem.code == "cluster-changed-platform"
    assert list(left_on_this_machine([Observation("reef")], ["reef"])) == []


def test_rights_end_at_the_hubs_namespaces_where_others_make_them() -> None:
    everywhere = manifest(["ant-prod"], create_namespaces=True)
    bound = manifest(["ant-prod", "bee-prod"], create_namespaces=False)
    assert [one["kind"] for one in everywhere].count("ClusterRoleBinding") == 2
    assert [one["metadata"]["namespace"] for one in bound if one["kind"] == "RoleBinding"] == [
        "ant-prod",
        "bee-prod",
    ]
    assert [one["kind"] for one in bound].count("ClusterRoleBinding") == 1
    rules = [rule for one in everywhere for rule in one.get("rules", ())]
    assert all("*" not in [*rule["verbs"], *rule["resources"]] for rule in rules)
    assert all(right.purpose for right in IN_NAMESPACE)


def test_an_absent_cluster_is_a_sentence() -> None:
    problem = Problem("cluster-unreachable", "the cluster `reef` does not answer", why="no route")
    assert away_note(problem, 1) == (
        "The cluster `reef` does not answer (no route). Its hub is left as it is."
    )
    assert away_note(problem, 6).endswith("Its 6 hubs are left as they are.")

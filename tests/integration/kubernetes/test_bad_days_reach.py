"""Clusters that do not answer, do not know us, or do not let us; and the others that go on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from hubfleet.kit.errors import TransientError
from hubfleet.platforms.kubernetes.api import NAMESPACES
from tests.control_plane.control_plane import LIMITED_TOKEN, LIMITED_USER
from tests.control_plane.places import ClusterPlace
from tests.integration.kubernetes.acting import HUB, bring_up, create, refusal, seen
from tests.places import free_port

pytestmark = pytest.mark.integration


def other_config(place: ClusterPlace, name: str, **changes: str) -> Path:
    """The tests' kubeconfig with another server or token."""
    value = yaml.safe_load(place.plane.kubeconfig.read_text())
    if "server" in changes:
        value["clusters"][0]["cluster"]["server"] = changes["server"]
    if "token" in changes:
        value["users"][0]["user"] = {"token": changes["token"]}
    path = place.folder / name
    path.write_text(yaml.safe_dump(value))
    return path


def test_a_cluster_that_does_not_answer_is_told_and_may_answer_later(place):
    server = f"https://127.0.0.1:{free_port()}"
    config = other_config(place, "away.yaml", server=server)
    fleet = place.fleet("one", {HUB: {}}, kubernetes={"kubeconfig": str(config)})
    platform = place.platform(fleet)
    with pytest.raises(TransientError) as caught:
        platform.observe("reef")
    (problem,) = caught.value.problems
    assert (problem.code, problem.what, problem.place) == (
        "cluster-unreachable",
        "the cluster `reef` does not answer",
        server,
    )
    assert "Connection refused" in problem.why


def test_expired_credentials_are_told_with_the_cure(place):
    config = other_config(place, "old.yaml", token="expired")
    fleet = place.fleet("one", {HUB: {}}, kubernetes={"kubeconfig": str(config)})
    problem = refusal(place.platform(fleet).observe, "reef")
    assert (problem.code, problem.what) == (
        "credentials-refused",
        "the cluster `reef` does not accept our credentials",
    )
    assert "sign in again" in problem.hint


def test_a_credential_program_that_fails_is_told_in_its_words(place):
    value = yaml.safe_load(place.plane.kubeconfig.read_text())
    authority = place.folder / "one" / "ca.crt"
    program = place.folder / "credentials"
    program.write_text("#!/bin/sh\necho 'you are signed out' >&2\nexit 3\n")
    program.chmod(0o700)
    cluster = {
        "kubeconfig": None,
        "server": value["clusters"][0]["cluster"]["server"],
        "certificate_authority": "ca.crt",
        "exec": {"command": str(program), "args": ["token"]},
    }
    fleet = place.fleet("one", {HUB: {}}, kubernetes=cluster)
    authority.write_bytes(place.plane.own.certificates.authority.read_bytes())

    problem = refusal(place.platform(fleet).observe, "reef")
    assert problem.code == "credentials-refused"
    assert "returned 3: you are signed out" in problem.why

    token = value["users"][0]["user"]["token"]
    answer = {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "kind": "ExecCredential",
        "status": {"token": token},
    }
    program.write_text(f"#!/bin/sh\ncat <<'end'\n{json.dumps(answer)}\nend\n")
    platform = place.platform(fleet)
    bring_up(platform, fleet)
    assert seen(platform).state == "running", "helm asks the program too"


def test_no_kubeconfig_and_no_such_context_are_told(place):
    missing = place.fleet("one", {HUB: {}}, kubernetes={"kubeconfig": "none.yaml"})
    problem = refusal(place.platform(missing).observe, "reef")
    assert problem.code == "no-kubeconfig"
    assert str(problem.place).endswith("one/none.yaml")

    wrong = place.fleet("two", {HUB: {}}, kubernetes={"context": "other"})
    problem = refusal(place.platform(wrong).observe, "reef")
    assert (problem.code, problem.why) == ("unknown-context", "it has: tests")


def test_a_missing_right_is_named_and_the_generated_manifest_grants_all_that_is_needed(place):
    config = other_config(place, "limited.yaml", token=LIMITED_TOKEN)
    fleet = place.fleet("one", {HUB: {}}, kubernetes={"kubeconfig": str(config)})
    platform = place.platform(fleet)

    problem = refusal(platform.observe, "reef")
    assert (problem.code, problem.what) == (
        "right-missing",
        "our account on the cluster `reef` may not list namespaces in the cluster",
    )
    assert "`hubfleet doctor reef --rbac`" in problem.hint
    found = {one.check: one for one in platform.examine("reef")}
    assert not found["rights"].is_well
    assert found["rights"].told.startswith("our account may not get namespaces, list namespaces")

    grant(place, platform.rights("reef"))
    try:
        rights = {one.check: one for one in place.platform(fleet).examine("reef")}["rights"]
        assert (rights.told, rights.cure) == ("our account may do all that hubfleet needs", "")
        bring_up(platform, fleet)
        snapshot = platform.snapshot(HUB)
        assert snapshot.revision == 1
        assert seen(platform).state == "running"
        assert list(platform.logs(HUB, lines=5, follow=False))
    finally:
        revoke(place)


def grant(place, manifest) -> None:
    """Apply it as an administrator would, for the tests' limited account instead of a service's."""
    for value in manifest:
        for subject in value.get("subjects", ()):
            subject.clear()
            subject.update({"kind": "User", "name": LIMITED_USER})
            subject["apiGroup"] = "rbac.authorization.k8s.io"
        kind = value["kind"]
        group = "" if value["apiVersion"] == "v1" else f"/apis/{value['apiVersion']}"
        plural = f"{kind.lower()}s"
        space = value["metadata"].get("namespace")
        path = f"{group or '/api/v1'}/{f'namespaces/{space}/' if space else ''}{plural}"
        answer = place.api._client.post(path, json=value)
        # Its namespace may still be going away since the last time; nobody signs in as it here.
        going = "NamespaceTerminating" in answer.text
        assert going or answer.status_code in (201, 409), answer.text


def revoke(place) -> None:
    for name in ("hubfleet-cluster", "hubfleet-hubs"):
        for plural in ("clusterrolebindings", "clusterroles"):
            place.api._client.delete(f"/apis/rbac.authorization.k8s.io/v1/{plural}/{name}")
    place.api.delete(NAMESPACES, "hubfleet")


def test_one_of_thirty_clusters_is_away_and_the_others_go_on(place, tmp_path):
    names = [f"c{number:02}" for number in range(30)]
    hubs = {f"ant/h{number:02}": {"cluster": name} for number, name in enumerate(names)}
    fleet = place.fleet("many", hubs)
    away = other_config(place, "away.yaml", server=f"https://127.0.0.1:{free_port()}")
    file = place.folder / "many" / "clusters" / "c07.yaml"
    file.write_text(file.read_text().replace(str(place.plane.kubeconfig), str(away)))

    planned = hubfleet(place, tmp_path, "plan", "--json", "--fleet", str(fleet.root))
    steps = {step["hub"] for step in json.loads(planned.stdout)["steps"]}
    assert steps == {*hubs} - {"ant/h07"}
    assert "error[cluster-unreachable]: the cluster `c07` does not answer" in planned.stderr

    only = ["--only", "ant/h06", "--only", "ant/h07", "--only", "ant/h08"]
    applied = hubfleet(
        place, tmp_path, "apply", "--yes", "--without-probes", *only, "--fleet", str(fleet.root)
    )
    assert applied.returncode == 1, "not all that was declared could be done"
    assert "error[cluster-unreachable]: the cluster `c07` does not answer" in applied.stderr
    shown = hubfleet(place, tmp_path, "status", "--json", "--fleet", str(fleet.root))
    states = {row["hub"]: row["state"] for row in json.loads(shown.stdout)["hubs"]}
    assert (states["ant/h06"], states["ant/h07"], states["ant/h08"]) == (
        "running", "absent", "running",
    )  # fmt: skip
    notes = json.loads(shown.stdout)["remarks"]
    assert any(note.startswith("The cluster `c07` does not answer") for note in notes)


def hubfleet(place, tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "HUBFLEET_STATE": str(tmp_path / "state")}
    return subprocess.run(
        [sys.executable, "-m", "hubfleet", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )


def test_creating_is_refused_while_rights_to_create_are_missing(place):
    config = other_config(place, "limited.yaml", token=LIMITED_TOKEN)
    fleet = place.fleet("one", {HUB: {}}, kubernetes={"kubeconfig": str(config)})
    problem = refusal(create, place.platform(fleet), fleet)
    assert problem.what == (
        "our account on the cluster `reef` may not get namespaces in the namespace "
        + place.namespace(HUB)
    )

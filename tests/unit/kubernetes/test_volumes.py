"""Whose volume is whose, what a reading pod is, and what of its archive is believed."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pytest

from hubfleet.kit.errors import HubfleetError
from hubfleet.platforms.kubernetes.claims import claimed
from hubfleet.platforms.kubernetes.database import lines
from hubfleet.platforms.kubernetes.namespaces import Place
from hubfleet.platforms.kubernetes.reading_trees import Contents, Reader, program, tree_pod
from hubfleet.replicate.data.on_cluster import ClusterSource
from hubfleet.replicate.data.sources import Tree


def claim(name, person="", server="", made="2026-01-01T00:00:00Z", phase="Bound"):
    labels = {"component": "singleuser-storage"} if person else {}
    notes = {"hub.jupyter.org/username": person}
    if server:
        notes["hub.jupyter.org/servername"] = server
    meta = {"name": name, "creationTimestamp": made, "labels": labels, "annotations": notes}
    return {"metadata": meta, "status": {"phase": phase}}


def test_homes_are_told_by_what_kubespawner_wrote_on_them():
    found = claimed(
        [
            claim("claim-ada---8f6e", "ada"),
            claim("claim-ada", "ada", made="2024-01-01T00:00:00Z"),
            claim("claim-bo--gpu", "bo", "gpu"),
            claim("claim-cy--a", "cy", "a"),
            claim("claim-cy--b", "cy", "b"),
            claim("claim-di", "di", phase="Pending"),
            claim("hub-db-dir"),
            claim("hubfleet-shared"),
            claim("scratch"),
            claim("never-used", phase="Pending"),
        ]
    )
    assert found.homes == {"ada": "claim-ada---8f6e", "bo": "claim-bo--gpu", "cy": "", "di": ""}
    assert found.shared == "hubfleet-shared"
    assert dict(found.others) == {
        "claim-ada": "It is another volume of ada, and not their home.",
        "claim-cy--a": "It is another volume of cy, and not their home.",
        "claim-cy--b": "It is another volume of cy, and not their home.",
        "scratch": "It is neither a home nor a shared folder that hubfleet declared.",
    }


def test_a_name_on_a_claim_alone_makes_it_nobody_s_home():
    foreign = claim("data", "ada")
    foreign["metadata"]["labels"] = {}
    assert claimed([foreign]).homes == {}


HUB = {
    "spec": {
        "template": {
            "spec": {
                "containers": [{"image": "k8s-hub:1", "env": [{"name": "SECRET", "value": "x"}]}],
                "nodeSelector": {"pool": "core"},
                "securityContext": {"fsGroup": 1000},
                "serviceAccountName": "hub",
            }
        }
    }
}


def test_a_reading_pod_changes_nothing_and_has_nothing():
    place = Place("ant/prod", "reef", "Fleet", "ant-prod", "ant-prod")
    pod = tree_pod("x", HUB, Reader(None, place, user=1001), "claim-bo", None)  # type: ignore[arg-type]
    spec, (container,) = pod["spec"], pod["spec"]["containers"]
    assert spec["nodeSelector"] == {"pool": "core"}
    assert "fsGroup" not in spec["securityContext"]
    assert "serviceAccountName" not in spec
    assert spec["automountServiceAccountToken"] is False
    assert spec["volumes"][0]["persistentVolumeClaim"]["readOnly"] is True
    assert container["volumeMounts"][0]["readOnly"] is True
    assert [one["name"] for one in container["env"]] == ["HUBFLEET_PROGRAM"]
    assert container["securityContext"]["runAsUser"] == 1001
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}

    beside = {"spec": {"nodeName": "node-2", "tolerations": [{"key": "people"}]}}
    spec = tree_pod("x", HUB, Reader(None, place), "claim-bo", beside)["spec"]  # type: ignore[arg-type]
    assert "nodeSelector" not in spec
    assert spec["tolerations"] == [{"key": "people"}]
    (term,) = spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][
        "nodeSelectorTerms"
    ]
    assert term["matchFields"][0]["values"] == ["node-2"]


def test_the_program_is_small_enough_for_a_variable_of_a_pod():
    assert len(program()) < 64 * 1024


@pytest.mark.parametrize(("others", "ends"), [(0, True), (1, False)])
def test_a_pod_in_which_nobody_reads_ends_by_itself(tmp_path: Path, others, ends):
    for number in range(1, 2 + others):
        (tmp_path / str(number)).mkdir()
    (tmp_path / "self").mkdir()
    command = [sys.executable, "-c", lines("waiting.py"), "0.05", str(tmp_path)]
    process = subprocess.Popen(command)
    try:
        if ends:
            assert process.wait(20) == 0
        else:
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(1)
    finally:
        process.kill()
        process.wait()


class Sent:
    """Volumes that send these pieces."""

    def __init__(self, *pieces):
        self.pieces = pieces
        self.closed = False

    def copy_database(self, hub):
        return None

    def claims(self, hub):
        return claimed([claim("claim-bo", "bo"), claim("hubfleet-shared")])

    def read_tree(self, hub, claim, folder="."):
        try:
            yield from self.pieces
        finally:
            self.closed = True


def contents(data: bytes) -> Contents:
    return Contents(1, 2, ("x may not be read",), len(data), hashlib.sha256(data).hexdigest())


def home(volumes: Sent) -> Tree:
    tree = ClusterSource("ant/prod", volumes).homes()["bo"]
    assert tree is not None
    return tree


def test_what_arrives_is_compared_with_what_was_sent():
    whole = home(Sent(b"ab", b"c", contents(b"abc")))
    sink = BytesIO()
    found = whole(sink)
    assert found is not None
    assert (sink.getvalue(), found.notes) == (b"abc", ("x may not be read",))
    for pieces in ((b"ab", contents(b"abc")), (b"abd", contents(b"abc")), (b"abc",)):
        cut = Sent(*pieces)
        with pytest.raises(HubfleetError) as caught:
            home(cut)(BytesIO())
        (problem,) = caught.value.problems
        size = len(pieces[0])
        assert str(problem) == (
            "error[archive-cut-off]: not all of the volume claim-bo of ant/prod arrived\n"
            "  --> ant/prod\n"
            f"  why: {size} bytes came, and they are not those that were sent\n"
            "  hint: export again; if it stays, look at what is between here and the cluster"
        )
        assert cut.closed


def test_a_shared_folder_that_is_not_there_is_none():
    assert ClusterSource("ant/prod", Sent(None)).shared()["shared"](BytesIO()) is None

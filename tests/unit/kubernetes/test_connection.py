"""A kubeconfig is cut down to one context, with everything in it and nothing else."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
import yaml

from hubfleet.fleet.kubernetes import Exec, Kubernetes
from hubfleet.kit.errors import HubfleetError
from hubfleet.platforms.kubernetes.connection import connect

AUTHORITY = {"certificate-authority": "a.crt"}
CONFIG = {
    "current-context": "tide",
    "clusters": [
        {"name": "a", "cluster": {"server": "https://a.example:6443", **AUTHORITY}},
        {"name": "b", "cluster": {"server": "https://b.example:6443"}},
    ],
    "contexts": [
        {"name": "tide", "context": {"cluster": "a", "user": "ada"}},
        {"name": "reef", "context": {"cluster": "b", "user": "bo"}},
        {"name": "lost", "context": {"cluster": "c", "user": "bo"}},
    ],
    "users": [
        {"name": "ada", "user": {"token": "token-of-tide"}},
        {"name": "bo", "user": {"tokenFile": "token"}},
    ],
}  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    (tmp_path / "a.crt").write_text("the authority")
    (tmp_path / "token").write_text("token-of-reef\n")
    return tmp_path


def test_only_the_context_asked_for_is_in_it_with_the_files_that_it_names(root: Path) -> None:
    made = connect("tide", Kubernetes(kubeconfig="config.yaml"), root, {})
    assert made.server == "https://a.example:6443"
    assert "token-of-reef" not in made.text
    assert "b.example" not in made.text
    authority = made.kubeconfig["clusters"][0]["cluster"]["certificate-authority-data"]
    assert base64.b64decode(authority) == b"the authority"
    assert "token-of-tide" not in repr(made)


def test_a_named_context_and_the_usual_variable(root: Path) -> None:
    environment = {"KUBECONFIG": f"{root / 'config.yaml'}:{root / 'other'}"}
    made = connect("reef", Kubernetes(context="reef"), root, environment)
    assert made.kubeconfig["users"][0]["user"] == {"token": "token-of-reef"}
    assert "token-of-tide" not in made.text


def test_by_address_with_a_program(root: Path) -> None:
    declared = Kubernetes(
        server="https://c.example:6443",
        certificate_authority="a.crt",
        exec=Exec(command="aws", args=("eks",)),
    )
    made = connect("harbour", declared, root, {})
    assert made.kubeconfig["users"][0]["user"]["exec"]["command"] == "aws"
    assert made.kubeconfig["users"][0]["user"]["exec"]["interactiveMode"] == "Never"


@pytest.mark.parametrize(
    ("declared", "code", "why"),
    [
        (Kubernetes(kubeconfig="none.yaml"), "no-kubeconfig", ""),
        (Kubernetes(kubeconfig="token"), "damaged-kubeconfig", "it does not hold a mapping"),
        (
            Kubernetes(kubeconfig="config.yaml", context="x"),
            "unknown-context",
            "it has: tide, reef, lost",
        ),
        (
            Kubernetes(kubeconfig="config.yaml", context="lost"),
            "damaged-kubeconfig",
            "the context `lost` names a cluster that is not there",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_without_what_stands_in_it(
    root: Path, declared: Kubernetes, code: str, why: str
) -> None:
    with pytest.raises(HubfleetError) as caught:
        connect("tide", declared, root, {})
    (problem,) = caught.value.problems
    assert (problem.code, problem.why) == (code, why)
    assert "token-of" not in str(problem)

"""`hubfleet cluster new|outputs|support` as a person types them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.fleets import write_fleet
from tests.unit.rendering.test_bootstrap import OUTPUTS


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    write_fleet(tmp_path / "fleet", {"earth-lab/prod": {}})
    return tmp_path / "fleet"


def hubfleet(fleet: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hubfleet", *arguments, "--fleet", str(fleet)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


NEW = ("cluster", "new", "reef-2", "--provider", "gcp", "--account", "p-1", "--region", "eu-1")


def test_a_cluster_is_made_and_its_outputs_read_back(fleet: Path, tmp_path: Path) -> None:
    done = hubfleet(fleet, *NEW)
    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        "wrote clusters/reef-2.yaml and infrastructure/reef-2/\n"
        "hubfleet creates nothing in a cloud. Next:\n"
        "  1. look through infrastructure/reef-2/terraform.tfvars\n"
        "  2. in infrastructure/reef-2: tofu init, tofu apply, tofu output -json > outputs.json\n"
        "  3. hubfleet cluster outputs reef-2 --from infrastructure/reef-2/outputs.json\n"
    )
    assert hubfleet(fleet, "validate").returncode == 0

    outputs = tmp_path / "outputs.json"
    outputs.write_text(json.dumps(OUTPUTS))
    read = hubfleet(fleet, "cluster", "outputs", "reef-2", "--from", str(outputs))
    assert read.stdout == "changed clusters/reef-2.yaml and infrastructure/reef-2/ca.crt\n"
    declared = yaml.safe_load((fleet / "clusters/reef-2.yaml").read_text())
    assert declared["kubernetes"]["server"] == "https://192.0.2.7"
    assert hubfleet(fleet, "validate").returncode == 0
    again = hubfleet(fleet, "cluster", "outputs", "reef-2", "--from", str(outputs))
    assert again.stdout == "nothing to change\n"


def test_nothing_is_overwritten(fleet: Path) -> None:
    hubfleet(fleet, *NEW)
    done = hubfleet(fleet, *NEW)
    assert done.returncode == 1
    assert done.stderr == (
        "error[cluster-exists]: there is something called `reef-2` already\n"
        "  --> clusters/reef-2.yaml\n"
        "  why: Nothing is overwritten.\n"
        "  hint: choose another name, or move it away\n"
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ("cluster", "new", "../x", *NEW[3:]),
            "error[bad-name]: `../x` cannot name a cluster\n"
            "  --> clusters/../x.yaml\n"
            "  hint: use at most 30 lower-case letters, digits and `-`, such as reef\n",
        ),
        (
            (*NEW[:-1], 'eu-1"\nfoo = "bar'),
            'error[bad-option]: `--region eu-1"\nfoo = "bar` cannot be right\n'
            "  hint: write it as the provider shows it\n",
        ),
        (
            ("cluster", "outputs", "nowhere", "--from", "/dev/null"),
            "error[unknown-cluster]: there is no cluster `nowhere`\n"
            "  --> clusters/nowhere.yaml\n"
            "  hint: run `hubfleet cluster new nowhere` first\n",
        ),
        (
            ("cluster", "support", "plan", "reef"),
            "error[no-kubernetes]: no cluster of this fleet is on Kubernetes\n"
            "  --> {fleet}\n"
            "  hint: add one with `hubfleet cluster new`\n",
        ),
    ],
)
def test_what_cannot_be_is_said(fleet: Path, arguments: tuple[str, ...], told: str) -> None:
    done = hubfleet(fleet, *arguments)
    assert done.returncode == 1
    assert done.stderr == told.replace("{fleet}", str(fleet))
    assert [path.name for path in (fleet / "clusters").iterdir()] == ["reef.yaml"]


def test_outputs_that_are_not_json(fleet: Path, tmp_path: Path) -> None:
    hubfleet(fleet, *NEW)
    (tmp_path / "outputs.json").write_text("no")
    source = str(tmp_path / "outputs.json")
    done = hubfleet(fleet, "cluster", "outputs", "reef-2", "--from", source)
    assert done.stderr == (
        "error[bad-outputs]: the outputs are not JSON\n"
        f"  --> {source}\n"
        "  why: Expecting value: line 1 column 1 (char 0).\n"
        "  hint: write them with `tofu output -json > outputs.json`\n"
    )

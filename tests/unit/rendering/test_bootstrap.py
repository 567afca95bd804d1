"""New clusters: the same variables and outputs for every provider, formatted, and read back."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import hcl2
import pytest
import yaml

from hubfleet.fleet.load import load_fleet
from hubfleet.fleet.model import ClusterFile
from hubfleet.kit.errors import HubfleetError
from hubfleet.platforms.kubernetes.bootstrap.new import (
    MODULES,
    PROVIDERS,
    NewCluster,
    NewProvider,
    new_files,
)
from hubfleet.platforms.kubernetes.bootstrap.outputs import outputs_of, read_back
from tests.fleets import write_fleet


def asked(provider: NewProvider) -> NewCluster:
    return NewCluster("reef", provider, "account-1", "region-1")


def parsed(text: str) -> dict[str, Any]:
    """HCL as mappings; python-hcl2 keeps the quotes of labels."""
    found: dict[str, Any] = json.loads(json.dumps(hcl2.loads(text)).replace('\\"', ""))
    return found


def blocks(tree: dict[str, Any], kind: str) -> dict[str, Any]:
    return {name: body for one in tree.get(kind, []) for name, body in one.items()}


def formatter() -> str | None:
    named = os.environ.get("HUBFLEET_TEST_TOFU")
    return named or shutil.which("tofu") or shutil.which("terraform")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_provider_takes_the_same_variables_and_gives_the_same_outputs(
    provider: NewProvider,
) -> None:
    files = new_files(asked(provider))
    assert (
        files["infrastructure/reef/variables.tf"] == (MODULES / "shared/variables.tf").read_text()
    )
    main = parsed(files["infrastructure/reef/main.tf"])
    variables = set(blocks(parsed(files["infrastructure/reef/variables.tf"]), "variable"))
    local = {key for one in main["locals"] for key in one}
    for name, output in blocks(parsed(files["infrastructure/reef/outputs.tf"]), "output").items():
        assert output["value"] == f"${{local.{name}}}"
        assert name in local, name
    text = files["infrastructure/reef/main.tf"]
    used = {name for name in variables if f"var.{name}" in text}
    # Only one provider has to be told where bills are kept.
    assert variables - used <= {"billing_account", "budget_email", "tags"}
    given = parsed(files["infrastructure/reef/terraform.tfvars"])
    assert {name for name in given if not name.startswith("__")} <= variables


@pytest.mark.parametrize("provider", PROVIDERS)
def test_what_a_hub_needs_is_in_every_module(provider: NewProvider) -> None:
    text = new_files(asked(provider))["infrastructure/reef/main.tf"]
    for words in ("core_nodes", "user_nodes", "delete_after_days", "requester_pays"):
        assert words in text, words
    for words in ("home_storage_gb", "namespaces", "monthly_budget"):
        assert words in text, words


@pytest.mark.parametrize("provider", PROVIDERS)
def test_modules_are_formatted(provider: NewProvider, tmp_path: Path) -> None:
    program = formatter()
    if program is None:
        pytest.skip("no `tofu` or `terraform` on the PATH, and HUBFLEET_TEST_TOFU names none")
    for path, text in new_files(asked(provider)).items():
        if path.endswith((".tf", ".tfvars")):
            (tmp_path / Path(path).name).write_text(text)
    command = [program, "fmt", "-check", "-diff", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_new_cluster_file_is_sound_and_hubs_can_be_put_on_it(
    provider: NewProvider, tmp_path: Path
) -> None:
    write_fleet(tmp_path, {"earth-lab/prod": {}})
    for path, text in new_files(asked(provider)).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    fleet = load_fleet(tmp_path)
    cluster = fleet.clusters["reef"].file
    assert cluster.kubernetes is not None
    assert cluster.kubernetes.provider == provider
    assert set(cluster.kubernetes.support) == {"traefik", "cert-manager", "prometheus"}
    assert fleet.hubs["earth-lab/prod"].values.chart.version == "4.4.0"


OUTPUTS = {
    "provider": {"value": "gcp", "type": "string", "sensitive": False},
    "cluster_name": {"value": "reef"},
    "server": {"value": "https://192.0.2.7"},
    "certificate_authority": {"value": "-----BEGIN CERTIFICATE-----\nx\n"},
    "exec": {"value": {"command": "gke-gcloud-auth-plugin", "args": []}},
    "buckets": {"value": {"scratch": "gs://reef-scratch"}},
    "home_storage": {"value": {"server": "10.0.0.2", "path": "/homes"}},
    "identity": {"value": {"iam.gke.io/gcp-service-account": "reef-user@x"}},
    "nodes": {"value": {"core": {"a/b": "core"}, "user": {"a/b": "user"}}},
    "storage_class": {"value": "standard-rwo"},
}


def test_outputs_are_read_back_and_comments_stay() -> None:
    text = new_files(asked("gcp"))["clusters/reef.yaml"]
    text = text.replace("region:", "# Near the sea.\nregion:")
    result = read_back("reef", text, outputs_of(OUTPUTS, "outputs.json"))
    found = result.files["clusters/reef.yaml"]
    cluster = ClusterFile.model_validate(yaml.safe_load(found)).kubernetes
    assert cluster is not None
    assert cluster.server == "https://192.0.2.7"
    assert cluster.context is None
    assert cluster.exec is not None
    assert cluster.exec.command == "gke-gcloud-auth-plugin"
    assert cluster.storage_class == "standard-rwo"
    assert cluster.nodes.user == {"a/b": "user"}
    assert cluster.certificate_authority == "infrastructure/reef/ca.crt"
    assert result.files["infrastructure/reef/ca.crt"] == "-----BEGIN CERTIFICATE-----\nx\n"
    assert "# Near the sea.\n" in found
    assert "# Installed by `hubfleet cluster support apply reef`.\n" in found
    assert result.notes == (
        "storage that many nodes mount: 10.0.0.2:/homes; declare the support chart `nfs` with it, "
        "and `shared_storage_class: nfs`",
        "bucket scratch: gs://reef-scratch",
        "people's service account `user` needs the annotation "
        "iam.gke.io/gcp-service-account: reef-user@x",
    )
    again = read_back("reef", found, outputs_of(OUTPUTS, "outputs.json"))
    assert again.files["clusters/reef.yaml"] == found


def test_outputs_of_another_module_are_refused() -> None:
    with pytest.raises(HubfleetError) as raised:
        outputs_of({"server": {"value": "https://x"}}, "outputs.json")
    assert str(raised.value) == (
        "error[bad-outputs]: the outputs lack `provider`, `cluster_name`, `certificate_authority`, "
        "`storage_class`, `exec`\n"
        "  --> outputs.json\n"
        "  why: They are not those of a module that `hubfleet cluster new` wrote, or it has not "
        "been applied.\n"
        "  hint: run `tofu output -json` (or `terraform output -json`) in the cluster's module, "
        "and give its whole answer"
    )


def test_outputs_of_another_provider_are_refused() -> None:
    text = new_files(asked("aws"))["clusters/reef.yaml"]
    with pytest.raises(HubfleetError) as raised:
        read_back("reef", text, outputs_of(OUTPUTS, "outputs.json"))
    assert str(raised.value) == (
        "error[other-provider]: the outputs are of a cluster at gcp\n"
        "  --> clusters/reef.yaml\n"
        "  why: `reef` is declared at aws.\n"
        "  hint: give the outputs of this cluster's own module"
    )

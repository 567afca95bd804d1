"""The files of a new cluster, as paths relative to the fleet's folder and their texts. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

MODULES = Path(__file__).with_name("modules")

NewProvider = Literal["gcp", "aws", "azure", "openstack"]
PROVIDERS: tuple[NewProvider, ...] = get_args(NewProvider)


@dataclass(frozen=True, slots=True)
class _Machines:
    """Usual sizes of a provider: 4 CPUs with 32 GB, and variables its credentials need."""

    core: str
    user: str
    environment: tuple[str, ...]


_MACHINES: dict[NewProvider, _Machines] = {
    "gcp": _Machines("n2-highmem-2", "n2-highmem-4", ("CLOUDSDK_CONFIG",)),
    "aws": _Machines("r6i.large", "r6i.xlarge", ("AWS_PROFILE",)),
    "azure": _Machines("Standard_E2s_v5", "Standard_E4s_v5", ("AZURE_CONFIG_DIR",)),
    "openstack": _Machines("m1.medium", "m1.large", ("OS_CLOUD",)),
}


@dataclass(frozen=True, slots=True)
class NewCluster:
    """What was asked for."""

    name: str
    provider: NewProvider
    account: str
    region: str
    tenancy: Literal["shared", "dedicated"] = "shared"

    @property
    def file(self) -> str:
        return f"clusters/{self.name}.yaml"

    @property
    def folder(self) -> str:
        return folder_of(self.name)


def folder_of(cluster: str) -> str:
    """Where a cluster's module lies in the fleet."""
    return f"infrastructure/{cluster}"


def new_files(asked: NewCluster) -> dict[str, str]:
    """By path, in the order in which they are written."""
    return {
        asked.file: _cluster_file(asked),
        f"{asked.folder}/main.tf": _module(asked.provider, "main.tf"),
        f"{asked.folder}/variables.tf": _module("shared", "variables.tf"),
        f"{asked.folder}/outputs.tf": _module("shared", "outputs.tf"),
        f"{asked.folder}/terraform.tfvars": _values(asked),
        f"{asked.folder}/.gitignore": "/.terraform/\n/*.tfstate*\n/outputs.json\n",
    }


def _module(folder: str, name: str) -> str:
    return (MODULES / folder / name).read_text(encoding="utf-8")


def _cluster_file(asked: NewCluster) -> str:
    variables = ", ".join(_MACHINES[asked.provider].environment)
    return f"""\
# Made by `hubfleet cluster new`. Its machines: {asked.folder}.
platform: kubernetes
region: {asked.region}
tenancy: {asked.tenancy}

kubernetes:
  provider: {asked.provider}
  # Until `hubfleet cluster outputs {asked.name}` says how to reach it.
  context: {asked.name}
  pass_environment: [{variables}]
  ingress: {{class_name: traefik, issuer: letsencrypt}}
  # Installed by `hubfleet cluster support apply {asked.name}`.
  support:
    traefik: {{version: 37.1.1}}
    cert-manager: {{version: v1.18.2}}
    prometheus: {{version: 77.6.2}}

defaults:
  chart: {{version: 4.4.0}}
"""


def _values(asked: NewCluster) -> str:
    machines = _MACHINES[asked.provider]
    return f"""\
name    = "{asked.name}"
account = "{asked.account}"
region  = "{asked.region}"

core_nodes = {{
  machine_type = "{machines.core}"
  min          = 1
  max          = 3
}}

user_nodes = {{
  small = {{ machine_type = "{machines.user}", min = 0, max = 20 }}
}}

buckets = {{
  scratch    = {{ delete_after_days = 7 }}
  persistent = {{}}
}}

# Namespaces of hubs whose people may use the buckets, such as "earth-lab-prod".
namespaces = []

home_storage_gb = 0
monthly_budget  = 0
budget_email    = ""
"""

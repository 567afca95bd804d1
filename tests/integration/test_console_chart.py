"""The chart for the console, by Helm itself: it lints, and its pod may do nothing but run."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

CHART = Path(__file__).parents[2] / "deploy" / "chart"
NEEDED = {
    "image": {"repository": "registry.example.org/hubfleet"},
    "address": "https://console.example.org",
    "secret": "hubfleet-console",
    "fleet": {"git": {"url": "https://git.example.org/fleet.git", "path": "hubs"}},
}
EVERYTHING = {
    **NEEDED,
    "ageKey": True,
    "ingress": {"enabled": True, "className": "traefik", "tlsSecret": "console-tls"},
    "metrics": {"enabled": True, "serviceMonitor": True},
    "networkPolicy": {"ingressNamespaceLabels": {"kubernetes.io/metadata.name": "traefik"}},
    "state": {"size": "5Gi", "storageClassName": "fast"},
    "extraVolumes": [{"name": "kubeconfig", "secret": {"secretName": "kubeconfig"}}],
    "extraVolumeMounts": [{"name": "kubeconfig", "mountPath": "/kubeconfig"}],
}


@pytest.fixture(scope="module")
def helm() -> str:
    found = os.environ.get("HUBFLEET_TEST_HELM") or shutil.which("helm")
    if found is None or not Path(found).is_file():
        pytest.skip("no `helm` on the PATH, and HUBFLEET_TEST_HELM names none")
    return found


def run(helm: str, values: dict[str, Any], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [helm, *arguments, "--values", "-"],
        input=yaml.safe_dump(values),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def objects(helm: str, values: dict[str, Any]) -> dict[str, Any]:
    done = run(helm, values, "template", "console", str(CHART), "--kube-version", "1.34.0")
    assert done.returncode == 0, done.stderr
    return {one["kind"]: one for one in yaml.safe_load_all(done.stdout) if one}


@pytest.mark.parametrize("values", [NEEDED, EVERYTHING], ids=["needed", "everything"])
def test_the_chart_lints(helm: str, values: dict[str, Any]) -> None:
    done = run(helm, values, "lint", str(CHART), "--strict")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("values", [NEEDED, EVERYTHING], ids=["needed", "everything"])
def test_no_container_may_do_more_than_run(helm: str, values: dict[str, Any]) -> None:
    pod = objects(helm, values)["Deployment"]["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    containers = [*pod["containers"], *pod["initContainers"]]
    assert [one["name"] for one in containers] == ["console", "first-fleet", "fleet"]
    for container in containers:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["limits"]["memory"]


def test_probes_ask_under_the_name_that_the_console_answers_to(helm: str) -> None:
    (console,) = objects(helm, NEEDED)["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert console["command"] == ["hubfleet", "serve", "--bind", "0.0.0.0:8010"]
    asked = {
        name: console[name]["httpGet"]["path"]
        for name in ("startupProbe", "livenessProbe", "readinessProbe")
    }
    assert asked == {
        "startupProbe": "/healthz",
        "livenessProbe": "/healthz",
        "readinessProbe": "/readyz",
    }
    headers = console["readinessProbe"]["httpGet"]["httpHeaders"]
    assert headers == [{"name": "Host", "value": "console.example.org"}]


def test_no_secret_is_in_the_values_and_the_database_comes_from_one(helm: str) -> None:
    (console,) = objects(helm, NEEDED)["Deployment"]["spec"]["template"]["spec"]["containers"]
    environment = {one["name"]: one for one in console["env"]}
    wanted = {"secretKeyRef": {"name": "hubfleet-console", "key": "database"}}
    assert environment["HUBFLEET_DATABASE"]["valueFrom"] == wanted
    assert environment["HUBFLEET_FLEET"]["value"] == "/fleet/current/hubs"
    assert environment["HUBFLEET_CONSOLE_KEY_FILE"]["value"] == "/secrets/console-key"


def test_only_browsers_and_prometheus_reach_the_console(helm: str) -> None:
    policy = objects(helm, EVERYTHING)["NetworkPolicy"]["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    (rule,) = policy["ingress"]
    assert rule["ports"] == [{"port": "http"}]
    (source,) = rule["from"]
    labels = source["namespaceSelector"]["matchLabels"]
    assert labels == {"kubernetes.io/metadata.name": "traefik"}


def test_everything_that_can_be_asked_for_is_there(helm: str) -> None:
    found = objects(helm, EVERYTHING)
    assert found["Ingress"]["spec"]["tls"] == [
        {"hosts": ["console.example.org"], "secretName": "console-tls"}
    ]
    (endpoint,) = found["ServiceMonitor"]["spec"]["endpoints"]
    assert endpoint["authorization"]["credentials"]["key"] == "metrics-token"
    claim = found["PersistentVolumeClaim"]
    assert claim["spec"]["storageClassName"] == "fast"
    assert claim["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}


def test_a_chart_without_its_values_says_which(helm: str) -> None:
    done = run(helm, {}, "template", "console", str(CHART))
    assert done.returncode == 1
    assert "at '/address'" in done.stderr
    assert "at '/secret'" in done.stderr
    nowhere = run(helm, {**NEEDED, "fleet": {}}, "template", "console", str(CHART))
    assert "say where the fleet is: set fleet.git.url or fleet.existingClaim" in nowhere.stderr

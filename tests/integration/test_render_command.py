"""`hubfleet render` and the programs that read what it writes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "kubernetes"
CHART = ROOT / "tests" / "control_plane" / "chart"


def hubfleet(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hubfleet", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def program(name: str) -> str:
    """A program of the field, or a visible skip with the reason."""
    found = os.environ.get(f"HUBFLEET_TEST_{name.upper()}") or shutil.which(name)
    if found is None or not Path(found).is_file():
        pytest.skip(f"no `{name}` on the PATH, and HUBFLEET_TEST_{name.upper()} names none")
    return found


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rendered") / "out"
    to = ("--to", str(folder), "--git", "https://git.example.org/hubs.git")
    done = hubfleet("render", "--fleet", str(EXAMPLE), *to)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"rendered 3 hubs into {folder}: 12 files changed, 0 removed\n"
    assert done.stderr.splitlines()[0] == (
        "note: clusters/harbour/harbour-school/class/secrets.yaml is not there yet; "
        "see secrets.example.yaml"
    )
    return folder


def test_helm_renders_the_same_objects_twice(rendered: Path) -> None:
    """With every secret pinned nothing is made anew; the chart has the real one's keys."""
    helm = program("helm")
    hub = rendered / "clusters/tide/reef-lab/prod"
    files = ("--values", str(hub / "values.yaml"), "--values", str(hub / "secrets.example.yaml"))
    command = [helm, "template", "reef-lab-prod", str(CHART), "--kube-version", "1.34.0", *files]
    first, second = (
        subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        for _ in range(2)
    )
    assert first.returncode == 0, first.stderr
    assert first.stdout == second.stdout
    kinds = {each["kind"] for each in yaml.safe_load_all(first.stdout) if each}
    assert {"Deployment", "Ingress", "Secret", "PersistentVolumeClaim"} <= kinds


def test_helmfile_reads_its_file(rendered: Path) -> None:
    helmfile = program("helmfile")
    command = [helmfile, "--file", str(rendered / "helmfile.yaml"), "list", "--output", "json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert {one["name"] for one in json.loads(done.stdout)} == {
        "harbour-school-class",
        "reef-lab-prod",
        "reef-lab-staging",
    }


def test_only_some_hubs_as_json(tmp_path: Path) -> None:
    to = ("--to", str(tmp_path / "out"), "--only", "reef-lab/staging", "--json")
    done = hubfleet("render", "--fleet", str(EXAMPLE), *to)
    told = json.loads(done.stdout)
    assert told["hubs"] == 1
    assert told["without-secrets"] == ["clusters/tide/reef-lab/staging"]
    assert (tmp_path / "out/clusters/tide/reef-lab/staging/values.yaml").is_file()


def test_a_fleet_on_one_machine_has_nothing_to_render(tmp_path: Path) -> None:
    starter = ROOT / "examples" / "starter"
    done = hubfleet("render", "--fleet", str(starter), "--to", str(tmp_path / "out"))
    assert done.returncode == 1
    assert done.stderr == (
        "error[nothing-to-render]: no hub that was asked for is on Kubernetes\n"
        f"  --> {starter}\n"
        "  why: Hubs on local clusters are processes, without values of a chart.\n"
        "  hint: name a cluster with `platform: kubernetes` in a hub's `cluster`\n"
    )


def test_explain_shows_the_charts_values_and_what_passes_through() -> None:
    arguments = ("reef-lab/prod", "singleuser", "--values", "--json", "--fleet", str(EXAMPLE))
    values = {
        one["path"]: one for one in json.loads(hubfleet("explain", *arguments).stdout)["values"]
    }
    assert values["singleuser.extraLabels.team"]["passed-through"] is True
    assert values["singleuser.storage.capacity"] == {
        "path": "singleuser.storage.capacity",
        "value": "10Gi",
        "field": "storage.home_quota",
        "place": "communities/reef-lab/hubs/prod.yaml:13:11",
        "passed-through": False,
        "instead-of": None,
    }
    told = hubfleet("explain", "reef-lab/prod", "--fleet", str(EXAMPLE)).stderr
    assert told == (
        "note: 2 values below `helm_values` go through to the chart unchanged, winning over what "
        "hubfleet renders; `hubfleet explain reef-lab/prod --values` shows the result\n"
    )


def test_validate_says_what_the_chart_refuses(tmp_path: Path) -> None:
    fleet = tmp_path / "fleet"
    shutil.copytree(EXAMPLE, fleet)
    hub = fleet / "communities/reef-lab/hubs/staging.yaml"
    hub.write_text("stage: staging\nhelm_values:\n  singleuser:\n    memry: {limit: 2G}\n")
    done = hubfleet("validate", "--fleet", str(fleet))
    assert done.returncode == 1
    assert done.stderr == (
        "error[chart-refuses]: the chart has no value `singleuser.memry`\n"
        "  --> communities/reef-lab/hubs/staging.yaml:4:13\n"
        "  hint: did you mean `memory`?\n"
    )

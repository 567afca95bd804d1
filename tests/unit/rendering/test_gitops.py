"""A fleet as files for GitOps: what is in them, and that no secret is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from hubfleet.fleet.load import load_fleet
from hubfleet.fleet.model import Fleet
from hubfleet.kit.errors import HubfleetError
from hubfleet.platforms.kubernetes.rendering.entries import leaves
from hubfleet.platforms.kubernetes.rendering.gitops import Git, Rendering, split_secrets
from hubfleet.platforms.kubernetes.rendering.pins import Pins
from hubfleet.platforms.kubernetes.rendering.values import render_values
from hubfleet.platforms.kubernetes.rendering.writing import write_gitops
from tests.unit.rendering.hubs import cluster_of, hub_of

EXAMPLE = Path(__file__).parents[3] / "examples" / "kubernetes"
GIT = Git("https://git.example.org/hubs.git", "main", "rendered")


@pytest.fixture(scope="module")
def fleet() -> Fleet:
    return load_fleet(EXAMPLE)


def written(fleet: Fleet, folder: Path, git: Git | None = None) -> Any:
    return write_gitops(fleet, list(fleet.hubs.values()), folder, git)


def test_values_and_secrets_together_are_what_hubfleet_itself_applies() -> None:
    hub, cluster = hub_of({}), cluster_of({"shared_storage_class": "nfs"})
    values = render_values(hub, cluster, Pins.placeholders())
    plain, secret = split_secrets(values)
    assert {**dict(leaves(plain)), **dict(leaves(secret))} == dict(leaves(values))
    assert not set(dict(leaves(plain))) & set(dict(leaves(secret)))


def test_the_mark_of_a_declared_secret_becomes_what_to_supply() -> None:
    client = {"id": "x", "secret": "<secret 0123456789ab>"}
    hub = hub_of({"access": {"sign_in": "github", "client": client}})
    plain, secret = split_secrets(render_values(hub, cluster_of(), Pins.placeholders()))
    asked = secret["hub"]["config"]["GitHubOAuthenticator"]["client_secret"]
    assert asked == (
        "<supply hub.config.GitHubOAuthenticator.client_secret, which the fleet keeps encrypted>"
    )
    assert "<secret" not in json.dumps([plain, secret])


def test_the_second_rendering_writes_nothing(fleet: Fleet, tmp_path: Path) -> None:
    first = written(fleet, tmp_path / "out", GIT)
    assert first.written
    assert "argocd/tide.yaml" in first.written
    again = written(fleet, tmp_path / "out", GIT)
    assert (again.written, again.removed) == ((), ())


def test_files_of_hubs_that_are_gone_are_removed_and_secrets_are_not(
    fleet: Fleet, tmp_path: Path
) -> None:
    written(fleet, tmp_path)
    folder = "clusters/tide/reef-lab/prod"
    (tmp_path / folder / "secrets.yaml").write_text("sops: {}")
    staging = [hub for name, hub in fleet.hubs.items() if name != "reef-lab/prod"]
    changed = write_gitops(fleet, staging, tmp_path, None)
    gone = {f"{folder}/{name}.yaml" for name in ("values", "secrets.example", "objects")}
    assert set(changed.removed) == gone
    assert [path.name for path in (tmp_path / folder).iterdir()] == ["secrets.yaml"]


def test_a_folder_with_something_else_in_it_is_left_alone(fleet: Fleet, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(HubfleetError) as raised:
        written(fleet, tmp_path)
    assert str(raised.value) == (
        "error[not-a-rendering]: the folder holds something that `hubfleet render` did not write\n"
        f"  --> {tmp_path}\n"
        "  why: It has no list of files (rendered.json).\n"
        "  hint: name an empty folder, or one that an earlier rendering made"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_list_that_leads_out_of_the_folder_deletes_nothing(fleet: Fleet, tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("mine")
    folder = tmp_path / "out"
    written(fleet, folder)
    (folder / "rendered.json").write_text(json.dumps(["../outside.txt", str(outside)]))
    written(fleet, folder)
    assert outside.read_text() == "mine"


def test_the_helmfile_names_every_hub_with_its_cluster(fleet: Fleet, tmp_path: Path) -> None:
    written(fleet, tmp_path)
    helmfile = yaml.safe_load((tmp_path / "helmfile.yaml").read_text())
    releases = {one["name"]: one for one in helmfile["releases"]}
    assert set(releases) == {hub.replace("/", "-") for hub in fleet.hubs}
    prod = releases["reef-lab-prod"]
    assert prod["chart"] == "jupyterhub/jupyterhub"
    assert prod["kubeContext"] == "tide"
    assert prod["values"] == ["clusters/tide/reef-lab/prod/values.yaml"]
    assert prod["secrets"] == ["clusters/tide/reef-lab/prod/secrets.yaml"]
    for one in releases.values():
        for path in one["values"]:
            assert (tmp_path / path).is_file()


def test_an_application_set_for_each_cluster(fleet: Fleet, tmp_path: Path) -> None:
    written(fleet, tmp_path, GIT)
    found = yaml.safe_load((tmp_path / "argocd/tide.yaml").read_text())
    assert found["kind"] == "ApplicationSet"
    elements = found["spec"]["generators"][0]["list"]["elements"]
    assert [one["release"] for one in elements] == ["reef-lab-prod", "reef-lab-staging"]
    assert elements[0]["folder"] == "rendered/clusters/tide/reef-lab/prod"
    steps = found["spec"]["strategy"]["rollingSync"]["steps"]
    assert [step["matchExpressions"][0]["values"] for step in steps] == [
        ["staging"],
        ["production"],
    ]
    used = json.dumps(found["spec"]["template"])
    for key in elements[0]:
        assert f"{{{{.{key}}}}}" in used


def test_a_chart_of_the_fleets_own_is_copied(fleet: Fleet, tmp_path: Path) -> None:
    chart = tmp_path / "fleet" / "mine"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("name: mine\n")
    (chart / "templates/hub.yaml").write_text("{}\n")
    hub = hub_of({"chart": {"path": "mine"}})
    own = Fleet(tmp_path / "fleet", fleet.service, fleet.rollout, {"reef": cluster_of()}, {}, {})
    write_gitops(own, [hub], tmp_path / "out", GIT)
    assert (tmp_path / "out/charts/mine/templates/hub.yaml").read_text() == "{}\n"
    helmfile = yaml.safe_load((tmp_path / "out/helmfile.yaml").read_text())
    assert helmfile["releases"][0]["chart"] == "./charts/mine"
    argo = yaml.safe_load((tmp_path / "out/argocd/reef.yaml").read_text())
    (element,) = argo["spec"]["generators"][0]["list"]["elements"]
    assert (element["repository"], element["chartFolder"]) == (GIT.url, "rendered/charts/mine")


def test_a_mirror_by_oci() -> None:
    chart = {"repository": "oci://registry.example.org/charts", "version": "4.4.0"}
    one = Rendering(hub_of({"chart": chart}), cluster_of())
    assert one.repository == "oci://registry.example.org/charts"

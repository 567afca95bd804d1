"""Hubs that cannot run on a cluster as they are declared, and what has no effect there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hubfleet.platforms.kubernetes.rendering.fitting import hub_problems, notes
from hubfleet.platforms.kubernetes.rendering.schema import KnownRules
from tests.unit.rendering.hubs import cluster_of, hub_of


def said(fields: dict[str, Any], **cluster: str) -> list[str]:
    found = hub_problems(hub_of(fields), cluster_of(cluster), KnownRules(Path()))
    return [str(problem) for problem in found]


def test_packages_need_an_image() -> None:
    assert said({"environment": {"packages": ["numpy"]}}) == [
        "error[environment-needs-image]: `earth-lab/prod` needs an image for its `environment`\n"
        "  --> communities/earth-lab/hubs/prod.yaml:1:3\n"
        "  why: On Kubernetes people's software comes in container images.\n"
        "  hint: build one (repo2docker makes it from the same files) and write `image:` instead"
    ]


def test_a_further_environment_is_chosen_with_a_profile() -> None:
    image = {"image": "quay.io/rocker/r:4"}
    assert said({"environments": {"r": image}}) == [
        "error[environment-without-profile]: nobody can choose `environments.r`\n"
        "  --> communities/earth-lab/hubs/prod.yaml:1:3\n"
        "  why: On Kubernetes an image is chosen with a profile, not as a kernel.\n"
        "  hint: add a profile with `environment: r`"
    ]
    assert (
        said({"environments": {"r": image}, "profiles": [{"name": "R", "environment": "r"}]}) == []
    )


def test_shared_folders_that_somebody_asked_for_need_storage() -> None:
    assert said({"storage": {"shared": True}}) == [
        "error[no-shared-storage]: `earth-lab/prod` cannot have `storage.shared`\n"
        "  --> communities/earth-lab/hubs/prod.yaml:1:3\n"
        "  why: `reef` has no storage that many nodes mount at once.\n"
        "  hint: write `shared_storage_class:` in clusters/reef.yaml, or `storage.shared: false`"
    ]
    assert said({"storage": {"shared": True}}, shared_storage_class="nfs") == []
    assert said({}) == []


def test_the_values_are_checked_where_the_chart_is_known() -> None:
    values = {"helm_values": {"hub": {"replicas": 2}}}
    assert said({"chart": {"version": "9.9.9"}, **values}) == []
    (text,) = said({"chart": {"version": "4.4.0"}, **values})
    assert "the chart has no value `hub.replicas`" in text


def test_what_has_no_effect_is_told() -> None:
    assert list(notes(hub_of({"storage": {"snapshots": {"daily": 3}}}))) == [
        "`storage.snapshots.daily` has no effect on Kubernetes: "
        "the provider makes snapshots of its disks"
    ]
    assert list(notes(hub_of({}))) == []


def replaced(values: dict[str, Any]) -> list[str]:
    return said({"helm_values": values})


def test_hubfleets_own_code_is_not_replaced_in_silence() -> None:
    assert replaced({"hub": {"extraConfig": {"00-hubfleet": "pass"}}}) == [
        "error[our-code-replaced]: `helm_values` replaces `hub.extraConfig.00-hubfleet` of "
        "`earth-lab/prod`\n"
        "  --> communities/earth-lab/hubs/prod.yaml:1:3\n"
        "  why: hubfleet's own code stands there: without it a last day would not end, and "
        "profiles of a group would be offered to everybody.\n"
        "  hint: write yours under another key of `hub.extraConfig`, such as `50-mine`"
    ]
    refused: tuple[dict[str, Any], ...] = (
        {"hub": {"extraConfig": "pass"}},
        {"hub": {"extraConfig": ["pass"]}},
        {"hub": []},
        {"custom": {"hubfleet": {"until": None}}},
        {"custom": {"hubfleet": {"groups": {"x": ["bo"]}}}},
        {"custom": "x"},
    )
    for values in refused:
        assert any("our-code-replaced" in text for text in replaced(values)), values
    free: tuple[dict[str, Any], ...] = (
        {"hub": {"extraConfig": {"50-mine": "pass"}}},
        {"hub": {"extraConfig": {}}},
        {"hub": {"extraConfigs": "pass"}},
        {"custom": {"theirs": 1}},
    )
    for values in free:
        assert not any("our-code-replaced" in text for text in replaced(values)), values

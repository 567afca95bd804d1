"""From a folder to a fleet: what comes out, and what a folder that is none says."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.fleets import write_fleet
from hubfleet.fleet.load import FleetErrors, find_root, load_fleet
from hubfleet.fleet.model import Fleet, HubValues
from hubfleet.fleet.responsibilities import RESPONSIBILITIES
from hubfleet.fleet.traits import known_traits
from hubfleet.kit.errors import HubfleetError
from tests.unit.fleet.jupyterhub_traits import installed_traits

GOOD = Path(__file__).parents[2] / "cases" / "good"


def test_every_effective_value_says_where_it_comes_from():
    hub = load_fleet(GOOD).hubs["earth/prod"]
    origins = {
        key: (effective.value, effective.layer, str(effective.place))
        for key, effective in hub.effective.items()
        if effective.layer != "product"
    }

    profiles = origins.pop("profiles")
    assert profiles[1:] == ("hub", "communities/earth/hubs/prod.yaml:7:1")
    assert origins == {
        "cluster": ("reef", "fleet", "fleet.yaml:8:3"),
        "stage": ("production", "hub", "communities/earth/hubs/prod.yaml:1:1"),
        "gate": ("earth/staging", "computed", "None"),
        "domain": ("prod-earth.hubs.example.org", "computed", "fleet.yaml:5:3"),
        "title": ("Earth Lab (prod)", "computed", "communities/earth/community.yaml:1:1"),
        "timezone": ("Europe/Berlin", "computed", "fleet.yaml:6:3"),
        "access.sign_in": ("shared-password", "fleet", "fleet.yaml:10:12"),
        "access.admins": (["ada"], "hub", "communities/earth/hubs/prod.yaml:3:3"),
        "access.allow.groups": (["researchers"], "hub", "communities/earth/hubs/prod.yaml:4:11"),
        "groups.researchers": (["ada", "ben"], "community", "communities/earth/community.yaml:9:5"),
        "limits.memory": ("2G", "hub", "communities/earth/hubs/prod.yaml:6:3"),
        "limits.cpu": (2.0, "cluster", "clusters/reef.yaml:4:12"),
    }


def test_values_and_effective_values_agree():
    for hub in load_fleet(GOOD).hubs.values():
        assert isinstance(hub.values, HubValues)
        assert hub.values.domain == hub.domain == hub.effective["domain"].value
        assert hub.values.gate == hub.effective["gate"].value


def test_a_gate_that_another_community_lends_is_named_in_full():
    fleet = load_fleet(GOOD)

    assert fleet.hubs["moon/class"].gate == "earth/staging"
    assert fleet.hubs["earth/staging"].gate is None
    assert fleet.communities["earth"].hubs == ("earth/prod", "earth/staging")


def test_gate_none_is_kept_as_the_declared_word(tmp_path: Path):
    hub = load_fleet(write_fleet(tmp_path, hubs=1)).hubs["community-0/hub-0"]

    assert hub.gate is None
    assert hub.effective["gate"].value == "none"


def test_the_traitlets_pass_through_is_flat_down_to_the_trait(tmp_path: Path):
    hub = load_fleet(write_fleet(tmp_path, hubs=1)).hubs["community-0/hub-0"]

    value = hub.effective["jupyterhub.config.JupyterHub.concurrent_spawn_limit"]
    assert (value.value, str(value.place)) == (
        10,
        "communities/community-0/hubs/hub-0.yaml:15:18",
    )


def test_a_null_brings_the_product_default_back(tmp_path: Path):
    root = write_fleet(tmp_path, hubs=1)
    file = root / "communities/community-0/hubs/hub-0.yaml"
    file.write_text(file.read_text().replace("limits: {memory: 2G}", "limits:", 1))

    effective = load_fleet(root).hubs["community-0/hub-0"].effective
    assert (effective["limits.memory"].value, effective["limits.memory"].layer) == ("1G", "product")
    assert (effective["limits.cpu"].value, effective["limits.cpu"].layer) == (1.0, "product")


def test_errors_still_count_what_is_declared(tmp_path: Path):
    root = write_fleet(tmp_path, hubs=7, clusters=2, communities=3)
    (root / "fleet.yaml").write_text("service: []\n")

    with pytest.raises(FleetErrors) as raised:
        load_fleet(root)
    counts = raised.value
    assert (counts.hubs, counts.clusters, counts.communities) == (7, 2, 3)


def test_a_fault_in_a_shared_layer_is_told_once(tmp_path: Path):
    root = write_fleet(tmp_path, hubs=20, clusters=1, communities=2)
    file = root / "fleet.yaml"
    file.write_text(file.read_text().replace("memory: 1G", "memory: lots"))

    with pytest.raises(FleetErrors) as raised:
        load_fleet(root)
    assert [str(problem.place) for problem in raised.value.problems] == ["fleet.yaml:10:12"]


def test_the_root_is_the_nearest_folder_upwards():
    assert find_root(GOOD / "communities" / "earth" / "hubs") == GOOD


def test_an_empty_folder_is_not_a_fleet(tmp_path: Path):
    for act in (find_root, load_fleet):
        with pytest.raises(HubfleetError) as raised:
            act(tmp_path)
        assert str(raised.value) == (
            "error[not-a-fleet]: the folder is empty\n"
            f"  --> {tmp_path}\n"
            "  why: A fleet is a folder with a file fleet.yaml in it.\n"
            "  hint: run `hubfleet init` to begin one here, or name another with --fleet"
        )


def test_a_folder_with_something_else_is_not_a_fleet(tmp_path: Path):
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(HubfleetError, match="the folder is not a fleet"):
        find_root(tmp_path)


def test_a_folder_that_is_missing_says_so(tmp_path: Path):
    for act in (find_root, load_fleet):
        with pytest.raises(HubfleetError, match="there is no folder"):
            act(tmp_path / "nowhere")


def test_links_out_of_the_fleet_are_refused_and_links_inside_are_not(tmp_path: Path):
    root = write_fleet(tmp_path / "fleet", hubs=1)
    (tmp_path / "outside.yaml").write_text("platform: local\n")
    (root / "clusters" / "twin.yaml").symlink_to("cluster-0.yaml")
    assert "twin" in load_fleet(root).clusters

    (root / "clusters" / "far.yaml").symlink_to(tmp_path / "outside.yaml")
    with pytest.raises(FleetErrors) as raised:
        load_fleet(root)
    assert [(p.code, str(p.place)) for p in raised.value.problems] == [
        ("link-leads-out", "clusters/far.yaml")
    ]


def test_notes_and_environments_are_left_alone(tmp_path: Path):
    root = write_fleet(tmp_path, hubs=1)
    for name in ("README.md", "clusters/README.md", "clusters/.gitkeep", "Makefile"):
        (root / name).write_text("x")
    environment = root / "communities/community-0/environment"
    environment.mkdir()
    (environment / "anything.txt").write_text("x")

    assert isinstance(load_fleet(root), Fleet)


def test_the_known_traitlets_are_those_of_the_installed_jupyterhub():
    installed = installed_traits()["classes"]

    assert known_traits() == installed


def test_there_are_twenty_responsibilities_with_names_of_their_own():
    assert [item.number for item in RESPONSIBILITIES] == list(range(1, 21))
    assert len({item.slug for item in RESPONSIBILITIES}) == 20
    owners = [item.default_owner for item in RESPONSIBILITIES]
    assert owners == ["community"] * 9 + ["shared"] + ["operator"] * 10

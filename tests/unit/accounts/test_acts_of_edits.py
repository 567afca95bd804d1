"""Which acts an edit is: no field is changed by whoever may change another."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubfleet.fleet.edits.edit import (
    AddAdmin,
    AllowUser,
    ClearField,
    SetField,
    SetRepresentatives,
    SetResponsibility,
)
from hubfleet.fleet.model import HubValues
from hubfleet.office.accounts.actions import Action
from hubfleet.office.changes.rights import acts_of
from tests.fleets import write_fleet

A = Action
PROFILES = [{"name": "S"}, {"name": "L", "limits": {"memory": "4G"}}]


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory):
    return write_fleet(tmp_path_factory.mktemp("fleet"), {"ant/prod": {"profiles": PROFILES}})


@pytest.mark.parametrize(
    ("edit", "acts"),
    [
        (AddAdmin("ant/prod", "x"), {A.MANAGE_ADMINS}),
        (AllowUser("ant/prod", "x"), {A.MANAGE_USERS}),
        (SetResponsibility("ant", "support-users", "shared"), {A.CHANGE_RESPONSIBILITIES}),
        (SetRepresentatives("ant", ()), {A.CHANGE_REPRESENTATIVES}),
        (SetField("ant/prod", "limits.memory", "2G"), {A.CHANGE_LIMITS}),
        (SetField("ant/prod", "access.everyone", True), {A.CHANGE_ACCESS}),
        (SetField("ant/prod", "access.admins", ["x"]), {A.MANAGE_ADMINS}),
        (
            SetField("ant/prod", "access", {"admins": ["x"], "allow": {"users": ["y"]}}),
            {A.MANAGE_ADMINS, A.MANAGE_USERS},
        ),
        (
            SetField("ant/prod", "access", {"everyone": True, "admins": ["x"]}),
            {A.MANAGE_ADMINS, A.CHANGE_ACCESS},
        ),
        (SetField("ant/prod", "environment.packages", ["x"]), {A.CHANGE_ENVIRONMENT}),
        (SetField("ant/prod", "environment", {"image": "x:1"}), {A.CHANGE_COMPLEX_ENVIRONMENT}),
        (SetField("ant/prod", "profiles", PROFILES[:1]), {A.CHANGE_PROFILES}),
        (SetField("ant/prod", "profiles", PROFILES), {A.CHANGE_PROFILES}),
        (
            SetField("ant/prod", "profiles", [{"name": "X", "limits": {"memory": "9T"}}]),
            {A.CHANGE_PROFILES, A.CHANGE_LIMITS},
        ),
        (
            SetField(
                "ant/prod",
                "profiles",
                [{"name": "X", "options": [{"choices": [{"guarantees": {"cpu": 64}}]}]}],
            ),
            {A.CHANGE_PROFILES, A.CHANGE_LIMITS},
        ),
        (
            SetField("ant/prod", "jupyterhub", {"config": {"Spawner": {"cmd": ["x"]}}}),
            {A.MANAGE_CLUSTER},
        ),
        (SetField("ant/prod", "storage.shared", True), {A.CHANGE_CONFIGURATION}),
        (SetField("ant/prod", "storage", {"home_quota": "1T"}), {A.CHANGE_LIMITS}),
        (ClearField("ant/prod", "limits"), {A.CHANGE_LIMITS}),
    ],
)
def test_an_edit_asks_for_all_that_it_changes(fleet, edit, acts) -> None:
    assert set(acts_of(edit, fleet)) == acts


def test_clearing_a_whole_mapping_asks_for_everything_in_it(fleet) -> None:
    acts = set(acts_of(ClearField("ant/prod", "access"), fleet))
    assert {A.MANAGE_ADMINS, A.MANAGE_USERS, A.CHANGE_ACCESS} <= acts


def test_no_field_is_free(fleet) -> None:
    for key in HubValues.model_fields:
        assert acts_of(SetField("ant/prod", key, None), fleet), key
        assert acts_of(ClearField("ant/prod", key), fleet), key


def test_clearing_what_nobody_declares_asks_too(tmp_path: Path) -> None:
    fleet = write_fleet(tmp_path, {"ant/prod": {}})
    assert acts_of(ClearField("ant/prod", "helm_values"), fleet) == (A.MANAGE_CLUSTER,)
    assert acts_of(ClearField("no/hub", "gate"), fleet) == (A.MANAGE_CLUSTER,)

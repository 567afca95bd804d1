"""Edits become changes of the right files; what the fleet would not show is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubfleet.fleet.edits.edit import (
    AddAdmin,
    AllowUser,
    ClearField,
    DisallowUser,
    Edit,
    RemoveAdmin,
    SetField,
    SetRepresentatives,
    SetResponsibility,
    explain,
    subject,
)
from hubfleet.fleet.edits.making import changed_files, without_effect
from hubfleet.fleet.load import load_fleet
from hubfleet.fleet.model import Fleet, Representative
from hubfleet.kit.errors import HubfleetError
from tests.fleets import write_fleet

HUB = "communities/ant/hubs/prod.yaml"
COMMUNITY = "communities/ant/community.yaml"
BEA = Representative(name="Bea: #1", email="bea@example.org", login="bea")


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    return write_fleet(tmp_path, {"ant/prod": {"title": "Ants"}, "bee/prod": {}})


def edited(fleet: Fleet, *edits: Edit) -> Fleet:
    """The fleet after the edits, loaded as any other."""
    for change in changed_files(edits, fleet, lambda name: (fleet.root / name).read_text()):
        assert (fleet.root / change.file).read_text() == change.old
        (fleet.root / change.file).write_text(change.new)
    return load_fleet(fleet.root)


def text(fleet: Fleet, file: str) -> str:
    return (fleet.root / file).read_text()


def test_a_new_admin_joins_those_that_lower_layers_name(fleet: Fleet) -> None:
    after = edited(fleet, AddAdmin("ant/prod", " Bea "))
    assert text(after, HUB) == "title: Ants\naccess: {admins: [ada, bea]}\n"
    assert after.hubs["ant/prod"].values.access.admins == ("ada", "bea")
    assert after.hubs["bee/prod"].values.access.admins == ("ada",)


def test_several_edits_of_one_file_are_one_change(fleet: Fleet) -> None:
    after = edited(
        fleet,
        AddAdmin("ant/prod", "bea"),
        AddAdmin("ant/prod", "cem"),
        RemoveAdmin("ant/prod", "ada"),
        AllowUser("ant/prod", "dot"),
        DisallowUser("ant/prod", "bo"),
        SetField("ant/prod", "limits.memory", "2G"),
    )
    access = after.hubs["ant/prod"].values.access
    assert access.admins == ("bea", "cem")
    assert access.allow.users == ("cy", "dot")
    assert after.hubs["ant/prod"].values.limits.memory == "2G"


def test_adding_and_removing_gives_the_same_people(fleet: Fleet) -> None:
    after = edited(fleet, AddAdmin("ant/prod", "bea"))
    again = edited(after, RemoveAdmin("ant/prod", "bea"))
    assert again.hubs["ant/prod"].values == fleet.hubs["ant/prod"].values


def test_a_cleared_field_is_what_lower_layers_say(fleet: Fleet) -> None:
    after = edited(fleet, SetField("ant/prod", "limits", {"memory": "2G", "cpu": 2}))
    assert after.hubs["ant/prod"].values.limits.cpu == 2
    assert edited(after, ClearField("ant/prod", "limits")).hubs["ant/prod"].values.limits.cpu == 1


def test_a_responsibility_changes_with_its_note_and_back(fleet: Fleet) -> None:
    slug = "respond-to-incidents"
    after = edited(fleet, SetResponsibility("ant", slug, "shared", "Office hours:\n#1"))
    file = after.communities["ant"].file
    assert file.responsibilities == {slug: "shared"}
    assert file.responsibility_notes == {slug: "Office hours: #1"}
    again = edited(after, SetResponsibility("ant", slug, None, ""))
    assert text(again, COMMUNITY) == text(fleet, COMMUNITY)


def test_representatives_change_together(fleet: Fleet) -> None:
    after = edited(fleet, SetRepresentatives("ant", (BEA,)))
    assert after.communities["ant"].file.representatives == (BEA,)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (
            AddAdmin("ant/prod", "ada"),
            "error[nothing-to-change]: the declaration says so already\n"
            "  why: Make ada an admin of ant/prod.\n"
            "  hint: nothing needs to be done",
        ),
        (
            AddAdmin("ant/prd", "bea"),
            "error[no-such-hub]: there is no hub `ant/prd`\n  hint: did you mean `ant/prod`?",
        ),
        (
            AddAdmin("../../etc/passwd", "bea"),
            "error[no-such-hub]: there is no hub `../../etc/passwd`\n"
            "  hint: `hubfleet status` lists them",
        ),
        (
            SetResponsibility("cow", "support-users", "shared"),
            "error[no-such-community]: there is no community `cow`\n"
            "  hint: they are the folders in communities/",
        ),
        (
            SetResponsibility("ant", "support-user", "shared"),
            "error[no-such-responsibility]: there is no responsibility `support-user`\n"
            "  hint: did you mean `support-users`?",
        ),
        (
            SetField("ant/prod", "limit.memory", "2G"),
            "error[no-such-field]: no hub has a field `limit.memory`\n"
            "  hint: did you mean `limits`?",
        ),
    ],
)
def test_what_cannot_be_changed_says_why(fleet: Fleet, edit: Edit, message: str) -> None:
    with pytest.raises(HubfleetError) as caught:
        changed_files([edit], fleet, lambda name: text(fleet, name))
    assert str(caught.value) == message


def test_an_edit_that_the_fleet_does_not_show_is_found(fleet: Fleet) -> None:
    hidden: list[Edit] = [
        AddAdmin("ant/prod", "bea"),
        RemoveAdmin("ant/prod", "ada"),
        AllowUser("ant/prod", "zoe"),
        DisallowUser("ant/prod", "bo"),
        SetField("ant/prod", "limits.memory", "4G"),
        SetResponsibility("ant", "support-users", "shared"),
        SetRepresentatives("ant", (BEA,)),
    ]
    assert without_effect(hidden, fleet) == tuple(hidden)
    for edit in hidden:
        assert without_effect([edit], edited(fleet, edit)) == ()


@pytest.mark.parametrize(
    ("edit", "sentence", "about"),
    [
        (SetField("a/b", "limits.cpu", 2), "Set limits.cpu of a/b to 2", "a/b"),
        (ClearField("a/b", "limits"), "Leave limits of a/b to the layers below", "a/b"),
        (AddAdmin("a/b", "x"), "Make x an admin of a/b", "a/b"),
        (RemoveAdmin("a/b", "x"), "Take the admin rights of x on a/b", "a/b"),
        (AllowUser("a/b", "x"), "Let x use a/b", "a/b"),
        (DisallowUser("a/b", "x"), "No longer let x use a/b", "a/b"),
        (SetResponsibility("a", "i", "shared"), "Give i of a to both", "a"),
        (SetResponsibility("a", "i", None), "Give i of a back to the default split", "a"),
        (SetRepresentatives("a", (BEA,)), "Let Bea: #1 speak for a", "a"),
    ],
)
def test_every_edit_has_a_sentence(edit: Edit, sentence: str, about: str) -> None:
    assert explain(edit) == sentence
    assert subject(edit) == about
    assert len(explain(SetField("a/b", "title", "x\n" * 500))) == 100

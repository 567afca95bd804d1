"""Logins: what people may choose, and what the declaration keeps for somebody."""

from __future__ import annotations

import pytest

from hubfleet.fleet.model import HubValues
from hubfleet.office.accounts.logins import (
    declared_addresses,
    may_be_chosen,
    may_be_given,
    one_spelling,
    reserved,
)
from tests.unit.accounts.matrix import a_hub, fleet, with_hub


@pytest.mark.parametrize("login", ["ada", "ada.example", "ada-2", "a", "x" * 64, "a_b.c-d"])
def test_good_logins(login):
    assert may_be_chosen(login)


@pytest.mark.parametrize(
    "login",
    [
        "", "Ada", "2ada", "-ada", "ada-", "a..b", "a b", "ada@example.org", "a/b", "..", "x" * 65,
        "\u0430da", "ada\n", "hubfleet-probe", "root", "admin", "hubfleet",
    ],
)  # fmt: skip
def test_logins_that_nobody_may_choose(login):
    assert not may_be_chosen(login)


def test_an_invitation_may_carry_what_a_declaration_may_say():
    assert may_be_given("ada@example.org")
    assert may_be_given("admin")
    for login in ("a/b", ".ada", "hubfleet-probe", "root", "Ada", "a\nb", "x" * 151):
        assert not may_be_given(login), login


def test_names_of_the_declaration_are_reserved_with_who_names_them():
    values = HubValues.model_validate(
        {
            "access": {"admins": ["ada", "bo"], "allow": {"users": ["cy"], "groups": ["g"]}},
            "groups": {"g": ["di"]},
        }
    )
    found = reserved(with_hub(fleet(), a_hub("bee/prod", values)))
    assert found == {
        "ada": {"ant", "bee"},
        "zoe": {"bee"},
        "bo": {"bee"},
        "cy": {"bee"},
        "di": {"bee"},
    }
    assert declared_addresses("ada", fleet()) == {"ada@example.org"}
    assert declared_addresses("bo", fleet()) == frozenset()
    assert one_spelling("  Ada ") == "ada"

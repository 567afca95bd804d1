"""Profiles as values: who may choose which, what a choice comes to, the same for KubeSpawner."""

from __future__ import annotations

from typing import Any

import pytest

from hubfleet.fleet.model import HubValues, Profile
from hubfleet.fleet.profiles import (
    ForbiddenChoiceError,
    allowed_profiles,
    default_of,
    profile_list,
    slug,
    terms,
)

MEMORY = {
    "name": "Memory",
    "choices": [
        {"name": "4 GB", "default": True},
        {"name": "16 GB", "limits": {"memory": "16G"}, "guarantees": {"memory": "8G"}},
    ],
}
LARGE: dict[str, Any] = {
    "name": "Large (CPU)",
    "description": "for the model runs",
    "limits": {"memory": "4G", "cpu": 4},
    "guarantees": {"cpu": 1},
    "interface": "notebook",
    "groups": ["researchers"],
    "options": [MEMORY],
}


def _values(*profiles: dict[str, Any], **values: Any) -> HubValues:
    return HubValues.model_validate({**values, "profiles": profiles})


def _asked(values: HubValues, **asked: Any) -> str:
    found = terms(values, values.profiles, asked)
    guarantees = found.guarantees
    return (
        f"{found.limits.memory} {found.limits.cpu:g} of them {guarantees.memory} {guarantees.cpu} "
        f"{found.interface}"
    )


def test_the_same_list_in_kubespawners_words() -> None:
    assert profile_list(_values({"name": "Small"}, LARGE)) == [
        {
            "display_name": "Small",
            "slug": "small",
            "default": True,
            "kubespawner_override": {},
        },
        {
            "display_name": "Large (CPU)",
            "slug": "large-cpu",
            "description": "for the model runs",
            "default": False,
            "kubespawner_override": {
                "mem_limit": "4G",
                "cpu_limit": 4,
                "cpu_guarantee": 1,
                "default_url": "/tree",
            },
            "allowed_groups": ["researchers"],
            "profile_options": {
                "memory": {
                    "display_name": "Memory",
                    "choices": {
                        "4-gb": {
                            "display_name": "4 GB",
                            "default": True,
                            "kubespawner_override": {},
                        },
                        "16-gb": {
                            "display_name": "16 GB",
                            "default": False,
                            "kubespawner_override": {"mem_limit": "16G", "mem_guarantee": "8G"},
                        },
                    },
                }
            },
        },
    ]


def test_no_profiles_are_an_empty_list() -> None:
    assert profile_list(HubValues()) == []


def test_each_layer_of_a_choice_changes_only_what_it_names() -> None:
    values = _values({"name": "Small"}, LARGE, guarantees={"memory": "256M"})
    assert _asked(values) == "1G 1 of them 256M None lab"
    assert _asked(values, profile="large-cpu") == "4G 4 of them 256M 1.0 notebook"
    assert _asked(values, profile="large-cpu", memory="16-gb") == "16G 4 of them 8G 1.0 notebook"


def test_a_choice_may_bring_an_environment_of_its_own() -> None:
    choices = [{"name": "Old", "environment": "2024", "default": True}, {"name": "New"}]
    profile = {"name": "A", "environment": "now", "options": [{"name": "Era", "choices": choices}]}
    values = _values(profile)
    assert terms(values, values.profiles, {}).environment == "2024"
    assert terms(values, values.profiles, {"era": "new"}).environment == "now"
    assert terms(HubValues(), (), {}).environment is None


def test_profiles_are_offered_to_their_groups_and_the_default_is_chosen() -> None:
    small, large = Profile(name="Small"), Profile(name="Large", groups=("class",), default=True)
    assert allowed_profiles((small, large), ()) == (small,)
    assert allowed_profiles((small, large), ("class",)) == (small, large)
    assert default_of((small, large)) is large
    assert default_of((small,)) is small


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (
            {"profile": "huge"},
            "There is no profile 'huge' for you. Your profiles: small, large-cpu.",
        ),
        ({"profile": ""}, "There is no profile '' for you. Your profiles: small, large-cpu."),
        ({"profile": ["small"]}, "There is no profile ['small'] for you. "),
        ({"profile": {"a": 1}}, "There is no profile {'a': 1} for you. "),
        ({"profile": "small", "memory": "16-gb"}, "Nothing called 'memory' can be chosen here."),
        ({"mem_limit": 10**12}, "Nothing called 'mem_limit' can be chosen here."),
        (
            {"profile": "large-cpu", "memory": "64-gb"},
            "'Memory' cannot be '64-gb'. Your choices: 4-gb, 16-gb.",
        ),
        ({"profile": "large-cpu", "memory": True}, "'Memory' cannot be True. "),
        ({"profile": "x" * 5000}, f"There is no profile '{'x' * 39}... for you. "),
    ],
)
def test_what_is_not_offered_cannot_be_chosen(asked: dict[str, Any], why: str) -> None:
    values = _values({"name": "Small"}, LARGE)
    with pytest.raises(ForbiddenChoiceError) as refused:
        terms(values, values.profiles, asked)
    assert str(refused.value).startswith(why)


def test_nothing_can_be_chosen_where_nothing_is_offered() -> None:
    with pytest.raises(ForbiddenChoiceError, match="Your profiles: none"):
        terms(HubValues(), (), {"profile": "small"})


@pytest.mark.parametrize(
    ("name", "short"), [("Large (8 GB)", "large-8-gb"), ("GPU", "gpu"), ("✨", "profile")]
)
def test_a_name_has_a_slug(name: str, short: str) -> None:
    assert slug(name) == short

"""Profiles and other named things in a plan, as people read them."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from hubfleet.fleet.model import Profile
from hubfleet.planning.wording import changes, shown

CHOICES = [{"name": "8 GB", "default": True}, {"name": "16 GB", "limits": {"memory": "16G"}}]


def profiles(*declared: Mapping[str, object]) -> list[dict[str, object]]:
    """As they stand in a hub's effective values."""
    return [Profile.model_validate(dict(one)).model_dump(mode="json") for one in declared]


def test_a_new_hubs_profiles_are_named() -> None:
    assert shown(profiles({"name": "Small"}, {"name": "Large"})) == "Small, Large"


def test_only_what_changed_in_a_profile_is_told() -> None:
    large = {"name": "Large", "limits": {"memory": "4G"}, "groups": ["staff"]}
    more = {"name": "Large", "limits": {"memory": "8G"}, "groups": ["staff", "guests"]}
    old = profiles({"name": "Small", "default": True}, large, {"name": "Old"})
    new = profiles({"name": "Small", "default": True}, more, {"name": "Huge"})
    assert changes(old, new) == [
        "Huge: added",
        "Old: removed",
        "Large: limits.memory 4G -> 8G",
        'Large: groups ["staff"] -> ["staff", "guests"]',
    ]


def test_a_changed_choice_is_told_with_its_option() -> None:
    old = profiles({"name": "Large", "options": [{"name": "Memory", "choices": CHOICES}]})
    new = profiles({"name": "Large", "options": [{"name": "Memory", "choices": CHOICES[:1]}]})
    assert changes(old, new) == ["Large: options: Memory: choices: 16 GB: removed"]


def test_another_order_is_told_as_such() -> None:
    one, two = profiles({"name": "Small"}, {"name": "Large"})
    assert changes([one, two], [two, one]) == ["order: Small, Large -> Large, Small"]


def test_other_values_are_told_whole() -> None:
    assert changes("1G", "2G") == ["1G -> 2G"]
    assert changes(None, ["ada"]) == ['- -> ["ada"]']
    assert changes([], ["ada"]) == ['[] -> ["ada"]']
    assert changes(True, False) == ["true -> false"]


NAMED = st.lists(
    st.fixed_dictionaries({"name": st.sampled_from("abcd"), "x": st.integers(0, 2)}),
    unique_by=lambda one: one["name"],
    max_size=4,
)


@given(NAMED, NAMED)
def test_whatever_differs_is_told(old: list[dict[str, object]], new: list[dict[str, object]]):
    assert bool(old != new) <= bool(changes(old, new))

"""Profiles as KubeSpawner's `profileList`.

KubeSpawner knows no groups: `allowed_groups` is read by `inside/declared.py`, which leaves out
what a person may not use, in the form and in the API alike. KubeSpawner writes names and
descriptions into its page as they are, so they are made safe here.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from hubfleet.fleet.model import Choice, Guarantees, HubValues, Profile
from hubfleet.fleet.profiles import default_of, slug, url_of
from hubfleet.kit.units import parse_memory
from hubfleet.platforms.kubernetes.rendering.amounts import least


def profile_list(values: HubValues) -> list[dict[str, Any]]:
    """In the declared order."""
    return [_profile(profile, values) for profile in values.profiles]


def _profile(profile: Profile, values: HubValues) -> dict[str, Any]:
    found: dict[str, Any] = {"display_name": escape(profile.name), "slug": slug(profile.name)}
    if profile.description:
        found["description"] = escape(profile.description)
    found["default"] = profile is default_of(values.profiles)
    override = _override(profile, values, ())
    if profile.interface is not None:
        override["default_url"] = url_of(profile.interface)
    found["kubespawner_override"] = override
    if profile.groups:
        found["allowed_groups"] = list(profile.groups)
    if profile.options:
        found["profile_options"] = {
            slug(option.name): {
                "display_name": escape(option.name),
                "choices": {
                    slug(choice.name): {
                        "display_name": escape(choice.name),
                        "default": choice is default_of(option.choices),
                        "kubespawner_override": _override(choice, values, (profile,)),
                    }
                    for choice in option.choices
                },
            }
            for option in profile.options
        }
    return found


def _override(by: Profile | Choice, values: HubValues, before: Sequence[Profile]) -> dict[str, Any]:
    override: dict[str, Any] = {
        "mem_limit": by.limits.memory,
        "mem_guarantee": by.guarantees.memory,
        "cpu_limit": by.limits.cpu,
        "cpu_guarantee": by.guarantees.cpu,
    }
    override = {key: value for key, value in override.items() if value is not None}
    declared = [*(profile.guarantees for profile in before), by.guarantees]
    override |= _lowered(by, values, declared)
    image = _image(by, values)
    return override | ({"image": image} if image else {})


def _lowered(
    by: Profile | Choice, values: HubValues, declared: Sequence[Guarantees]
) -> dict[str, Any]:
    """A limit below what the hub's servers get for certain takes that down with it."""
    lowered: dict[str, Any] = {}
    usual_memory, usual_cpu = least(values.limits, values.guarantees)
    memory, cpu = by.limits.memory, by.limits.cpu
    if memory and parse_memory(memory) < parse_memory(usual_memory):
        lowered["mem_guarantee"] = memory
    if cpu and cpu < usual_cpu:
        lowered["cpu_guarantee"] = cpu
    if any(one.memory for one in declared):
        lowered.pop("mem_guarantee", None)
    if any(one.cpu for one in declared):
        lowered.pop("cpu_guarantee", None)
    return lowered


def _image(by: Profile | Choice, values: HubValues) -> str | None:
    environment = values.environments.get(by.environment or "")
    return environment.image if environment else None

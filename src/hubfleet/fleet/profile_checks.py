"""What is wrong with profiles: names that cannot be told apart, defaults, amounts, for nobody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hubfleet.fleet.drafts import Draft
from hubfleet.fleet.layers import Setting, Settings
from hubfleet.fleet.model import Profile
from hubfleet.fleet.profiles import every_terms, slug
from hubfleet.fleet.words import nearest
from hubfleet.kit.errors import Problem
from hubfleet.kit.units import parse_memory

Path = tuple[str | int, ...]

_WORDS = {"memory": "memory", "cpu": "CPU"}


def profile_problems(settings: Settings) -> Iterator[Problem]:
    """What is wrong with the profiles of one file, by themselves."""
    setting = settings.get(("profiles",))
    if setting is None or not setting.value:
        return
    yield from _names(setting, setting.value, (), "profile", code="duplicate-profile")
    yield from _two_defaults(setting, setting.value, (), "profile", code="two-default-profiles")
    for number, profile in enumerate(setting.value):
        options = profile.get("options") or ()
        yield from _names(setting, options, (number, "options"), "option", code="duplicate-option")
        for place, option in enumerate(options):
            yield from _option(setting, option, (number, "options", place))


def _names(
    setting: Setting, items: Sequence[Mapping[str, Any]], path: Path, kind: str, *, code: str
) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for index, item in enumerate(items):
        name = item["name"].strip()
        other = seen.setdefault(slug(name), name)
        if index and slug(name) in {slug(i["name"]) for i in items[:index]}:
            alike = name.casefold() == other.casefold()
            yield Problem(
                code,
                f"two {kind}s are called `{name}`"
                if alike
                else f"the {kind}s `{other}` and `{name}` cannot be told apart",
                setting.place_of(*path, index, "name"),
                "" if alike else f"Scripts and forms call both of them `{slug(name)}`.",
                f"give each {kind} a name of its own",
            )
        elif kind == "option" and slug(name) == "profile":
            yield Problem(
                "reserved-option",
                "an option cannot be called `profile`",
                setting.place_of(*path, index, "name"),
                "In forms and scripts that word stands for the profile itself.",
                "give the option another name",
            )


def _two_defaults(
    setting: Setting, items: Sequence[Mapping[str, Any]], path: Path, kind: str, *, code: str
) -> Iterator[Problem]:
    default = None
    for index, item in enumerate(items):
        if not item.get("default"):
            continue
        if default is not None:
            yield Problem(
                code,
                f"`{item['name'].strip()}` is a second default {kind}",
                setting.place_of(*path, index, "default"),
                f"`{default}` is the default already.",
                "keep `default: true` on one of them",
            )
        default = default or item["name"].strip()


def _option(setting: Setting, option: Mapping[str, Any], path: Path) -> Iterator[Problem]:
    choices = option["choices"]
    inner = (*path, "choices")
    yield from _names(setting, choices, inner, "choice", code="duplicate-choice")
    yield from _two_defaults(setting, choices, inner, "choice", code="two-default-choices")
    if not any(choice.get("default") for choice in choices):
        yield Problem(
            "option-without-default",
            f"the option `{option['name'].strip()}` has no default",
            setting.place_of(*path, "name"),
            "Nobody could tell what a person gets who does not choose.",
            "write `default: true` on one of its choices",
        )


def hub_profile_problems(draft: Draft) -> Iterator[Problem]:
    """What is wrong with a hub's profiles together with its limits and groups."""
    if not draft.sound:
        return
    yield from _environments(draft)
    for number, profile in enumerate(draft.values.profiles):
        if _for_nobody(draft, profile):
            yield Problem(
                "profile-for-nobody",
                f"nobody may use the profile `{profile.name}`",
                draft.place_of("profiles", number, "groups"),
                f"No group of it has a member on `{draft.name}`.",
                "add members to one of its groups, or remove the profile",
            )
    yield from _guarantees(draft)


def _guarantees(draft: Draft) -> Iterator[Problem]:
    """More guaranteed than allowed, said once: not again for what inherits it."""
    said: list[tuple[str, Path]] = []
    for path, terms in every_terms(draft.values):
        limits, guarantees = terms.limits, terms.guarantees
        amounts = {
            "memory": (_bytes(guarantees.memory), _bytes(limits.memory)),
            "cpu": (guarantees.cpu, limits.cpu),
        }
        for key, (least, most) in amounts.items():
            inherited = any(key == other and path[: len(at)] == at for other, at in said)
            if least is None or most is None or least <= most or inherited:
                continue
            said.append((key, path))
            yield Problem(
                "guarantee-over-limit",
                f"more {_WORDS[key]} is guaranteed than allowed",
                draft.place_of(*path, "guarantees", key),
                f"{getattr(guarantees, key)} is guaranteed, the limit is {getattr(limits, key)}.",
                "lower the guarantee, or raise the limit",
            )


def _environments(draft: Draft) -> Iterator[Problem]:
    known = draft.values.environments
    for number, profile in enumerate(draft.values.profiles):
        named: list[tuple[Path, str | None]] = [(("profiles", number), profile.environment)]
        for place, option in enumerate(profile.options):
            inner = ("profiles", number, "options", place, "choices")
            named += [((*inner, i), choice.environment) for i, choice in enumerate(option.choices)]
        for path, name in named:
            if name is not None and name not in known:
                near = nearest(name, list(known))
                yield Problem(
                    "unknown-environment",
                    f"there is no environment `{name}`",
                    draft.place_of(*path, "environment"),
                    f"`{draft.name}` does not declare it.",
                    f"did you mean `{near}`?" if near else f"add `{name}` to `environments`",
                )


def _for_nobody(draft: Draft, profile: Profile) -> bool:
    """Groups that a sign-in provider fills are not known here, and unknown ones found elsewhere."""
    values = draft.values
    if not profile.groups or values.access.sign_in != "shared-password":
        return False
    return all(values.groups.get(group) == () for group in profile.groups)


def _bytes(amount: str | None) -> int | None:
    return None if amount is None else parse_memory(amount)

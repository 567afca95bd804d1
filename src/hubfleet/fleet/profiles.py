"""Profiles: who may choose which, what a choice comes to, and the same as KubeSpawner's list.

Pure functions over the declared values, so that the page, the form's answer, the API and any
platform agree. A profile, a question of it and an answer are chosen by slug: `Large (8 GB)` is
`large-8-gb`, and a choice in full is `{"profile": "large-8-gb", "memory": "16-gb"}`, as KubeSpawner
takes it too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from hubfleet.fleet.model import Choice, Guarantees, HubValues, Limits, Option, Profile

Named = TypeVar("Named", Profile, Choice)
Amounts = TypeVar("Amounts", Limits, Guarantees)

_LONGEST_SHOWN = 40
_INTERFACES = {"lab": "/lab", "notebook": "/tree", "rstudio": "/rstudio"}


class ForbiddenChoiceError(LookupError):
    """Somebody asked for what is not offered to them; the text is for them."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What one server is started with."""

    limits: Limits
    guarantees: Guarantees
    interface: str
    environment: str | None = None


def slug(name: str) -> str:
    """The name as scripts write it."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "profile"


def url_of(interface: str) -> str:
    """Where an interface opens, below the server's own address."""
    return _INTERFACES.get(interface, interface)


def allowed_profiles(profiles: Iterable[Profile], groups: Iterable[str]) -> tuple[Profile, ...]:
    """Those that a member of `groups` may choose, in the declared order."""
    member = frozenset(groups)
    return tuple(p for p in profiles if not p.groups or not member.isdisjoint(p.groups))


def default_of(items: Sequence[Named]) -> Named | None:
    """The declared default, else the first; None where there is none."""
    return next((item for item in items if item.default), items[0] if items else None)


def terms(values: HubValues, profiles: Sequence[Profile], asked: Mapping[str, Any]) -> Terms:
    """What a server comes to when its person, who may use `profiles`, asked for `asked`.

    Raises ForbiddenChoiceError for anything that was not offered, whatever its type.
    """
    questions = {key: answer for key, answer in asked.items() if key != "profile"}
    profile = _profile(profiles, asked.get("profile"))
    options = profile.options if profile else ()
    answers = [_answer(option, questions.pop(slug(option.name), None)) for option in options]
    for question in questions:
        raise ForbiddenChoiceError(f"Nothing called {_shown(question)} can be chosen here.")
    return _combined(values, profile, answers)


def _combined(values: HubValues, profile: Profile | None, answers: Iterable[Choice]) -> Terms:
    found = Terms(values.limits, values.guarantees, values.interface)
    if profile is None:
        return found
    found = replace(_changed(found, profile), interface=profile.interface or values.interface)
    for choice in answers:
        found = _changed(found, choice)
    return found


def _profile(profiles: Sequence[Profile], wanted: Any) -> Profile | None:
    if wanted is None:
        return default_of(profiles)
    for profile in profiles:
        if slug(profile.name) == wanted:
            return profile
    choices = ", ".join(slug(profile.name) for profile in profiles) or "none"
    raise ForbiddenChoiceError(
        f"There is no profile {_shown(wanted)} for you. Your profiles: {choices}."
    )


def _answer(option: Option, wanted: Any) -> Choice:
    default = default_of(option.choices)
    if wanted is None and default is not None:
        return default
    for choice in option.choices:
        if slug(choice.name) == wanted:
            return choice
    choices = ", ".join(slug(choice.name) for choice in option.choices)
    raise ForbiddenChoiceError(
        f"{option.name!r} cannot be {_shown(wanted)}. Your choices: {choices}."
    )


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def _changed(before: Terms, by: Profile | Choice) -> Terms:
    return replace(
        before,
        limits=_merged(before.limits, by.limits),
        guarantees=_merged(before.guarantees, by.guarantees),
        environment=by.environment or before.environment,
    )


def _merged(before: Amounts, by: Any) -> Amounts:
    return before.model_copy(update={k: v for k, v in by.model_dump().items() if v is not None})


def every_terms(values: HubValues) -> Iterator[tuple[tuple[str | int, ...], Terms]]:
    """Where each combination of amounts is declared, and what it comes to.

    Choices are looked at one at a time, each with the defaults of the other questions.
    """
    yield (), _combined(values, None, ())
    for number, profile in enumerate(values.profiles):
        defaults = [default_of(option.choices) or option.choices[0] for option in profile.options]
        yield ("profiles", number), _combined(values, profile, defaults)
        for place, option in enumerate(profile.options):
            for position, choice in enumerate(option.choices):
                answers = [*defaults[:place], choice, *defaults[place + 1 :]]
                path = ("profiles", number, "options", place, "choices", position)
                yield path, _combined(values, profile, answers)


def profile_list(values: HubValues) -> list[dict[str, Any]]:
    """The profiles as KubeSpawner's `profile_list`.

    `allowed_groups` is not KubeSpawner's own: a hub leaves out what its person may not use.
    """
    return [_kube_profile(profile, values) for profile in values.profiles]


def _kube_profile(profile: Profile, values: HubValues) -> dict[str, Any]:
    entry: dict[str, Any] = {"display_name": profile.name, "slug": slug(profile.name)}
    if profile.description:
        entry["description"] = profile.description
    entry["default"] = profile is default_of(values.profiles)
    entry["kubespawner_override"] = _kube_override(profile)
    if profile.interface is not None:
        entry["kubespawner_override"]["default_url"] = url_of(profile.interface)
    if profile.groups:
        entry["allowed_groups"] = list(profile.groups)
    if profile.options:
        entry["profile_options"] = {slug(o.name): _kube_option(o) for o in profile.options}
    return entry


def _kube_option(option: Option) -> dict[str, Any]:
    choices = {
        slug(choice.name): {
            "display_name": choice.name,
            "default": choice is default_of(option.choices),
            "kubespawner_override": _kube_override(choice),
        }
        for choice in option.choices
    }
    return {"display_name": option.name, "choices": choices}


def _kube_override(by: Profile | Choice) -> dict[str, Any]:
    override = {
        "mem_limit": by.limits.memory,
        "mem_guarantee": by.guarantees.memory,
        "cpu_limit": by.limits.cpu,
        "cpu_guarantee": by.guarantees.cpu,
    }
    return {key: value for key, value in override.items() if value is not None}

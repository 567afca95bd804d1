"""The page on which people choose a profile, and what they sent.

Radio buttons for profiles; a profile's options are lists below it. The names of the fields are
KubeSpawner's: `profile`, and `profile-option-<profile>--<option>`. `fleet.profiles` judges what
comes back.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

from hubfleet.fleet.model import HubValues, Option, Profile
from hubfleet.fleet.profiles import Terms, default_of, slug, terms
from hubfleet.kit.units import parse_memory
from hubfleet.platforms.local.hub.notices import spoken

_STYLE = """
.profile { position: relative; border: 1px solid var(--bs-border-color); border-radius: .5rem;
  padding: 1rem 1.25rem; margin-bottom: .75rem; }
.profile:has(> input:checked) { border-color: var(--bs-primary);
  box-shadow: 0 0 0 1px var(--bs-primary); }
.profile:has(> input:focus-visible) { outline: 2px solid var(--bs-primary); outline-offset: 2px; }
.profile > input { border-color: #868e96; }
.profile > label { font-weight: 600; }
.profile > label::after { content: ""; position: absolute; inset: 0; cursor: pointer; }
.profile > input, .profile-options { position: relative; z-index: 1; }
.profile-options { display: grid; gap: .5rem 1rem; margin-top: .75rem;
  grid-template-columns: repeat(auto-fit, minmax(12rem, 1fr)); }
.profile:not(:has(> input:checked)) .profile-options { display: none; }
"""


def options_from_form(data: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """What was chosen, as scripts send it; answers to other profiles' questions are left out."""
    profile = next(iter(data.get("profile", ())), None)
    if profile is None:
        return {}
    prefix = _field(profile, "")
    answers = {
        name.removeprefix(prefix): answer[0]
        for name, answer in data.items()
        if name.startswith(prefix) and answer
    }
    return {**answers, "profile": profile}


def _field(profile: str, option: str) -> str:
    return f"profile-option-{profile}--{option}"


def options_form(profiles: Sequence[Profile], values: HubValues) -> str:
    """The list of choices as HTML; empty (no page) where there is nothing to choose."""
    if not profiles:
        return ""
    chosen = default_of(profiles)
    choices = "".join(_profile(profile, values, profile is chosen) for profile in profiles)
    return (
        f"<style>{_STYLE}</style>"
        f'<fieldset><legend class="visually-hidden">Choose a server</legend>{choices}</fieldset>'
    )


def _profile(profile: Profile, values: HubValues, checked: bool) -> str:
    name = slug(profile.name)
    about = [html.escape(profile.description)] if profile.description else []
    about.append(_amounts(terms(values, (profile,), {})))
    options = "".join(_option(name, option) for option in profile.options)
    return (
        '<div class="profile form-check">'
        f'<input class="form-check-input ms-0 me-2" type="radio" name="profile" '
        f'id="profile-{name}" value="{name}" aria-describedby="about-{name}"'
        f"{' checked' if checked else ''}>"
        f'<label class="form-check-label" for="profile-{name}">{html.escape(profile.name)}</label>'
        f'<div class="form-text" id="about-{name}">{"<br>".join(about)}</div>'
        + (f'<div class="profile-options">{options}</div>' if options else "")
        + "</div>"
    )


def _option(profile: str, option: Option) -> str:
    field = html.escape(_field(profile, slug(option.name)))
    default = default_of(option.choices)
    choices = "".join(
        f'<option value="{slug(choice.name)}"{" selected" if choice is default else ""}>'
        f"{html.escape(choice.name)}</option>"
        for choice in option.choices
    )
    return (
        f'<div><label class="form-label" for="{field}">{html.escape(option.name)}</label>'
        f'<select class="form-select" name="{field}" id="{field}">{choices}</select></div>'
    )


def _amounts(found: Terms) -> str:
    memory, cpu = found.limits.memory, found.limits.cpu
    said = [
        "memory without limit" if memory is None else f"{spoken(parse_memory(memory))} of memory",
        "CPUs without limit" if cpu is None else f"{cpu:g} CPU{'' if cpu == 1 else 's'}",
    ]
    return ", ".join(said)

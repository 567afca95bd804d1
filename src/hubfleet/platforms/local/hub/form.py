"""Profiles: the page on which people choose one, and what a choice changes.

Pure functions over the declared profiles, so that the page, the form's answer and the API agree.
A profile is chosen by its slug: `Large (8 GB)` is `large-8-gb`.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence

from hubfleet.fleet.model import Limits, Profile


def slug(name: str) -> str:
    """A profile's name as scripts write it."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "profile"


def allowed_profiles(profiles: Iterable[Profile], groups: Iterable[str]) -> tuple[Profile, ...]:
    """Those that a member of `groups` may choose, in the declared order."""
    member = frozenset(groups)
    return tuple(p for p in profiles if not p.groups or not member.isdisjoint(p.groups))


def default_profile(profiles: Sequence[Profile]) -> Profile | None:
    """The declared default, else the first; None where there is none."""
    return next((p for p in profiles if p.default), profiles[0] if profiles else None)


def choose(profiles: Sequence[Profile], wanted: str | None) -> Profile | None:
    """The profile asked for among those allowed, the default when nobody asked.

    Raises LookupError with the choices when `wanted` is not among them.
    """
    if wanted is None:
        return default_profile(profiles)
    for profile in profiles:
        if slug(profile.name) == wanted:
            return profile
    choices = ", ".join(slug(profile.name) for profile in profiles) or "none"
    raise LookupError(f"There is no profile {wanted!r} for you. Your profiles: {choices}.")


def effective_limits(hub: Limits, profile: Profile | None) -> Limits:
    """The hub's limits, changed by what the profile sets."""
    if profile is None:
        return hub
    own = profile.limits
    return Limits(
        memory=hub.memory if own.memory is None else own.memory,
        cpu=hub.cpu if own.cpu is None else own.cpu,
    )


def options_form(profiles: Sequence[Profile], hub: Limits) -> str:
    """The list of choices as HTML; empty (no page) where there is nothing to choose."""
    if not profiles:
        return ""
    chosen = default_profile(profiles)
    choices = "".join(_choice(profile, hub, profile is chosen) for profile in profiles)
    return f'<fieldset><legend class="h4">Choose a server</legend>{choices}</fieldset>'


def _choice(profile: Profile, hub: Limits, checked: bool) -> str:
    name = slug(profile.name)
    limits = effective_limits(hub, profile)
    about = [html.escape(profile.description)] if profile.description else []
    about.append(f"Memory: {html.escape(limits.memory or 'no limit')}, CPUs: {_cpus(limits.cpu)}")
    return (
        '<div class="form-check mb-3">'
        f'<input class="form-check-input" type="radio" name="profile" id="profile-{name}" '
        f'value="{name}" aria-describedby="about-{name}"{" checked" if checked else ""}>'
        f'<label class="form-check-label" for="profile-{name}">{html.escape(profile.name)}</label>'
        f'<div class="form-text" id="about-{name}">{"<br>".join(about)}</div>'
        "</div>"
    )


def _cpus(amount: float | None) -> str:
    return "no limit" if amount is None else f"{amount:g}"

"""Filters for the pages on which people act."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from hubfleet.planning.steps import Step, hub_name

register = template.Library()


@register.filter
def short(name: str) -> str:
    """`prod` of `ant/prod`."""
    return name.rpartition("/")[2]


@register.filter
def hub_of(step: Step) -> str:
    """The hub that a step is about."""
    return hub_name(step)


@register.filter
def coded(text: str) -> SafeString:
    """What stands between backticks, as code; everything is escaped first."""
    marked = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))
    return mark_safe(marked)  # noqa: S308


@register.filter
def words(text: str) -> list[str]:
    """Words between spaces, to walk over."""
    return text.split()


@register.filter
def two(people: Sequence[Any]) -> list[Any]:
    """One or two people, and nobody in the place of the second."""
    return [*people, {}, {}][:2]


@register.filter
def whose(owner: str, community: str) -> str:
    """An owner in words."""
    return {"community": community, "operator": "the operator", "shared": "both"}.get(owner, owner)


@register.filter
def period(text: str) -> str:
    """`14d` as `14 days`."""
    count, unit = int(text[:-1]), {"d": "day", "w": "week", "y": "year"}[text[-1]]
    return f"{count} {unit}{'' if count == 1 else 's'}"

"""Tags of the console's own templates."""

from __future__ import annotations

from typing import Any

from django import template
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from hubfleet.fleet.model import Hub
from hubfleet.office.console.hub_frame import tabs_of
from hubfleet.planning.steps import Step, action

register = template.Library()


@register.simple_tag(takes_context=True)
def hub_tabs(context: dict[str, Any], hub: Hub, here: str) -> SafeString:
    """The parts of a hub that the visitor may open."""
    values = {"tabs": list(tabs_of(context["request"], hub)), "here": here}
    return render_to_string("console/parts/hub_tabs.html", values)


@register.filter
def step_word(step: Step) -> str:
    """`create`, `update`, `start` or `remove`."""
    return action(step)

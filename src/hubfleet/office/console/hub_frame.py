"""What all pages of a hub share: its head, its address, and the tabs that the visitor may open."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from hubfleet.fleet.model import Fleet, Hub
from hubfleet.office.accounts.asking import ask
from hubfleet.office.accounts.rights import Action
from hubfleet.office.console.glance import Row, glance
from hubfleet.office.leaving.ending import open_ending

_TABS: tuple[tuple[str, str, str, tuple[Action, ...]], ...] = (
    ("overview", "Overview", "console:hub", (Action.SEE_HUB,)),
    ("people", "People", "console:hub-people", (Action.SEE_PEOPLE,)),
    ("use", "Use", "console:hub-use", (Action.SEE_COST,)),
    (
        "change",
        "Settings",
        "console:hub-change",
        (Action.CHANGE_LIMITS, Action.CHANGE_PROFILES, Action.CHANGE_ENVIRONMENT),
    ),
    ("revisions", "Revisions", "console:hub-revisions", (Action.SEE_LOGS, Action.ROLL_BACK)),
    ("values", "Values", "console:hub-values", (Action.SEE_LOGS,)),
    ("logs", "Logs", "console:hub-logs", (Action.SEE_LOGS,)),
    ("leaving", "Leaving", "console:hub-leaving", (Action.TAKE_HUB, Action.END_HUB)),
)
"""Name, words, address, and the acts of which one must be offered."""


@dataclass(frozen=True, slots=True)
class Tab:
    name: str
    words: str
    href: str


def hub_context(request: HttpRequest, fleet: Fleet, hub: Hub, tab: str) -> dict[str, Any]:
    """For templates that extend `console/hub_base.html`."""
    row = row_of(hub.name)
    community = fleet.communities[hub.community]
    return {
        "fleet": fleet,
        "hub": hub,
        "hub_short": hub.name.partition("/")[2],
        "row": row,
        "community": community,
        "sees_fleet": ask(request, Action.SEE_FLEET).allowed,
        "tab": tab,
        "ending": open_ending(hub.name),
        "sees_ending": ask(request, Action.END_HUB, hub.name).offered,
    }


def row_of(name: str) -> Row | None:
    """The hub's row of the glance."""
    return next((row for row in glance().rows if row.hub == name), None)


def tabs_of(request: HttpRequest, hub: Hub) -> Iterator[Tab]:
    arguments = hub.name.split("/")
    for name, words, view, actions in _TABS:
        if not any(ask(request, action, hub.name).offered for action in actions):
            continue
        try:
            yield Tab(name, words, reverse(view, args=arguments))
        except NoReverseMatch:
            continue

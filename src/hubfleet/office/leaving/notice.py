"""Telling those outside this room of an ending: whoever removes hubs, and the hub's own pages."""

from __future__ import annotations

from django.db.models import Q

from hubfleet.fleet.edits.edit import ClearField, SetField
from hubfleet.kit.errors import HubfleetError, Problem
from hubfleet.office.changes.changing import Asked, make_change
from hubfleet.office.leaving.models import Ending
from hubfleet.office.ports import desk
from hubfleet.platforms.local.folders import StateFolder
from hubfleet.rollout import endings

KEY = "page.announcement"


def write_last_days() -> None:
    """Bring the file that `apply` looks at up to date."""
    agreed = Ending.objects.filter(
        ~Q(consent_at=None), ~Q(confirmed_at=None), cancelled_at=None, gone_at=None
    )
    path = StateFolder(desk().state).endings
    endings.write(path, {one.hub: one.last_day for one in agreed})


def announcement(ending: Ending) -> str:
    """What everybody who uses the hub reads."""
    last = ending.last_day
    return (
        f"**This hub ends on {last.day} {last:%B %Y}.** "
        "Take your files along before then: afterwards they are deleted."
    )


def announce(ending: Ending, asked: Asked) -> Problem | None:
    """Put the news onto the hub's pages, by a change of the declaration; why not, when it cannot.

    It is seen once the change is rolled out. The second call brings it up to date.
    """
    fleet = desk().reload()
    hub = fleet.hubs.get(ending.hub)
    if hub is None:
        return None
    text = announcement(ending)
    now = hub.values.page.announcement or ""
    if now == text:
        return None
    try:
        make_change([SetField(ending.hub, KEY, text)], asked)
    except HubfleetError as error:
        return error.problems[0]
    if now != ending.announced:
        ending.announced_before = now
    ending.announced = text
    ending.save(update_fields=["announced", "announced_before"])
    return None


def withdraw(ending: Ending, asked: Asked) -> Problem | None:
    """Take the news back; what somebody else wrote there since stays."""
    hub = desk().reload().hubs.get(ending.hub)
    if hub is None or not ending.announced or hub.values.page.announcement != ending.announced:
        return None
    before = ending.announced_before
    edit = SetField(ending.hub, KEY, before) if before else ClearField(ending.hub, KEY)
    try:
        make_change([edit], asked)
    except HubfleetError as error:
        return error.problems[0]
    return None

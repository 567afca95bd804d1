"""What every page knows: the service's name, who is signed in, where they may go."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from hubfleet.kit.errors import HubfleetError
from hubfleet.office.console.navigation import LazyPlaces
from hubfleet.office.ports import desk


def frame(request: HttpRequest) -> dict[str, Any]:
    """For `base.html`, while the database answers."""
    return {**service(), "places": LazyPlaces(request)}


def service() -> dict[str, Any]:
    """For `base.html` at any time: asks no table."""
    try:
        declared = desk().fleet().service
        names = (declared.name, declared.contact, declared.operator)
    except (HubfleetError, RuntimeError):
        names = ("hubfleet", "", "")
    return {
        "service_name": names[0],
        "service_contact": names[1],
        "service_operator": names[2],
        "hubfleet_version": settings.CONSOLE_VERSION,
    }

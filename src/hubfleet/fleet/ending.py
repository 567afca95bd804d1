"""How a hub ends: notice, reminders, time to take everything along, and what is kept how long."""

from __future__ import annotations

from pydantic import Field

from hubfleet.fleet.declared import Declared
from hubfleet.fleet.fields import Count, Period


class Ending(Declared):
    """How a hub ends, in days of the service's time zone."""

    notice: Period = "30d"
    """How long before its last day an ending should be known; a later one is marked as late."""
    remind: tuple[Period, ...] = ("14d", "2d")
    """How long before the last day the representatives are reminded by mail."""
    export_days: Count = Field(default=7, ge=1, le=366)
    """The last days of a hub, in which the final export is made. No ending leaves less time."""
    extension: Period = "2w"
    """By how much an extension moves the last day."""
    retention: Period = "1y"
    """How long aggregates without people (days up and down, use, cost) are kept after the
    removal."""
    bundle_days: Count = Field(default=7, ge=1, le=90)
    """How many days a bundle that a representative made in the console can be fetched."""

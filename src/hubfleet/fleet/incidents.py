"""What the operator says about incidents: `service.incidents`. Pure."""

from __future__ import annotations

from pydantic import Field

from hubfleet.fleet.declared import Declared
from hubfleet.fleet.fields import Count, Duration


class Incidents(Declared):
    """How incidents are grouped, how often people are told, and when a report is due."""

    update_every: Duration = "3h"
    """While an incident is open, the public is to hear of it at least this often."""
    report_within: Count = Field(default=5, ge=1, le=60)
    """Working days after the end until the report is due: whole days from Monday to Friday in the
    service's time zone."""
    report_from: str = Field(default="P2", pattern=r"^P[1-4]$")
    """The least urgent priority whose incidents need a report."""
    same_cause: Duration = "10m"
    """Hubs of one cluster that fail alike within this time are one incident."""
    quiet: Duration = "5m"
    """An incident that nobody took ends by itself when its hubs have been well for this long and a
    probe agrees; one that returns within six times as long is the same incident."""

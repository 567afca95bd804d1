"""What the operator says about watching: `service.monitoring`, `.objectives` and `.checks`. Pure.

Secrets are named by the files that hold them on the machine of Alertmanager, and never read.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from hubfleet.fleet.declared import Declared
from hubfleet.fleet.fields import WEBSITE_PATTERN, Count, Duration, Flag, Number, Text

_HUB = Annotated[str, StringConstraints(pattern=r"^[^/]+/[^/]+$")]
_Percent = Annotated[Number, Field(ge=50, lt=100)]


class Objectives(Declared):
    """What the service promises itself; nothing unless the operator says so."""

    availability: _Percent | None = None
    """The share of time, in percent over 30 days, in which each production hub is to answer."""
    hubs: dict[_HUB, _Percent | Literal["none"]] = {}
    """Another share for these hubs (`community/hub`), staging hubs included; `none`: no target."""
    public: Flag = False
    """Show targets on the public status page."""

    def target_of(self, hub: str, stage: str) -> float | None:
        """The target of a hub in percent, None where nothing is promised."""
        own = self.hubs.get(hub)
        if own is not None:
            return None if own == "none" else own
        return self.availability if stage == "production" else None


class Monitoring(Declared):
    """Where alerts go; mail goes out through `service.mail`."""

    pager_key_file: Text | None = None
    """The file with PagerDuty's integration key, on the machine of Alertmanager."""
    webhook: str | None = Field(default=None, pattern=WEBSITE_PATTERN)
    """An address that is told of every alert."""
    webhook_token_file: Text | None = None
    """The file with the token that it wants, on the machine of Alertmanager."""
    mail_password_file: Text | None = None
    """The file with the password of `service.mail.user`, on the machine of Alertmanager."""
    watchdog: str | None = Field(default=None, pattern=WEBSITE_PATTERN)
    """An address elsewhere that is told every five minutes that alerting works, and raises the
    alarm when it hears nothing."""
    runbooks: str | None = Field(default=None, pattern=WEBSITE_PATTERN)
    """Where the runbook pages are published; default: the files beside the rules."""


class Checks(Declared):
    """How often the console tries the hubs by itself, and when it is sure of what it saw."""

    light: Duration = "1m"
    """How often each hub is asked whether it answers: address, certificate, proxy, hub."""
    retry: Duration = "20s"
    """How soon it is asked again after an answer that differs from what it is known for; at most
    `light`."""
    path: Duration = "15m"
    """How often a person's path through each hub is walked; also after each change."""
    down_after: Count = Field(default=3, ge=1, le=20)
    """A hub is down after so many failures in a row, and degraded after so many weak ones."""
    up_after: Count = Field(default=2, ge=1, le=20)
    """A hub is up again after so many successes in a row."""
    certificate_days: Count = Field(default=14, ge=0, le=365)
    """A certificate with fewer days left makes the hub degraded."""
    at_once: Count | None = Field(default=None, ge=1, le=64)
    """Paths that are walked at the same time; default: one for each processor of the machine."""
    keep: Duration = "14d"
    """How long single results are kept; changes and days are kept for `keep_days`."""
    keep_days: Count = Field(default=400, ge=32, le=4000)
    """For how many days the measured days, probes that people asked for, and turns are kept."""

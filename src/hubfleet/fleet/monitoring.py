"""What the operator says about watching: `service.monitoring` and `service.objectives`. Pure.

Secrets are named by the files that hold them on the machine of Alertmanager, and never read.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from hubfleet.fleet.declared import Declared
from hubfleet.fleet.fields import WEBSITE_PATTERN, Flag, Number, Text

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

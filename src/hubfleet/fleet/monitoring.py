"""What the operator says about watching: `service.monitoring` and `service.objectives`. Pure.

Secrets are named by the files that hold them on the machine of Alertmanager, and never read.
"""

from __future__ import annotations

from pydantic import Field

from hubfleet.fleet.declared import Declared
from hubfleet.fleet.fields import WEBSITE_PATTERN, Number, Text


class Objectives(Declared):
    """What the service promises itself; nothing unless the operator says so."""

    availability: Number | None = Field(default=None, ge=50, lt=100)
    """The share of time, in percent over 30 days, in which each production hub is to answer."""


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
    runbooks: str | None = Field(default=None, pattern=WEBSITE_PATTERN)
    """Where the runbook pages are published; default: the files beside the rules."""

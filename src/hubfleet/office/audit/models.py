"""One table: an entry for each act, done or refused. Rows are written once."""

from __future__ import annotations

from django.db import models

from hubfleet.kit.clock import now


class Entry(models.Model):
    """Names are text as they were at that time; nothing here points into another room."""

    at = models.DateTimeField(default=now)
    who = models.CharField(max_length=150, blank=True)
    """The login; empty for nobody that is known, `hubfleet` for the product itself."""
    who_id = models.CharField(max_length=36, blank=True)
    """The account's UUID; empty without one."""
    act = models.CharField(max_length=60)
    """An action of the rights, or a verb of the accounts such as `sign-in`."""
    community = models.CharField(max_length=40, blank=True)
    hub = models.CharField(max_length=80, blank=True)
    """`community/hub`."""
    outcome = models.CharField(max_length=10)
    """`done`, `refused`, `hidden` or `failed`."""
    what = models.TextField(blank=True)
    """A sentence for people."""
    details = models.JSONField(default=dict)
    """Values for programs; never a secret."""
    address = models.GenericIPAddressField(null=True)
    """Where the request came from."""
    through = models.CharField(max_length=10)
    """`console`, `api`, `cli` or `product`."""

    class Meta:
        app_label = "audit"
        ordering = ("-id",)
        indexes = [
            models.Index(fields=("at",), name="audit_at"),
            models.Index(fields=("community", "-id"), name="audit_community"),
            models.Index(fields=("hub", "-id"), name="audit_hub"),
            models.Index(fields=("who", "-id"), name="audit_who"),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.who or 'somebody'} {self.act} {self.outcome}"

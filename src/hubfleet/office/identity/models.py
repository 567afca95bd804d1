"""Who is at which hub, so that it can be ended. Codes and tokens are django-oauth-toolkit's."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from hubfleet.kit.clock import now


class Visit(models.Model):
    """A person who was signed in to a hub and may have sessions or a server there.

    Its row goes away when nothing of it is left. People and hubs are names: the rows are about
    what is open, whatever becomes of the account or the declaration.
    """

    OPEN, DOUBTED, ENDING = "open", "doubted", "ending"

    person = models.CharField(max_length=36)
    login = models.CharField(max_length=150)
    hub = models.CharField(max_length=80)
    state = models.CharField(max_length=8, default=OPEN)
    """`doubted`: something changed, look whether they may still; `ending`: they may not."""
    since = models.DateTimeField(default=now)
    asked_at = models.DateTimeField(null=True)
    """When the end was asked for."""
    why = models.CharField(max_length=200, blank=True)
    tries = models.PositiveIntegerField(default=0)
    next_try_at = models.DateTimeField(default=now)
    trouble = models.CharField(max_length=300, blank=True)
    """Why the last try did not end it."""

    class Meta:
        app_label = "identity"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=("person", "hub"), name="identity_visit_once")
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=("state", "next_try_at"), name="identity_visits_due")
        ]

    def __str__(self) -> str:
        return f"{self.login} at {self.hub}: {self.state}"

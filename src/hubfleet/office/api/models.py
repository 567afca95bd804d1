"""Tokens, and requests for one from a device. Secrets are stored as digests alone."""

from __future__ import annotations

import uuid

from django.db import models

from hubfleet.kit.clock import now


class Token(models.Model):
    """What a program shows instead of a person's session."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    digest = models.CharField(max_length=64, unique=True)
    person = models.CharField(max_length=36, db_index=True)
    """The account's UUID."""
    login = models.CharField(max_length=150)
    name = models.CharField(max_length=100)
    """What the person calls it."""
    scopes = models.JSONField(default=list)
    made_at = models.DateTimeField(default=now)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    """When it was last shown, to the minute."""
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "api"
        ordering = ("-made_at",)

    def __str__(self) -> str:
        return f"{self.name} of {self.login}"


class DeviceRequest(models.Model):
    """A program that waits for its person to agree in a browser (RFC 8628)."""

    digest = models.CharField(max_length=64, unique=True)
    """Of the device's code, which only the program knows."""
    user_code = models.CharField(max_length=9, unique=True)
    """`BCDF-GHJK`, which the person compares and types."""
    client = models.CharField(max_length=100)
    """What the program says it is; nothing proves it."""
    scopes = models.JSONField(default=list)
    address = models.GenericIPAddressField(null=True)
    made_at = models.DateTimeField(default=now)
    expires_at = models.DateTimeField()
    asked_at = models.DateTimeField(null=True)
    """When the program last asked."""
    person = models.CharField(max_length=36, blank=True)
    """Who agreed."""
    login = models.CharField(max_length=150, blank=True)
    refused = models.BooleanField(default=False)
    used = models.BooleanField(default=False)

    class Meta:
        app_label = "api"

    def __str__(self) -> str:
        return f"{self.client} with {self.user_code}"

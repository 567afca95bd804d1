"""Tells Django about this room."""

from __future__ import annotations

from django.apps import AppConfig


class UsageConfig(AppConfig):
    name = "hubfleet.office.usage"
    label = "usage"
    default_auto_field = "django.db.models.BigAutoField"

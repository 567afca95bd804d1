"""Tells Django about this room."""

from __future__ import annotations

from django.apps import AppConfig


class WatchingConfig(AppConfig):
    name = "hubfleet.office.watching"
    label = "watching"
    default_auto_field = "django.db.models.BigAutoField"

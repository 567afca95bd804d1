"""Tells Django about this room."""

from __future__ import annotations

from django.apps import AppConfig


class LeavingConfig(AppConfig):
    name = "hubfleet.office.leaving"
    label = "leaving"
    default_auto_field = "django.db.models.BigAutoField"

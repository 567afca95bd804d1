"""Tells Django about this room."""

from __future__ import annotations

from django.apps import AppConfig


class ChangesConfig(AppConfig):
    name = "hubfleet.office.changes"
    label = "changes"
    default_auto_field = "django.db.models.BigAutoField"

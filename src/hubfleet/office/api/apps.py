"""Tells Django about this room."""

from __future__ import annotations

from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "hubfleet.office.api"
    label = "api"
    default_auto_field = "django.db.models.BigAutoField"

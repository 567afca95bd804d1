"""Tells Django about this room."""

from __future__ import annotations

from django.apps import AppConfig


class SchedulesConfig(AppConfig):
    name = "hubfleet.office.schedules"
    label = "schedules"
    default_auto_field = "django.db.models.BigAutoField"

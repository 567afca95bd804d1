"""Tells Django about this room."""

from __future__ import annotations

from django.apps import AppConfig


class PostConfig(AppConfig):
    name = "hubfleet.office.post"
    label = "post"
    default_auto_field = "django.db.models.BigAutoField"

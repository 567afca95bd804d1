"""Tells Django about this room, for its templates and static files."""

from __future__ import annotations

from django.apps import AppConfig


class SiteConfig(AppConfig):
    name = "hubfleet.office.site"
    label = "site"

"""Tells Django about this room."""

from __future__ import annotations

from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    name = "hubfleet.office.console"
    label = "console"

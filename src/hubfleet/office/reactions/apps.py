"""Tells Django about this room, which has no tables, and lets it listen."""

from __future__ import annotations

from django.apps import AppConfig


class ReactionsConfig(AppConfig):
    name = "hubfleet.office.reactions"
    label = "reactions"

    def ready(self) -> None:
        from hubfleet.office.reactions import pages

        pages.listen()

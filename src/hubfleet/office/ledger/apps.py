"""Tells Django about this room."""

from __future__ import annotations

from django.apps import AppConfig


class LedgerConfig(AppConfig):
    name = "hubfleet.office.ledger"
    label = "ledger"

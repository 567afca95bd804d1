"""The one list of priorities, and the severity that each has at PagerDuty."""

from __future__ import annotations

PRIORITIES = {"P1": "critical", "P2": "error", "P3": "warning", "P4": "info"}
"""P1: now, at any hour. P2: the same day. P3: this week. P4: when work is planned."""

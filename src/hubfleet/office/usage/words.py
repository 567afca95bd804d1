"""What each number means, printed beside it wherever it is shown. Pure."""

from __future__ import annotations

from collections.abc import Mapping

DEFINITIONS: Mapping[str, str] = {
    "users": "different people who had a server running in the period; a person on several hubs of "
    "a community counts once, and once in each community",
    "billed_users": "different people who started a server in the calendar month of UTC",
    "users_by_day": "users of each day, averaged over the days of the period that have begun",
    "most_users_of_a_day": "the most users of one day",
    "most_users_of_a_week": "the most users of one week, from Monday to Sunday in UTC, that begins "
    "in the period",
    "sessions": "servers that started",
    "server_hours": "hours in which servers ran, from the start that the hub tells to the last "
    "reading that saw them",
    "memory_hours_requested": "GiB-hours that were promised: guarantee, else limit, for as long as "
    "servers ran",
    "memory_hours_used": "GiB-hours that servers had in use, where the platform measures it",
    "measured_share": "share of the server-hours in which memory in use was measured",
    "cpu_hours": "CPU-hours that servers used, where the platform measures it",
    "peak": "the most servers at once, as seen at the readings",
    "starts": "starts of servers that succeeded as the hub counts them: staff and health checks "
    "are among them",
    "start_seconds_half": "half of the starts took no longer (seconds, from the hub's histogram)",
    "start_seconds_most": "95 % of the starts took no longer (seconds, from the hub's histogram)",
    "failed": "starts that broke, as the hub counts them",
    "rejected": "starts that the hub refused; JupyterHub before 6 counts them as failed",
}

WHO = "Staff of the operator and health checks are left out unless it says otherwise."
WHEN = "Days, weeks, months and years are those of UTC."
FEW = 5
"""Smaller numbers of people are not published."""
HIDDEN = f"What tells of fewer than {FEW} people is hidden."

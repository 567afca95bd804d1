"""What becomes due by time alone: feeds to read anew, pages and calls that nobody needs."""

from __future__ import annotations

from hubfleet.office.oncall import absences, delivering, hearing


def work() -> None:
    """One round; the console turns it every quarter of an hour."""
    absences.refresh()
    delivering.forget()
    hearing.forget()

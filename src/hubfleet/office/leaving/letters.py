"""What representatives and contacts read about an ending, by mail."""

from __future__ import annotations

from datetime import date

from django.conf import settings

from hubfleet.fleet.model import Fleet
from hubfleet.office.leaving.models import Ending
from hubfleet.office.post.outbox import Letter, put_all

KIND = "ending"


def ask_for_consent(ending: Ending, fleet: Fleet) -> int:
    """To those who speak for the community: somebody wants the hub to end."""
    text = (
        f"{ending.asked_by} asks that the hub {ending.hub} ends on {_day(ending.last_day)}."
        f"{_reason(ending)}\n\n"
        "Nothing happens until one of you agrees and a second person confirms it. "
        "Look at the dates, and agree or say no, here:\n\n"
        f"{_page(ending)}\n"
    )
    subject = f"Shall {ending.hub} end on {_day(ending.last_day)}?"
    return _send(_representatives(ending, fleet), subject, text)


def say_dates(ending: Ending, fleet: Fleet) -> int:
    """To representatives and contacts: it is agreed, and these are the dates."""
    text = (
        f"The hub {ending.hub} ends.\n\n{_dates(ending)}\n\n"
        "Take your hub along at any time before: the page below makes a bundle that runs "
        f"elsewhere.\n\n{_page(ending)}\n"
    )
    return _send(_everybody(ending, fleet), f"{ending.hub} ends on {_day(ending.last_day)}", text)


def remind(ending: Ending, fleet: Fleet, today: date) -> int:
    """To representatives and contacts, as many days before as the policy says."""
    left = (ending.last_day - today).days
    when = "today" if left <= 0 else "tomorrow" if left == 1 else f"in {left} days"
    need = (
        ""
        if ending.data
        else "\n\nPlease tell us on that page whether you have all data, or do not need it."
    )
    text = (
        f"The hub {ending.hub} ends {when}, on {_day(ending.last_day)}. "
        "Is everything that people need taken along?\n\n"
        f"{_dates(ending)}\n\n{_page(ending)}{need}\n"
    )
    return _send(_everybody(ending, fleet), f"{ending.hub} ends {when}", text)


def say_cancelled(ending: Ending, fleet: Fleet) -> int:
    """To all who were told the dates: the hub stays."""
    text = f"{ending.cancelled_by} took the end of the hub {ending.hub} back. It stays.\n"
    return _send(_everybody(ending, fleet), f"{ending.hub} stays", text)


def _dates(ending: Ending) -> str:
    rows = [
        ("Final export from", ending.export_from),
        ("Last day", ending.last_day),
        ("Removed from", ending.removal),
        ("Aggregates without people deleted on", ending.retention_end),
    ]
    lines = [f"- {words}: {_day(day)}" for words, day in rows]
    return "\n".join([*lines, f"(days of the time zone {ending.timezone})"])


def _reason(ending: Ending) -> str:
    reason = " ".join(ending.reason.split())
    return f"\nTheir reason: {reason}" if reason else ""


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def _page(ending: Ending) -> str:
    return f"{settings.CONSOLE_ADDRESS}/endings/{ending.pk}/"


def _representatives(ending: Ending, fleet: Fleet) -> list[str]:
    community = fleet.communities.get(ending.community)
    return [person.email for person in community.file.representatives] if community else []


def _everybody(ending: Ending, fleet: Fleet) -> list[str]:
    community = fleet.communities.get(ending.community)
    contacts = [one.email for one in community.file.contacts] if community else []
    return list(dict.fromkeys([*_representatives(ending, fleet), *contacts]))


def _send(addresses: list[str], subject: str, text: str) -> int:
    return put_all(Letter(KIND, address, subject, text) for address in addresses)

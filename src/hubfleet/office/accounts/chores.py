"""What becomes due by time alone: memberships that end, sessions and mails that nobody needs."""

from __future__ import annotations

from django.contrib.sessions.models import Session

from hubfleet.kit.clock import now
from hubfleet.office.accounts import leaving, people
from hubfleet.office.ports import desk
from hubfleet.office.post import sending


def work() -> None:
    """One round; the console turns it every minute."""
    fleet = desk().fleet()
    leaving.expire(fleet, people.day_of(fleet))
    Session.objects.filter(expire_date__lt=now()).delete()
    sending.forget()

"""What is due by itself: reminders, hubs that are gone, retentions that are over.

Called again and again by the console, and by commands that want to know what is so now. Every act
is one transaction that the next turn finds done.
"""

from __future__ import annotations

from datetime import date

from django.db import IntegrityError, transaction

from hubfleet.fleet.model import Fleet
from hubfleet.kit.clock import now
from hubfleet.office.accounts.actions import Action
from hubfleet.office.accounts.people import day_of
from hubfleet.office.audit.record import Actor, record
from hubfleet.office.leaving import erasing, evidence, letters
from hubfleet.office.leaving.ending import agreed_and_open
from hubfleet.office.leaving.models import Ending, Told
from hubfleet.office.leaving.notice import write_last_days
from hubfleet.office.ports import desk
from hubfleet.platforms.local.folders import StateFolder


def work() -> None:
    """The console's loop."""
    fleet = desk().fleet()
    today = day_of(fleet)
    write_last_days()
    remind(fleet, today)
    notice_gone(fleet, today)
    forget(today)


def remind(fleet: Fleet, today: date) -> int:
    """Send the reminder that is due for each ending; of several that were missed, one."""
    sent = 0
    for ending in agreed_and_open():
        due = [day for day in ending.dates.reminders if day <= today]
        if not due or today > ending.last_day:
            continue
        try:
            with transaction.atomic():
                Told.objects.create(ending=ending, what=f"reminder of {due[-1]}")
                letters.remind(ending, fleet, today)
        except IntegrityError:
            # It was sent, perhaps by another process a moment ago.
            continue
        sent += 1
    return sent


def notice_gone(fleet: Fleet, today: date) -> list[Ending]:
    """Endings whose hubs are neither declared nor seen any more, from their removal day on.

    A cluster that does not answer says nothing: its hubs may be there.
    """
    waiting = [
        one
        for one in Ending.objects.filter(cancelled_at=None, gone_at=None, removal__lte=today)
        if one.hub not in fleet.hubs
    ]
    if not waiting:
        return []
    seen = desk().observe()
    answering = {one.cluster for one in seen}
    held = {hub for one in seen for hub in one.hubs}
    gone = [
        one
        for one in waiting
        if one.hub not in held and (one.cluster in answering or one.cluster not in fleet.clusters)
        if not _on_disk(one, StateFolder(desk().state))
    ]
    for ending in gone:
        with transaction.atomic():
            ending.gone_at = now()
            ending.save(update_fields=["gone_at"])
            what = f"{ending.hub} is gone: neither declared nor seen"
            record(Actor(), Action.END_HUB, hub=ending.hub, what=what)
        evidence.look(ending)
    if gone:
        write_last_days()
    return gone


def _on_disk(ending: Ending, state: StateFolder) -> bool:
    return ending.platform == "local" and state.hub(ending.hub).spec.exists()


def forget(today: date) -> None:
    """Delete aggregates whose retention is over, of hubs of which nothing else is left."""
    over = Ending.objects.filter(
        closed_at=None, cancelled_at=None, settled_at__isnull=False, retention_end__lte=today
    )
    for ending in over:
        erasing.forget_aggregates(ending)

"""A hub went up, down or degraded: incidents learn of it, once, in the transaction that says so."""

from __future__ import annotations

from django.db import transaction

from hubfleet.kit.clock import now
from hubfleet.office.incidents import intake
from hubfleet.office.ports import desk
from hubfleet.office.watching.models import Turn

AT_ONCE = 500


def react() -> int:
    """Called every two seconds; how many turns were new."""
    if not Turn.objects.filter(reacted_at=None).exists():
        return 0
    fleet = desk().fleet()
    with transaction.atomic():
        waiting = Turn.objects.select_for_update().filter(reacted_at=None).order_by("id")
        rows = list(waiting[:AT_ONCE])
        turned = [
            intake.Turned(row.hub, row.state, row.cause, row.what, row.began_at) for row in rows
        ]
        intake.turned(turned, fleet)
        Turn.objects.filter(pk__in=[row.pk for row in rows]).update(reacted_at=now())
    return len(rows)
